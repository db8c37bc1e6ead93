"""The HTTP application: addresses, authentication, and how errors leave."""

from __future__ import annotations

import hmac
import json
import logging
from http import HTTPStatus
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from localkube import errors
from localkube.api import decoding, discovery
from localkube.api.logs import LogSource, answer_log
from localkube.api.resources import Resources
from localkube.api.watching import Query, Watch, expired_stream, list_objects
from localkube.state.deletion import DeleteOptions
from localkube.state.kinds import NAMESPACES, Kind, Object, find
from localkube.state.store import Store

log = logging.getLogger(__name__)

_MAX_BODY_BYTES = 8 * 1024 * 1024
_TRUE = ("1", "true", "True")


def make_app(store: Store, resources: Resources, logs: LogSource, token: str) -> web.Application:
    """The application that serves the API over these parts."""
    app = web.Application(client_max_size=_MAX_BODY_BYTES, middlewares=[_errors, _authentication(token)])
    Api(store, resources, logs).add_routes(app)
    return app


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except errors.ApiError as problem:
        return _json(problem.body(), problem.status)
    except web.HTTPNotFound:
        return _json(errors.no_such_path().body(), HTTPStatus.NOT_FOUND)
    except web.HTTPMethodNotAllowed:
        return _json(errors.method_not_allowed().body(), HTTPStatus.METHOD_NOT_ALLOWED)
    except (KeyError, TypeError, AttributeError, ValueError) as problem:
        # An object of a shape that no rule expected: the client's mistake as far as can be told, so it says which.
        log.warning("%s %s could not be understood", request.method, request.path, exc_info=problem)
        return _json(errors.bad_request(f"the request can't be understood: {problem!r}").body(), HTTPStatus.BAD_REQUEST)


def _authentication(token: str) -> Middleware:
    wanted = f"Bearer {token}".encode()

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not hmac.compare_digest(request.headers.get("Authorization", "").encode(), wanted):
            raise errors.unauthorized()
        return await handler(request)

    return check


