"""The connection to Microsoft: sends, measures the clock, and waits where waiting helps.

This is the only module that knows the HTTP library. What its neighbours need is passed as plain values (`answers`);
requests that travel together are put together in `batching`; the three services are spoken to through `wires`.
"""

from __future__ import annotations

import asyncio
import json
import random
import ssl
import time
import uuid
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar, cast

import httpx

from leaver import traces
from leaver.domain.errors import LeaverError, Throttled, Unavailable, Uncertain, Unusable
from leaver.m365.answers import (
    Answer,
    Call,
    NoAnswer,
    Request,
    Wait,
    kept_text,
    listening,
    quote_id,
    record,
    recording,
    waiting,
)
from leaver.m365.translate import Asked
from leaver.m365.wires import ExchangeWire, GraphWire, Ran, SharePointWire

__all__ = [
    "Answer",
    "Call",
    "ExchangeWire",
    "GraphWire",
    "Http",
    "Ran",
    "SharePointWire",
    "Timeouts",
    "Wait",
    "listening",
    "quote_id",
    "recording",
]

_BRIEF_TRIES = 3
"""How often a read is repeated after 500 or 502, which seldom pass by waiting."""
_LONGEST_PAUSE = 60.0
_UNSENT_TRIES = 4
"""How often a service that cannot be reached at all is tried: about ten seconds."""
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol, httpx.ProxyError)
"""Failures after which the service cannot have seen the request."""

_NEAR = ("127.0.0.1", "localhost", "[::1]", "169.254.169.254")
"""This machine, and where a cloud tells its machines who they are."""

Kept = TypeVar("Kept")


@dataclass(frozen=True)
class Timeouts:
    """How long to wait for a connection and for an answer, in seconds."""

    connect: float = 10.0
    read: float = 60.0


