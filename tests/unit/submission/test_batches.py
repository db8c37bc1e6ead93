"""Batch files: what they may say, and that a bad one does not hide the others."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from kubejobs.submission.batches import read_batches
from kubejobs.submission.parse import parse_submission

SUBMISSION = "submission: {image: i, items: [a], expected_time: 5}\n"
FOLDER = Path(__file__).parents[3] / "include" / "configs" / "batches"


def problems_of(folder: Path, text: str, name: str = "nightly.yaml") -> dict[str, str]:
    """The problems of one file's text, by field."""
    (folder / name).write_text(text, encoding="utf-8")
    batches, errors = read_batches(folder)
    assert batches == []
    return {problem.field: problem.message for problem in errors[0].problems}


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    """Every field has its effect."""
    text = (
        "description: each night\nschedule: '0 4 * * mon-fri'\ntimezone: Europe/Madrid\nstart_date: 2026-02-03\n"
        "catchup: true\npaused: false\ntags: [a, b]\n"
    )
    (tmp_path / "nightly.yaml").write_text(text + SUBMISSION, encoding="utf-8")
    [batch], errors = read_batches(tmp_path)
    assert errors == []
    assert (batch.name, batch.schedule, batch.description) == ("nightly", "0 4 * * mon-fri", "each night")
    assert batch.start_date == dt.datetime(2026, 2, 3, tzinfo=ZoneInfo("Europe/Madrid"))
    assert (batch.catchup, batch.paused, batch.tags) == (True, False, ("a", "b"))
    assert parse_submission(batch.submission).image == "i"


def test_only_the_submission_is_required(tmp_path: Path) -> None:
    """Without more a batch runs by hand, in UTC, starts paused and catches nothing up."""
    (tmp_path / "plain.yml").write_text(SUBMISSION, encoding="utf-8")
    [batch], _ = read_batches(tmp_path)
    assert (batch.schedule, batch.timezone, batch.catchup, batch.paused, batch.tags) == (None, "UTC", False, True, ())
    assert batch.start_date.utcoffset() == dt.timedelta(0)


SCHEDULES = {
    "90s": dt.timedelta(seconds=90),
    "30m": dt.timedelta(minutes=30),
    "12 h": dt.timedelta(hours=12),
    "1d": dt.timedelta(days=1),
    "2w": dt.timedelta(weeks=2),
    "@daily": "@daily",
    " 0  4 * * * ": "0 4 * * *",
}


@pytest.mark.parametrize("text", SCHEDULES)
def test_schedules(tmp_path: Path, text: str) -> None:
    """Intervals become time deltas; cron expressions and presets stay text."""
    (tmp_path / "x.yaml").write_text(f"schedule: {text!r}\n{SUBMISSION}", encoding="utf-8")
    [batch], _ = read_batches(tmp_path)
    assert batch.schedule == SCHEDULES[text]


def test_a_start_with_an_offset_keeps_it(tmp_path: Path) -> None:
    """A start date that names its offset does not get the batch's zone."""
    (tmp_path / "x.yaml").write_text(f"start_date: '2026-01-01T04:00+02:00'\n{SUBMISSION}", encoding="utf-8")
    [batch], _ = read_batches(tmp_path)
    assert batch.start_date.utcoffset() == dt.timedelta(hours=2)


WRONG = {
    "no submission": ("schedule: '@daily'\n", "submission", "is missing"),
    "bad submission": ("submission: {image: 3, items: [a], expected_time: 5}\n", "submission.image", "text without"),
    "submission as text": ("submission: image\n", "submission", "it must be a JSON object"),
    "unquoted date": (
        "submission: {image: 2026-01-01, items: [a], expected_time: 5}\n",
        "submission.image",
        "in quotes",
    ),
    "unknown field": ("shedule: '@daily'\n" + SUBMISSION, "shedule", "did you mean schedule?"),
    "number as key": ("1: 2\n" + SUBMISSION, "1", "is not a field"),
    "bad schedule": ("schedule: '0 25 * * *'\n" + SUBMISSION, "schedule", "the hour is '25'"),
    "schedule as number": ("schedule: 5\n" + SUBMISSION, "schedule", "is a number"),
    "endless interval": ("schedule: 9999999w\n" + SUBMISSION, "schedule", "too long"),
    "bad zone": ("timezone: Mars/Base\n" + SUBMISSION, "timezone", "is no time zone"),
    "path as zone": ("timezone: ../../etc/passwd\n" + SUBMISSION, "timezone", "is no time zone"),
    "zone as number": ("timezone: 3\n" + SUBMISSION, "timezone", "is a number"),
    "bad start": ("start_date: soon\n" + SUBMISSION, "start_date", "is no date"),
    "start as list": ("start_date: []\n" + SUBMISSION, "start_date", "is no date"),
    "catchup as text": ("catchup: 'no'\n" + SUBMISSION, "catchup", "true or false"),
    "description as list": ("description: []\n" + SUBMISSION, "description", "must be text"),
    "tags as text": ("tags: a\n" + SUBMISSION, "tags", "a list of texts"),
    "key twice": (SUBMISSION + SUBMISSION, "file", "the same key is given twice, line 2"),
    "reference": ("tags: &t [a]\nsubmission: *t\n", "file", "references"),
    "Python object": ("submission: !!python/object:os.system {}\n", "file", "is no YAML"),
    "broken": ("a: [\n", "file", "is no YAML"),
    "list": ("- a\n", "file", "holds a list"),
    "nothing": ("", "file", "holds null"),
    "complex key": ("? [a]\n: b\n", "file", "is no YAML"),
    "deep": ("[" * 1500, "file", "is no YAML"),
    "control character": ("a: \x07\n", "file", "is no YAML"),
}


@pytest.mark.parametrize(("text", "field", "words"), WRONG.values(), ids=WRONG)
def test_a_wrong_file_is_reported_by_field(tmp_path: Path, text: str, field: str, words: str) -> None:
    """Each mistake is reported at its field, with what would be right."""
    found = problems_of(tmp_path, text)
    assert list(found) == [field]
    assert words in found[field]


def test_every_problem_of_a_file_is_reported(tmp_path: Path) -> None:
    """The file's own fields and its submission are checked in one go, and the name of the file too."""
    text = "schedule: x\ntags: 3\nsubmission: {image: 3, items: [a]}\n"
    expected = {"file name", "schedule", "tags", "submission.image", "submission.expected_time"}
    assert set(problems_of(tmp_path, text, "my batch.yaml")) == expected


def test_a_bad_file_does_not_hide_the_others(tmp_path: Path) -> None:
    """The good files are batches all the same, and each error names its file."""
    (tmp_path / "a.yaml").write_text(SUBMISSION, encoding="utf-8")
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe")
    (tmp_path / "c.yml").write_text(SUBMISSION, encoding="utf-8")
    (tmp_path / "d.yaml").mkdir()
    (tmp_path / "notes.txt").write_text("no batch", encoding="utf-8")
    batches, errors = read_batches(tmp_path)
    assert [batch.name for batch in batches] == ["a", "c"]
    assert [error.file.name for error in errors] == ["b.yaml", "d.yaml"]
    assert "b.yaml: file: can't be read" in str(errors[0])


def test_no_folder_means_no_batches(tmp_path: Path) -> None:
    """A deployment without batches needs no folder."""
    assert read_batches(tmp_path / "nowhere") == ([], [])


def test_the_shipped_batch_is_valid_and_paused() -> None:
    """The repository's example can be unpaused as it is."""
    [batch], errors = read_batches(FOLDER)
    assert errors == []
    assert batch.paused