def _json(body: Any, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    return web.Response(body=json.dumps(body).encode(), status=status, content_type="application/json")


class Api:
    """The handlers of all addresses."""

    def __init__(self, store: Store, resources: Resources, logs: LogSource) -> None:
        self._store = store
        self._resources = resources
        self._logs = logs

    def add_routes(self, app: web.Application) -> None:
        """Register every address of the API."""
        add = app.router.add_route
        for path in ("/healthz", "/livez", "/readyz"):
            add("GET", path, self._healthy)
        # The official clients end some addresses with a slash.
        for slash in ("", "/"):
            add("GET", f"/version{slash}", self._version)
            add("GET", f"/api{slash}", self._core_versions)
            add("GET", f"/apis{slash}", self._groups)
            add("GET", f"/apis/{{group}}{slash}", self._group)
        for base in ("/api/{version}", "/apis/{group}/{version}"):
            add("GET", base, self._resource_list)
            add("GET", f"{base}/", self._resource_list)
            add("*", f"{base}/namespaces/{{namespace}}/{{plural}}", self._collection)
            add("*", f"{base}/namespaces/{{namespace}}/{{plural}}/{{name}}", self._object)
            add("*", f"{base}/namespaces/{{namespace}}/{{plural}}/{{name}}/{{subresource}}", self._subresource)
            add("*", f"{base}/{{plural}}", self._collection)
            add("*", f"{base}/{{plural}}/{{name}}", self._object)

    async def _healthy(self, _request: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def _version(self, _request: web.Request) -> web.Response:
        return _json(discovery.VERSION)

    async def _core_versions(self, _request: web.Request) -> web.Response:
        return _json(discovery.core_versions())

    async def _groups(self, _request: web.Request) -> web.Response:
        return _json(discovery.groups())

    async def _group(self, request: web.Request) -> web.Response:
        return self._found(discovery.group(request.match_info["group"]))

    async def _resource_list(self, request: web.Request) -> web.Response:
        match = request.match_info
        return self._found(discovery.resources(match.get("group", ""), match["version"]))

    @staticmethod
    def _found(body: Any) -> web.Response:
        if body is None:
            raise errors.no_such_path()
        return _json(body)

    @staticmethod
    def _target(request: web.Request, verb: str | None = None) -> tuple[Kind, str | None]:
        match = request.match_info
        kind = find(match.get("group", ""), match["version"], match["plural"])
        if kind is None:
            raise errors.no_such_path()
        if verb not in kind.verbs:
            raise errors.method_not_allowed()
        return kind, match.get("namespace")

    async def _collection(self, request: web.Request) -> web.StreamResponse:
        match = request.match_info
        if match.get("namespace") and match["plural"] == "status" and request.match_info["version"] == "v1":
            # /namespaces/NAME/status is the status of a namespace, not a collection in it.
            return await self._write_status(request, NAMESPACES, "", match["namespace"])
        verbs = {"GET": "list", "POST": "create", "DELETE": "deletecollection"}
        kind, namespace = self._target(request, verbs.get(request.method))
        if kind.namespaced and namespace is None and request.method != "GET":
            raise errors.method_not_allowed()
        match request.method:
            case "POST":
                body = decoding.parse(await request.read(), request.content_type)
                return _json(self._resources.create(kind, namespace or "", body), HTTPStatus.CREATED)
            case "DELETE":
                query = Query.read(kind, namespace, request.query)
                options = await self._delete_options(request)
                deleted = self._resources.delete_collection(kind, namespace, query.selects, options)
                return _json(list_objects(self._store, query, 0, "") | {"items": deleted})
            case _:
                return await self._list_or_watch(request, Query.read(kind, namespace, request.query))

    async def _list_or_watch(self, request: web.Request, query: Query) -> web.StreamResponse:
        asked = request.query
        if asked.get("watch") not in _TRUE:
            return _json(list_objects(self._store, query, int(asked.get("limit", 0)), asked.get("continue", "")))
        try:
            watch = Watch(self._store, query, asked.get("resourceVersion", ""))
        except errors.ApiError as problem:
            if problem.status is HTTPStatus.GONE:
                return await expired_stream(request, problem)
            raise
        seconds = float(asked.get("timeoutSeconds", 0)) or None
        return await watch.stream(request, seconds, bookmarks=asked.get("allowWatchBookmarks") in _TRUE)

    async def _object(self, request: web.Request) -> web.StreamResponse:
        verbs = {"GET": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
        kind, namespace = self._target(request, verbs.get(request.method))
        if kind.namespaced != bool(namespace):
            raise errors.no_such_path()
        name, place = request.match_info["name"], namespace or ""
        if request.method == "DELETE":
            return self._deleted(kind, place, name, await self._delete_options(request))
        if request.method == "GET":
            return _json(self._store.get(kind, place, name))
        return _json(await self._write(request, kind, place, name, status=False))

    async def _subresource(self, request: web.Request) -> web.StreamResponse:
        kind, namespace = self._target(request, "get")
        name, subresource = request.match_info["name"], request.match_info["subresource"]
        if kind.plural == "pods" and subresource == "log":
            if request.method != "GET":
                raise errors.method_not_allowed()
            return await answer_log(request, self._logs, self._store.get(kind, namespace or "", name))
        if subresource != "status" or not kind.has_status:
            raise errors.no_such_path()
        return await self._write_status(request, kind, namespace or "", name)

    async def _write_status(self, request: web.Request, kind: Kind, namespace: str, name: str) -> web.Response:
        if request.method == "GET":
            return _json(self._store.get(kind, namespace, name))
        if request.method not in ("PUT", "PATCH"):
            raise errors.method_not_allowed()
        return _json(await self._write(request, kind, namespace, name, status=True))

    async def _write(self, request: web.Request, kind: Kind, namespace: str, name: str, *, status: bool) -> Object:
        body = decoding.parse(await request.read(), request.content_type)
        if request.method == "PUT":
            return self._resources.replace(kind, namespace, name, body, status=status)
        return self._resources.patch(kind, namespace, name, body, request.content_type, status=status)

    @staticmethod
    async def _delete_options(request: web.Request) -> DeleteOptions:
        raw = await request.read()
        body = decoding.parse(raw, request.content_type) if raw else {}
        return DeleteOptions.read(body or {}, dict(request.query))

    def _deleted(self, kind: Kind, namespace: str, name: str, options: DeleteOptions) -> web.Response:
        item = self._resources.delete(kind, namespace, name, options)
        if kind.plural in ("pods", "namespaces", "persistentvolumeclaims") or item["metadata"].get("deletionTimestamp"):
            return _json(item)
        details = {"name": name, "group": kind.group, "kind": kind.plural, "uid": item["metadata"]["uid"]}
        return _json({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})