class Http:
    """One connection to Microsoft for the whole process; it belongs to the event loop that first uses it.

    `budget` is how many seconds one call may spend waiting and failing before it gives up and says so. `sleep` is
    for tests that do not want to wait.
    """

    def __init__(
        self,
        *,
        ca_file: Path | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        timeouts: Timeouts | None = None,
        budget: float = 120.0,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.budget = budget
        self.skew = timedelta()
        """The service's clock minus ours; zero while they agree within the second that the Date header allows."""
        self._sleep = sleep
        self._kept: dict[Hashable, Any] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._client = _client(ca_file, transport, timeouts or Timeouts())
        self._agent = f"NONISV|Leaver|Leaver/{_version()}"
        self._connection_id = str(uuid.uuid4())

    async def aclose(self) -> None:
        """Stop what is under way and let the connections go."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._client.aclose()

    def now(self) -> datetime:
        """The service's clock, in UTC."""
        return datetime.now(UTC) + self.skew

    def keep(self, key: Hashable, make: Callable[[], Kept]) -> Kept:
        """What is shared by everybody who speaks to the same service of the same tenant."""
        if key not in self._kept:
            self._kept[key] = make()
        return cast("Kept", self._kept[key])

    def start(self, work: Any) -> asyncio.Task[Any]:
        """Run work beside its caller; `aclose` ends what is still running."""
        task: asyncio.Task[Any] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def pause(self, seconds: float) -> None:
        """Let time pass."""
        await self._sleep(seconds)

    async def send(self, request: Request, *, token: str = "") -> Answer:
        """One request, one answer; no patience. Raises NoAnswer when the connection gives none."""
        own_id = str(uuid.uuid4())
        headers = {"User-Agent": self._agent, "Accept": "application/json", "client-request-id": own_id}
        headers.update(request.headers)
        if request.service == "exchange":
            headers["connection-id"] = self._connection_id
        if token:
            headers["Authorization"] = f"Bearer {token}"
        began, sent_at = time.monotonic(), datetime.now(UTC)
        name = f"{request.method} {request.service}"
        asked = {"http__request__method": request.method, "leaver__client_request_id": own_id}
        try:
            with traces.span(name, "client", None, leaver__service=request.service, **asked) as span:
                response = await self._client.send(self._built(request, headers))
                span.say(http__response__status_code=response.status_code)
                if response.status_code >= 400:
                    span.fail(str(response.status_code))
        except httpx.HTTPError as error:
            raise NoAnswer(
                _reason(error),
                sent=not isinstance(error, _UNSENT),
                request_id=own_id,
                seconds=time.monotonic() - began,
            ) from error
        except httpx.InvalidURL as error:
            raise Unusable(f"{request.service}: the address is not valid ({error}).", code="bad_address") from error
        self._look_at_clock(response.headers.get("date", ""), sent_at)
        return _answer(response, own_id, time.monotonic() - began)

    async def persist(
        self,
        attempt: Callable[[], Awaitable[Answer]],
        asked: Asked,
        *,
        repeatable: bool,
        budget: float | None = None,
    ) -> Answer:
        """The answer to a request that is repeated while that can help.

        A refused or failed answer is given back for its service to translate. Raises Throttled or Unavailable when the
        waiting budget is spent, and Uncertain when a request that must not be sent twice may have been carried out.
        """
        left = self.budget if budget is None else budget
        giving_up: LeaverError
        tries = 0
        while True:
            tries += 1
            most = 0
            try:
                answer = await attempt()
            except NoAnswer as lost:
                record(_call(asked, 0, lost.request_id))
                if lost.sent and not repeatable:
                    raise asked.uncertain(lost.reason, request_id=lost.request_id) from lost
                left -= lost.seconds
                pause, giving_up = _back_off(tries), asked.unavailable(lost.reason, request_id=lost.request_id)
                most = 0 if lost.sent else _UNSENT_TRIES
                if most and tries >= most:
                    raise giving_up from lost
            else:
                record(_call(asked, answer.status, answer.request_id))
                if answer.ok and answer.text:
                    # A page of a proxy or portal: whatever it says, it is not the service's answer.
                    answer = replace(answer, status=502)
                verdict = self._verdict(answer, asked, tries, repeatable=repeatable)
                if verdict is None:
                    return answer
                if isinstance(verdict, Uncertain):
                    raise verdict
                left -= answer.seconds
                pause, giving_up = verdict
                most = _BRIEF_TRIES if answer.status in (500, 502) and not answer.throttled else 0
            left -= pause
            if left < 0:
                if isinstance(giving_up, (Throttled, Unavailable)):
                    giving_up.wait = max(pause, giving_up.wait)
                raise giving_up
            with waiting(Wait(giving_up, tries + 1, most, pause)):
                await self._sleep(pause)

    def _verdict(
        self, answer: Answer, asked: Asked, tries: int, *, repeatable: bool
    ) -> Uncertain | tuple[float, LeaverError] | None:
        """None: the answer stands. Otherwise how long to pause, and what to raise when there is no time left."""
        if answer.ok or (answer.status < 500 and not answer.throttled and answer.status != 408):
            return None
        wanted = answer.retry_after(self.now())
        pause = _back_off(tries) if wanted is None else max(wanted, min(0.1 * 2**tries, 5.0))
        if answer.throttled:
            return pause, asked.throttled(answer)
        if asked.is_final(answer):
            return None
        if not repeatable and not (answer.status == 503 and wanted is not None):
            return asked.uncertain(asked.error(answer).message, answer.status, answer.request_id)
        if answer.status in (500, 502):
            return (pause, asked.error(answer)) if tries < _BRIEF_TRIES else None
        if answer.status in (408, 503, 504):
            return pause, asked.error(answer)
        return None

    def _built(self, request: Request, headers: Mapping[str, str]) -> httpx.Request:
        usual = self._client.timeout
        timeout = httpx.Timeout(usual.read, connect=usual.connect, pool=None)
        if request.read_timeout is not None:
            timeout = httpx.Timeout(request.read_timeout, connect=usual.connect, pool=None)
        content: str | bytes | None = request.content
        if request.json is not None:
            content = json.dumps(request.json).encode()
            headers = {"Content-Type": "application/json; charset=utf-8", **headers}
        return self._client.build_request(
            request.method,
            request.url,
            headers=dict(headers),
            content=content,
            data=dict(request.form) if request.form is not None else None,
            timeout=timeout,
        )

    def _look_at_clock(self, date: str, sent_at: datetime) -> None:
        try:
            date_begins = parsedate_to_datetime(date).astimezone(UTC)
        except (TypeError, ValueError):
            return
        earliest = date_begins - datetime.now(UTC)
        latest = date_begins + timedelta(seconds=1) - sent_at
        if not earliest <= self.skew <= latest:
            self.skew = timedelta() if earliest <= timedelta() <= latest else earliest + (latest - earliest) / 2


def _client(ca_file: Path | None, transport: httpx.AsyncBaseTransport | None, timeouts: Timeouts) -> httpx.AsyncClient:
    timeout = httpx.Timeout(timeouts.read, connect=timeouts.connect, pool=None)
    if transport is not None:
        return httpx.AsyncClient(transport=transport, timeout=timeout)
    trusted = httpx.create_ssl_context()
    if ca_file is not None:
        try:
            trusted.load_verify_locations(ca_file)
        except (OSError, ssl.SSLError) as error:
            raise Unusable(
                f"The certificate authority file {ca_file} cannot be used: {error}.",
                code="bad_ca_file",
                advice="Let LEAVER_CA_FILE name a readable PEM file.",
            ) from error
    # A proxy of the environment is for the world outside, not for a service on this machine.
    direct: dict[str, httpx.AsyncBaseTransport | None] = {
        f"all://{host}": httpx.AsyncHTTPTransport(verify=trusted) for host in _NEAR
    }
    limits = httpx.Limits(max_connections=200, max_keepalive_connections=100)
    return httpx.AsyncClient(verify=trusted, timeout=timeout, limits=limits, mounts=direct)


def _answer(response: httpx.Response, own_id: str, seconds: float) -> Answer:
    raw = response.content
    body, text = None, ""
    if raw.strip(b"\0 \r\n\t"):
        try:
            body = json.loads(raw.decode("utf-8-sig"))
        except ValueError:
            text = kept_text(raw)
    headers = {name.lower(): value for name, value in response.headers.items()}
    request_id = headers.get("request-id") or headers.get("sprequestguid") or headers.get("x-ms-request-id") or own_id
    return Answer(response.status_code, body, headers, request_id, text, seconds)


def _reason(error: httpx.HTTPError) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "no answer in time"
    cause = error.__cause__ or error
    return f"the connection failed ({str(cause).strip() or type(cause).__name__})"


def _back_off(tries: int) -> float:
    """Exponential with jitter: 1 to 2 s at first, a minute at most."""
    return min(2.0 ** (tries - 1), _LONGEST_PAUSE / 2) * random.uniform(1.0, 2.0)  # noqa: S311 - no secret


def _call(asked: Asked, status: int, request_id: str) -> Call:
    return Call(asked.service, asked.method, asked.what, status, request_id, datetime.now(UTC))


def _version() -> str:
    try:
        return version("leaver")
    except PackageNotFoundError:
        return "0"
