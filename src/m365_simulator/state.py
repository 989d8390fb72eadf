"""What the handlers of all services share: the cloud, the clock, who calls, what was called, and what goes wrong.

A handler of any service makes a `Call` and hands it to `State.serve` with a function that answers it; latency,
faults, limits and the record of calls are looked after there, also for the parts of a batch.
"""

from __future__ import annotations

import asyncio
import heapq
import inspect
import itertools
import json
import time
import uuid
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from m365_simulator.directory import Directory
from m365_simulator.faults import Behaviour, Buckets, Fault
from m365_simulator.lag import Lag
from m365_simulator.login.tokens import Refused, Tokens
from m365_simulator.world import Cloud, Grant, World

BUSY = "You have reached the maximum number of concurrent requests per tenant. Please wait and try again."


class Dropped(Exception):
    """The connection is to be closed without an answer."""


@dataclass
class Answer:
    """An answer: `body` is JSON, or a text when `text` is set."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    text: str | None = None

    def response(self) -> Response:
        """The same for the wire."""
        if self.text is not None:
            return Response(self.text, self.status, self.headers, "text/plain")
        if self.body is None:
            return Response(None, self.status, self.headers)
        content = json.dumps(self.body, separators=(",", ":"), ensure_ascii=False).encode()
        return Response(content, self.status, self.headers, "application/json")


@dataclass
class Call:
    """One call to a service, as it is recorded. Parts of a batch are calls of their own."""

    service: str
    """`login`, `graph`, `exchange` or `sharepoint`."""
    method: str
    path: str
    tenant: str = ""
    client_id: str = ""
    cmdlet: str = ""
    parameters: Any = None
    """The cmdlet's parameters, or the body of the call; passwords are masked."""
    query: str = ""
    identity: str = ""
    """What the cmdlet is about, for faults to match."""
    in_batch: bool = False
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    start: float = 0.0
    """Seconds since the epoch."""
    end: float = 0.0
    status: int = 0
    units: int = 0
    """What it cost, in Graph's resource units; 0 where it was refused."""

    @property
    def text(self) -> str:
        """What faults are matched against."""
        if self.cmdlet:
            return f"{self.cmdlet} {self.identity}"
        return f"{self.method} {self.path}{'?' if self.query else ''}{self.query}"


@dataclass
class Caller(Grant):
    """What the token of a call says: what may be done, in which tenant, by which app."""

    tenant_id: str = ""
    client_id: str = ""
    certificate: bool = False
    """The token was bought with a certificate (`appidacr` 2), not with a secret."""

    def may(self, *permissions: str) -> bool:
        """Whether one of these permissions is held."""
        return "*" in self.permissions or not self.permissions.isdisjoint(permissions)


