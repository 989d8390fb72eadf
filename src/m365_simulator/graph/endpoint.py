"""The door of Microsoft Graph: checks the token, keeps to the limits, and sends each call to its resource."""

from __future__ import annotations

import importlib
import json
import uuid
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from m365_simulator.graph import batch
from m365_simulator.graph.errors import GraphError
from m365_simulator.graph.sending import Sent
from m365_simulator.login.tokens import Refused
from m365_simulator.state import State

RESOURCES = (
    "access_packages",
    "authentication_methods",
    "deleted_items",
    "devices",
    "drives",
    "groups",
    "group_references",
    "licenses",
    "organization",
    "phone_numbers",
    "roles",
    "tenants",
    "user_writes",
    "users",
)
for _resource in RESOURCES:
    importlib.import_module(f"m365_simulator.graph.{_resource}")


def routes(state: State) -> list[Route]:
    """Everything under `/graph`."""

    async def endpoint(request: Request) -> Response:
        request_id = str(uuid.uuid4())
        headers = {name.lower(): value for name, value in request.headers.items()}
        caller = state.caller(headers.get("authorization", ""), "graph")
        version = request.path_params["version"]
        raw_path = request.scope.get("raw_path") or request.url.path.encode()
        path = raw_path.decode("latin-1").split("?")[0].partition(f"/{version}/")[2]
        if isinstance(caller, Refused):
            error = GraphError(401, caller.code, caller.message, {"www-authenticate": "Bearer"})
            return error.answer(state.now(), request_id).response()
        try:
            body = await _body(request)
        except ValueError:
            error = GraphError(400, "BadRequest", "Unable to read JSON request payload.")
            return error.answer(state.now(), request_id).response()
        origin = f"{request.url.scheme}://{request.url.netloc}"
        sent = Sent(state, caller, request.method, path, request.url.query, headers, body, origin, version, request_id)
        if path.lower() == "$batch":
            return (await batch.serve(sent)).response()
        return (await sent.served()).response()

    methods = ["GET", "POST", "PATCH", "PUT", "DELETE"]
    return [Route("/graph/{version}/{path:path}", endpoint, methods=methods)]


async def _body(request: Request) -> Any:
    content = await request.body()
    return json.loads(content) if content else None
