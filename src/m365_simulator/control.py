"""The control of the simulator: set a scene, make things go wrong, read what was called and what has become of it."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from m365_simulator.faults import Behaviour, Fault
from m365_simulator.state import State


def routes(state: State) -> list[Route]:
    """Everything under `/control`."""

    async def reset(_: Request) -> Response:
        state.behaviour = Behaviour()
        state.use(state.cloud)
        return JSONResponse({})

    async def scenario(request: Request) -> Response:
        from m365_simulator.scenarios import build

        asked = await _json(request)
        try:
            state.use(build(asked["name"], state.cloud.apps))
        except KeyError:
            return JSONResponse({"error": f"There is no scenario {asked.get('name')!r}."}, 404)
        return JSONResponse({"tenants": len(state.cloud.worlds)})

    async def behaviour(request: Request) -> Response:
        try:
            state.behaviour.change(**await _json(request))
        except (ValueError, TypeError) as error:
            return JSONResponse({"error": str(error)}, 400)
        state.buckets.scale = state.behaviour.throttling_scale
        state.buckets.held.clear()
        return JSONResponse(plain(state.behaviour))

    async def faults(request: Request) -> Response:
        if request.method == "DELETE":
            state.behaviour.faults.clear()
        elif request.method == "POST":
            asked = await _json(request)
            try:
                found = [Fault(**each) for each in (asked if isinstance(asked, list) else [asked])]
                for each in found:
                    re.compile(each.match)
            except (TypeError, re.error) as error:
                return JSONResponse({"error": f"That is no fault: {error}"}, 400)
            state.behaviour.faults += found
        return JSONResponse(plain(state.behaviour.faults))

    async def clock(request: Request) -> Response:
        state.advance(float((await _json(request)).get("advance", 0)))
        return JSONResponse({"now": state.now().isoformat()})

    async def tokens(_: Request) -> Response:
        state.tokens.forget()
        return JSONResponse({})

    async def calls(request: Request) -> Response:
        wanted = request.query_params
        if request.method == "DELETE":
            state.calls.clear()
        keep = [call for call in state.calls if wanted.get("service", call.service) == call.service]
        keep = [call for call in keep if wanted.get("tenant", call.tenant) == call.tenant]
        return JSONResponse({"value": [vars(call) for call in keep]})

    async def world(request: Request) -> Response:
        found = state.world(request.path_params["tenant"])
        if found is None:
            return JSONResponse({"error": "There is no such tenant."}, 404)
        state.settle()
        return JSONResponse(plain(found))

    async def tenants(_: Request) -> Response:
        rows = [{"id": w.id, "domain": w.domain, "name": w.name, "users": len(w.users)} for w in _worlds(state)]
        return JSONResponse({"value": rows, "partner": state.cloud.partner_tenant})

    paths: list[tuple[str, Callable[[Request], Any], list[str]]] = [
        ("/control/reset", reset, ["POST"]),
        ("/control/scenario", scenario, ["POST"]),
        ("/control/behaviour", behaviour, ["POST"]),
        ("/control/faults", faults, ["GET", "POST", "DELETE"]),
        ("/control/clock", clock, ["POST"]),
        ("/control/tokens/forget", tokens, ["POST"]),
        ("/control/calls", calls, ["GET", "DELETE"]),
        ("/control/tenants", tenants, ["GET"]),
        ("/control/world/{tenant}", world, ["GET"]),
    ]
    return [Route(path, endpoint, methods=methods) for path, endpoint, methods in paths]


def _worlds(state: State) -> list[Any]:
    return list(state.cloud.worlds.values())


async def _json(request: Request) -> Any:
    body = await request.body()
    return json.loads(body) if body else {}


def plain(value: Any) -> Any:
    """A dataclass and all in it as JSON; sets become sorted lists."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(plain(item) for item in value)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return value