class State:
    """The simulator: what the handlers of every service are given."""

    def __init__(self, cloud: Cloud, behaviour: Behaviour | None = None) -> None:
        self.behaviour = behaviour or Behaviour()
        self.calls: deque[Call] = deque(maxlen=500_000)
        self.use(cloud)

    def use(self, cloud: Cloud) -> None:
        """Starts over with another cloud; everything that was remembered about the old one is forgotten."""
        self.cloud = cloud
        self.calls.clear()
        self.lag = Lag(self)
        self.tokens = Tokens(self)
        self.buckets = Buckets(self.behaviour.throttling_scale)
        self.under_way: Counter[tuple[str, str]] = Counter()
        self.operations: dict[str, dict[str, Any]] = {}
        self.kept_memberships: dict[tuple[str, str], list[tuple[str, str]]] = {}
        self.advanced = 0.0
        self._directories: dict[str, Directory] = {}
        self._jobs: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()

    # The clock

    def now(self) -> datetime:
        """The cloud's time, UTC."""
        return datetime.now(UTC) + timedelta(seconds=self.advanced + self.behaviour.clock_skew)

    def clock(self) -> float:
        """Seconds that only go forward, and that `advance` moves."""
        return time.monotonic() + self.advanced

    def advance(self, seconds: float) -> None:
        """Lets time pass at once."""
        self.advanced += seconds
        self.settle()

    def later(self, seconds: float, job: Callable[[], None]) -> None:
        """Does something when so much time has passed; at once for none. It happens before the next call is served."""
        if seconds <= 0:
            job()
        else:
            heapq.heappush(self._jobs, (self.clock() + seconds, next(self._numbers), job))

    def settle(self) -> None:
        """Does what has become due."""
        while self._jobs and self._jobs[0][0] <= self.clock():
            heapq.heappop(self._jobs)[2]()

    # Who calls, and where

    def world(self, tenant: str) -> World | None:
        """The tenant with this id or domain."""
        found = self.cloud.worlds.get(tenant) or self.cloud.worlds.get(tenant.lower())
        if found is not None:
            return found
        domain = tenant.lower()
        return next((w for w in self.cloud.worlds.values() if domain in (w.domain.lower(), w.initial_domain)), None)

    def directory(self, world: World) -> Directory:
        """The index of a tenant: users by id, UPN or address, in constant time."""
        found = self._directories.get(world.id)
        if found is None or found.world is not world:
            found = self._directories[world.id] = Directory(world)
        return found

    def authorise(self, request: Request, audience: str, tenant_id: str = "") -> Caller | Response:
        """Who is calling, or the 401 that they get.

        `audience` is `graph`, `exchange` or `sharepoint`. With a `tenant_id` (or domain) the token must be for that
        tenant. What the caller may do is for the service to judge, from `permissions` and `roles`.
        """
        found = self.caller(request.headers.get("authorization", ""), audience, tenant_id)
        if isinstance(found, Caller):
            return found
        challenge = {"www-authenticate": f'Bearer error="invalid_token", error_description="{found.message}"'}
        body = {"error": {"code": found.code, "message": found.message}}
        return Answer(401, body, challenge).response()

    def caller(self, authorization: str, audience: str, tenant_id: str = "") -> Caller | Refused:
        """Who is calling, by the Authorization header."""
        if tenant_id and tenant_id not in self.cloud.worlds:
            world = self.world(tenant_id)
            tenant_id = world.id if world else tenant_id
        return self.tokens.read(authorization, audience, tenant_id)

    def site_address(self, origin: str, site_url: str) -> str:
        """Where a SharePoint site of the world is reached here: `{origin}/sp/contoso-my/personal/ada…`."""
        host, _, path = site_url.removeprefix("https://").partition("/")
        return f"{origin}/sp/{host.split('.', maxsplit=1)[0]}/{path}".rstrip("/")

    # Serving

    async def serve(self, call: Call, answer: Callable[[], Answer | Awaitable[Answer]]) -> Answer:
        """Answers a call as the cloud would: after its latency, within its limits, with the faults asked for."""
        call.start = time.time() + self.advanced
        key = (call.service, call.tenant)
        self.under_way[key] += 1
        try:
            result = await self._serve(call, answer)
        except Dropped:
            self.record(call, 0)
            raise
        finally:
            self.under_way[key] -= 1
        self.record(call, result.status)
        return result

    async def _serve(self, call: Call, answer: Callable[[], Answer | Awaitable[Answer]]) -> Answer:
        latency = self.behaviour.latency.get(call.service, 0.0)
        limit = self.behaviour.exchange_concurrency
        if limit and call.service == "exchange" and self.under_way[call.service, call.tenant] > limit:
            return Answer(self.behaviour.exchange_busy_status, text=BUSY)
        if latency:
            await asyncio.sleep(latency / 1000)
        self.settle()
        fault = self.behaviour.struck_by(call.text, call.tenant) if self.behaviour.faults else None
        if fault is None:
            return await self._answer(answer)
        if fault.delay:
            await asyncio.sleep(fault.delay)
        if fault.after_effect:
            await self._answer(answer)
        elif fault.status == 0 and not fault.drop:
            return await self._answer(answer)
        if fault.drop or (fault.after_effect and fault.body is None and fault.text is None and fault.status == 503):
            raise Dropped
        return self.spoiled(fault, call)

    @staticmethod
    async def _answer(answer: Callable[[], Answer | Awaitable[Answer]]) -> Answer:
        result = answer()
        if inspect.isawaitable(result):
            return await result
        return result

    def spoiled(self, fault: Fault, call: Call) -> Answer:
        """The answer that a fault puts in the place of the true one."""
        if fault.text is not None:
            return Answer(fault.status, headers=dict(fault.headers), text=fault.text)
        body = fault.body
        if body is None:
            code = CODES.get(fault.status, "UnknownError")
            inner = {
                "date": self.now().strftime("%Y-%m-%dT%H:%M:%S"),
                "request-id": call.request_id,
                "client-request-id": call.request_id,
            }
            body = {"error": {"code": code, "message": f"{code} (asked for).", "innerError": inner}}
        return Answer(fault.status, body, {"request-id": call.request_id} | fault.headers)

    def retry_after(self, seconds: float) -> str:
        """The value of a Retry-After header."""
        whole = max(1, int(seconds + 0.999))
        if self.behaviour.retry_after_date:
            return format_datetime(self.now() + timedelta(seconds=whole), usegmt=True)
        return str(whole)

    def record(self, call: Call, status: int) -> None:
        """Keeps a call, without passwords."""
        call.status = status
        call.end = time.time() + self.advanced
        if call.parameters:
            call.parameters = masked(call.parameters)
        self.calls.append(call)


CODES = {
    400: "BadRequest",
    401: "InvalidAuthenticationToken",
    403: "Authorization_RequestDenied",
    404: "Request_ResourceNotFound",
    408: "RequestTimeout",
    429: "TooManyRequests",
    500: "InternalServerError",
    502: "BadGateway",
    503: "ServiceUnavailable",
    504: "GatewayTimeout",
}


def masked(value: Any) -> Any:
    """The same JSON with every password and secret replaced by stars."""
    if isinstance(value, dict):
        return {
            key: "***"
            if isinstance(item, str) and any(word in key.lower() for word in ("password", "secret", "assertion"))
            else masked(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [masked(item) for item in value]
    return value
