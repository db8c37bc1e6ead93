"""Whole runs through a real Airflow on a real cluster."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
import redis
from e2e_stack import NAMESPACE, SHARED_REDIS

from kubejobs.workqueue.connection import open_client
from support.submissions import DOCUMENTS, PASSWORD
from support.web import web_server

pytestmark = pytest.mark.timeout(420)

SMALL = {"requests": {"cpu": "20m", "memory": "32Mi"}}


def run_each(*command: str, result: bool = False) -> list[str]:
    """The runner for plain commands."""
    return ["python3", "-m", "kubejobs.worker.main", *(["--result"] if result else []), "--", *command]


def submission(stack, items, seconds, command=None, **fields):
    base = {
        "image": stack.worker_image,
        "command": command or run_each("true"),
        "workload": {"items": items},
        "expected_time": seconds,
        "resources": SMALL,
    }
    return base | fields


def items_of(count):
    return [f"item-{number}" for number in range(count)]


def test_the_documents_own_body_runs_unchanged(stack):
    """The JSON of the documents, with a command, an image and a workload that exist, ends in success."""
    body = copy.deepcopy(DOCUMENTS)
    with web_server() as site:
        site.routes["/items.txt"] = "".join(f"{item}\n" for item in items_of(40)).encode()
        url = site.url("/items.txt")
        body["plugin_info"] |= {"cmd": run_each("true"), "img": stack.worker_image, "redis_workload": url}
        run_id = stack.submit(body)
        assert stack.wait_for_end(run_id) == "success", stack.log(run_id, "control")
    assert stack.report(run_id)["items"]["done"] == 40
    assert PASSWORD not in json.dumps([stack.log(run_id, task) for task in ("deploy", "job", "control", "report")])
    stack.wait_until_gone(run_id)


def test_a_run_scales_up_and_down_and_does_every_item_once(stack):
    """A tight time adds workers, being ahead removes them, and the results name every item exactly once."""
    items = items_of(150)
    conf = submission(
        stack,
        items,
        100,
        run_each("sh", "-c", "sleep 1; echo $KUBEJOBS_ITEM", result=True),
        scaling={
            "initial_replicas": 1,
            "max_replicas": 8,
            "check_interval": 2,
            "trigger_up": 0.05,
            "trigger_down": 0.05,
        },
    )
    run_id = stack.submit(conf)
    assert stack.wait_for_end(run_id) == "success", stack.log(run_id, "control")
    report = stack.report(run_id)
    assert report["items"] == {"total": 150, "done": 150, "failed": 0, "dead": 0, "held": 0, "open": 0}
    assert report["cost"]["scale_ups"] >= 1
    assert report["cost"]["scale_downs"] >= 1
    results = next(Path(url) for url in report["files"] if url.endswith("results.jsonl"))
    seen = Counter(json.loads(line)["item"] for line in results.read_text().splitlines())
    assert seen == Counter(items)
    assert stack.tries(run_id)["control"] == 1
    stack.wait_until_gone(run_id)


def test_a_job_that_fails_fails_the_run_with_its_reason(stack):
    """Workers that end with an error exhaust the back-off limit; the run says so and leaves nothing behind."""
    run_id = stack.submit(submission(stack, items_of(3), 60, ["sh", "-c", "exit 3"], backoff_limit=0))
    assert stack.wait_for_end(run_id) == "failed"
    assert "BackoffLimitExceeded" in stack.log(run_id, "control")
    assert stack.report(run_id)["outcome"] == "job_failed"
    assert stack.task_states(run_id)["cleanup"] == "success"
    stack.wait_until_gone(run_id)


def test_marked_failed_during_deploy_leaves_nothing(stack):
    """The queue's image can't be had, so deploy waits; a mark then ends the run and removes what was made."""
    conf = submission(stack, items_of(3), 60, queue={"image": "image.invalid/none:1"})
    run_id = stack.submit(conf)
    stack.wait(lambda: stack.objects(run_id), 90, lambda: stack.log(run_id, "deploy"))
    stack.mark_failed(run_id)
    stack.wait_until_gone(run_id)
    assert stack.wait_for_end(run_id) == "failed"
    stack.wait_until_gone(run_id)


def test_marked_failed_during_control_leaves_nothing(stack):
    """A mark in the middle ends the workers and removes everything within a minute."""
    run_id = stack.submit(submission(stack, items_of(200), 300, run_each("sh", "-c", "sleep 1")))
    stack.wait_for_progress(run_id, 2)
    stack.mark_failed(run_id)
    stack.wait_until_gone(run_id)
    assert stack.wait_for_end(run_id) == "failed"


def test_the_triggerer_may_be_killed(stack):
    """After kill -9 of the triggerer the run ends as it would have: one Job, one journal without a gap."""
    run_id = stack.submit(
        submission(stack, items_of(90), 120, run_each("sh", "-c", "sleep 1"), scaling={"check_interval": 2})
    )
    stack.wait_for_progress(run_id, 3)
    jobs = [left.name for left in stack.objects(run_id) if left.kind == "Job"]
    stack.kill_triggerer()
    stack.start_triggerer()
    assert stack.wait_for_end(run_id, 360) == "success", stack.log(run_id, "control")
    report = stack.report(run_id)
    assert len(jobs) == 1
    assert report["items"]["done"] == 90
    assert report["course"]["restarts"] >= 1
    assert stack.tries(run_id)["job"] == 1
    assert stack.tries(run_id)["control"] == 1


def test_a_run_can_be_stopped_from_the_command_line(stack):
    """`kubejobs stop` lets the running item finish and ends the run; the report counts what was not run."""
    run_id = stack.submit(submission(stack, items_of(300), 600, run_each("sh", "-c", "sleep 1")))
    stack.wait_for_progress(run_id, 1)
    command = [sys.executable, "-m", "kubejobs.cli.main", "stop", run_id, "--namespace", NAMESPACE]
    subprocess.run([*command, "--kubeconfig", stack.endpoint.kubeconfig], check=True)
    assert stack.wait_for_end(run_id) == "success", stack.log(run_id, "control")
    report = stack.report(run_id)
    assert report["outcome"] == "stopped"
    assert report["items"]["held"] > 0
    assert report["items"]["done"] + report["items"]["held"] == 300


def test_the_rest_trigger_refuses_what_a_schema_can_say(stack):
    """A wrong type or range is a 4xx at the trigger, before any task runs."""
    for conf in ({"image": 7}, {"expected_time": -1}, {"initial_replicas": "many"}, {"plugin_info": []}):
        answer = stack.request("POST", "/api/v2/dags/kubejobs/dagRuns", {"logical_date": None, "conf": conf})
        assert 400 <= answer.status_code < 500, (conf, answer.text)


def test_a_submission_that_passes_the_schema_and_is_wrong_names_every_field(stack):
    """What only the whole submission shows is said by deploy, by field, and nothing is made."""
    conf = submission(stack, [], 60, scaling={"min_replicas": 5, "max_replicas": 2}, env={"REDIS_HOST": "x"})
    run_id = stack.submit(conf)
    assert stack.wait_for_end(run_id) == "failed"
    log = stack.log(run_id, "deploy")
    for field in ("items", "max_replicas", "REDIS_HOST"):
        assert field in log, log
    assert "Traceback" not in log
    assert stack.tries(run_id)["deploy"] == 1
    assert stack.objects(run_id) == []


def test_a_worker_of_the_original_protocol_runs_unmodified(stack):
    """A worker that knows only the lists and lease keys of the original, by redis-py alone, drains the queue."""
    source = (Path(__file__).parents[1] / "contract" / "queue" / "foreign_worker.py").read_text()
    run_id = stack.submit(submission(stack, items_of(30), 60, ["python3", "-c", source, "", "10"]))
    assert stack.wait_for_end(run_id) == "success", stack.log(run_id, "control")
    assert stack.report(run_id)["items"]["done"] == 30


def test_a_job_deleted_from_outside_fails_the_run_at_once(stack):
    """Somebody deletes the Job: the run fails and says so."""
    run_id = stack.submit(submission(stack, items_of(100), 300, run_each("sh", "-c", "sleep 1")))
    stack.wait_for_progress(run_id, 1)
    job = next(left for left in stack.objects(run_id) if left.kind == "Job")
    stack.cluster().delete("Job", job.name, NAMESPACE)
    assert stack.wait_for_end(run_id) == "failed"
    assert "deleted" in stack.log(run_id, "control")


def test_a_worker_that_knows_no_password_runs_on_an_open_queue(stack):
    """Images of the original know a host and nothing more; a submission may have its queue ask for no password."""
    source = (Path(__file__).parents[1] / "contract" / "queue" / "foreign_worker.py").read_text()
    assert 'password=os.environ["REDIS_PASSWORD"]' in source
    source = source.replace('password=os.environ["REDIS_PASSWORD"]', "")
    conf = submission(stack, items_of(30), 60, ["python3", "-c", source, "", "10"], queue={"authentication": False})
    run_id = stack.submit(conf)
    assert stack.wait_for_end(run_id) == "success", stack.log(run_id, "control")
    assert stack.report(run_id)["items"]["done"] == 30


def test_the_queue_server_may_be_restarted(stack):
    """The server goes away in the middle and comes back with its data: the run goes on and loses nothing."""
    run_id = stack.submit(submission(stack, items_of(60), 120, run_each("sh", "-c", "sleep 1")))
    stack.wait_for_progress(run_id, 5)
    with open_client(stack.queue_address(run_id)) as server, suppress(redis.ConnectionError):
        server.shutdown(nosave=True, now=True, force=True)
    assert stack.wait_for_end(run_id) == "success", stack.log(run_id, "control")
    assert stack.report(run_id)["items"]["done"] == 60


def test_a_queue_that_lost_its_data_fails_the_run(stack):
    """The queue's pod is deleted, and its data with it: the run fails, says so, and leaves nothing behind."""
    run_id = stack.submit(submission(stack, items_of(300), 600, run_each("sh", "-c", "sleep 1")))
    stack.wait_for_progress(run_id, 2)
    pod = next(left for left in stack.objects(run_id) if left.kind == "Pod" and left.name.endswith("-queue-0"))
    stack.cluster().delete("Pod", pod.name, NAMESPACE)
    assert stack.wait_for_end(run_id) == "failed"
    assert "queue_lost" in stack.log(run_id, "control")
    stack.wait_until_gone(run_id)


def test_a_shared_redis_is_used_by_its_connection_and_left_clean(stack, shared_redis):
    """A run on a Redis of one's own makes no server, keeps to its prefix, and leaves other keys alone."""
    if stack.genuine:
        pytest.skip("the test's Redis is on this machine's loopback, which pods of another cluster can't reach")
    with open_client(shared_redis) as server:
        server.set("somebody-elses", "value")
        run_id = stack.submit(submission(stack, items_of(20), 60, queue={"connection": SHARED_REDIS}))
        assert stack.wait_for_end(run_id) == "success", stack.log(run_id, "control")
        assert stack.report(run_id)["items"]["done"] == 20
        assert server.keys() == [b"somebody-elses"]
