"""One call to Graph, alone or as a part of a batch, on its way through the limits to its resource."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote

from m365_simulator.faults import Bucket
from m365_simulator.graph.errors import GraphError
from m365_simulator.graph.router import GraphCall, answer, cost
from m365_simulator.state import Answer, Call, Caller, State

_ALIAS = re.compile(r"(?<![^/])graph\.(?=[A-Za-z])")
"""The short name of the namespace in a cast, as Microsoft's own libraries write it."""


@dataclass
class Sent:
    """What came over the wire."""

    state: State
    caller: Caller
    method: str
    path: str
    """Still percent-encoded, without the version."""
    query: str
    headers: dict[str, str]
    body: Any
    origin: str
    version: str
    request_id: str
    in_batch: bool = False

    async def served(self) -> Answer:
        """The answer, in the cloud's own time."""
        path = "/" + unquote(self.path)
        call = Call("graph", self.method, path, self.caller.tenant_id, self.caller.client_id, query=unquote(self.query))
        call.parameters = self.body
        call.request_id = self.request_id
        call.in_batch = self.in_batch
        return await self.state.serve(call, lambda: self._answered(call))

    def _answered(self, recorded: Call) -> Answer:
        world = self.state.cloud.worlds.get(self.caller.tenant_id)
        if world is None:
            error = GraphError(401, "InvalidAuthenticationToken", "The tenant of the token does not exist.")
            return error.answer(self.state.now(), self.request_id)
        call = GraphCall(
            state=self.state,
            world=world,
            caller=self.caller,
            method=self.method,
            path=_ALIAS.sub("microsoft.graph.", self.path),
            query=dict(parse_qsl(self.query, keep_blank_values=True)),
            headers=self.headers,
            body=self.body,
            origin=self.origin,
            version=self.version,
            request_id=self.request_id,
        )
        units = cost(call)
        refused, near = self._limited(call, units) if self.state.behaviour.throttling else (None, 0.0)
        recorded.units = 0 if refused else units
        result = refused or answer(call)
        result.headers.setdefault("request-id", self.request_id)
        result.headers["x-ms-resource-unit"] = str(units)
        if near >= 0.8:
            result.headers["x-ms-throttle-limit-percentage"] = f"{near:.1f}"
        return result

    def _limited(self, call: GraphCall, units: int) -> tuple[Answer | None, float]:
        """The refusal of a call that is too much, and how near the limit the caller is."""
        app, tenant, buckets = self.caller.client_id, call.world.id, self.state.buckets
        now = self.state.clock()
        checks: list[tuple[Bucket, float, str]] = [
            (buckets.all_units(app), units, "ResourceUnitLimitExceeded"),
            (buckets.units(app, tenant, len(call.world.users)), units, "ResourceUnitLimitExceeded"),
        ]
        if call.method != "GET":
            checks += [
                (buckets.all_writes(app), 1, "WriteLimitExceeded"),
                (buckets.writes(app, tenant), 1, "WriteLimitExceeded"),
            ]
        for bucket, taken, why in checks:
            wait = bucket.take(taken, now)
            if wait > 0:
                kind = "Read" if call.method == "GET" else "ReadWrite"
                headers = {
                    "retry-after": self.state.retry_after(math.ceil(wait)),
                    "x-ms-throttle-scope": f"Tenant_Application/{kind}/{app}/{tenant}",
                    "x-ms-throttle-information": why,
                }
                error = GraphError(429, "TooManyRequests", "Too many requests.", headers)
                return error.answer(self.state.now(), self.request_id), 1.0
        return None, max(bucket.used for bucket, _, _ in checks)
