"""The same offboarding against services that say the same in another way: other simulators, clouds and versions.

A transport between client and simulator rewrites what is said; nothing that it does is forbidden by the contracts.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from leaver.config import Config
from leaver.m365.http import Http
from leaver.store.tenants import KnownTenant
from leaver.wiring import build
from m365_simulator.world import World
from support import EVERYTHING, Desk, Wire, give_ada_everything, outcomes

ADA = "ada@contoso.example"
GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
DATE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?Z")


class Dialect:
    """Another way of saying the same."""

    def ask(self, request: httpx.Request) -> httpx.Request | httpx.Response:
        """What arrives at the simulator, or the answer that keeps it from there."""
        return request

    def answer(self, request: httpx.Request, response: httpx.Response) -> httpx.Response:
        """What arrives at the client."""
        body = _json(response)
        if body is None or _service(request) == "login":
            return response
        return _with(response, self.body(request, body))

    def body(self, request: httpx.Request, body: Any) -> Any:
        """The JSON in other words."""
        return _each(body, lambda item: self.object(request, item))

    def object(self, request: httpx.Request, item: dict[str, Any]) -> dict[str, Any]:
        """One JSON object in other words."""
        return item


class WithoutEmpties(Dialect):
    """What is null or empty is left out."""

    def object(self, request: httpx.Request, item: dict[str, Any]) -> dict[str, Any]:
        keep = ("value", "responses", "body")
        return {name: value for name, value in item.items() if name in keep or value not in (None, [], "")}


class Nulls(Dialect):
    """What is empty is null."""

    def object(self, request: httpx.Request, item: dict[str, Any]) -> dict[str, Any]:
        return {name: None if value in ([], "") and name != "value" else value for name, value in item.items()}


class More(Dialect):
    """Properties and annotations that nobody knows yet."""

    def object(self, request: httpx.Request, item: dict[str, Any]) -> dict[str, Any]:
        return {"@odata.etag": 'W/"1"', "id@odata.type": "#Guid", **item, "newIn2027": {"a": [1, None]}, "zz": []}


class Dates(Dialect):
    """Dates with seven places behind the point, or with an offset."""

    def __init__(self, form: str) -> None:
        self.form = form

    def body(self, request: httpx.Request, body: Any) -> Any:
        return json.loads(DATE.sub(rf"\g<1>{self.form}", json.dumps(body)))


class Capitals(Dialect):
    """Ids of users, groups and products in capitals."""

    def body(self, request: httpx.Request, body: Any) -> Any:
        if _service(request) == "sharepoint":
            return body
        text = json.dumps(body)
        return json.loads(GUID.sub(lambda found: found[0] if _in_link(text, found.start()) else found[0].upper(), text))


class EitherCase(Capitals):
    """Ids in capitals or not, from one answer to the next."""

    def __init__(self) -> None:
        self.turn = 0

    def body(self, request: httpx.Request, body: Any) -> Any:
        self.turn += 1
        return super().body(request, body) if self.turn % 2 else body


class NoTypes(Dialect):
    """Objects of the directory that do not say what they are; methods must, since nothing else tells them apart."""

    def object(self, request: httpx.Request, item: dict[str, Any]) -> dict[str, Any]:
        if "AuthenticationMethod" in str(item.get("@odata.type")):
            return item
        return {name: value for name, value in item.items() if name != "@odata.type"}


class BatchNumbers(Dialect):
    """Numbers as ids of the parts, words as their status, and headers in capitals."""

    def body(self, request: httpx.Request, body: Any) -> Any:
        if not str(request.url).endswith("$batch"):
            return body
        for part in body["responses"]:
            part["id"], part["status"] = int(part["id"]), str(part["status"])
            part["headers"] = {name.upper(): value for name, value in (part.get("headers") or {}).items()}
        return body


class NoBatches(Dialect):
    """A service that knows no batches."""

    def __init__(self, status: int) -> None:
        self.status = status

    def ask(self, request: httpx.Request) -> httpx.Request | httpx.Response:
        if str(request.url).endswith("$batch"):
            return httpx.Response(self.status, json={"error": {"code": "BadRequest", "message": "No batches here."}})
        return request


class SmallPages(Dialect):
    """Two rows a page from Graph, one from Exchange."""

    def ask(self, request: httpx.Request) -> httpx.Request | httpx.Response:
        if request.headers.get("prefer"):
            request.headers["prefer"] = "odata.maxpagesize=1"
        if _service(request) != "graph":
            return request
        if request.method == "GET":
            return _at(request, self._small(str(request.url)))
        if str(request.url).endswith("$batch"):
            body = json.loads(request.content)
            for part in body["requests"]:
                part["url"] = self._small(part["url"]) if part["method"] == "GET" else part["url"]
            return _again(request, body)
        return request

    @staticmethod
    def _small(url: str) -> str:
        path = url.partition("?")[0]
        if not re.search(r"memberOf|ownedObjects|/members|/owners|/methods$|subscribedSkus|/users$", path):
            return url
        less = re.sub(r"([?&])\$top=\d+", r"\1$top=2", url)
        return less if "$top=" in less else f"{less}{'&' if '?' in less else '?'}$top=2"


class NoCasts(Dialect):
    """Relationships that cannot be asked for one type only."""

    def ask(self, request: httpx.Request) -> httpx.Request | httpx.Response:
        if str(request.url).endswith("$batch") and _service(request) == "graph":
            return httpx.Response(404)
        if "/microsoft.graph." in request.url.path and "deletedItems" not in request.url.path:
            error = {"code": "BadRequest", "message": "Resource not found for the segment 'microsoft.graph.group'."}
            return httpx.Response(400, json={"error": error})
        return request


class Words(Dialect):
    """Exchange with words for switches, and lone entries without their list."""

    def object(self, request: httpx.Request, item: dict[str, Any]) -> dict[str, Any]:
        if _service(request) != "exchange" or "responses" in item or "body" in item or "value" in item:
            return item
        return {name: self._word(value) for name, value in item.items()}

    @staticmethod
    def _word(value: Any) -> Any:
        if isinstance(value, bool):
            return str(value)
        return value[0] if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str) else value


class NoDirectoryIds(Dialect):
    """Exchange without the ids of the directory: mailboxes go by their own."""

    def object(self, request: httpx.Request, item: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in item.items() if name != "ExternalDirectoryObjectId"}


class Shouting(Dialect):
    """Addresses and names of people in capitals, from Graph and from Exchange."""

    def object(self, request: httpx.Request, item: dict[str, Any]) -> dict[str, Any]:
        names = ("userPrincipalName", "mail", "UserPrincipalName", "PrimarySmtpAddress", "User", "Trustee", "LoginName")
        return {
            name: value.upper() if name in names and isinstance(value, str) and "@" in value else value
            for name, value in item.items()
        }


class Verbose(Dialect):
    """SharePoint's oldest JSON."""

    def body(self, request: httpx.Request, body: Any) -> Any:
        if _service(request) != "sharepoint" or isinstance(body, list) or "error" in body or "odata.error" in body:
            return body
        return {"d": {"results": body["value"]} if "value" in body else body}


class Bodies(Dialect):
    """A success that says nothing is 200 with an empty object, not 204; text has a mark of its byte order."""

    def answer(self, request: httpx.Request, response: httpx.Response) -> httpx.Response:
        if response.status_code == 204:
            return httpx.Response(200, json={}, headers=_kept(response))
        body = _json(response)
        if body is None:
            return response
        content = b"\xef\xbb\xbf" + json.dumps(body).encode()
        return httpx.Response(response.status_code, content=content, headers=_kept(response))


class Silent(Dialect):
    """No request ids, no dates, no cost; nothing but what must be there."""

    def answer(self, request: httpx.Request, response: httpx.Response) -> httpx.Response:
        kept = {name: value for name, value in _kept(response).items() if name in ("location", "retry-after")}
        return httpx.Response(response.status_code, content=response.content, headers=kept)


DIALECTS: dict[str, Callable[[], Dialect]] = {
    "without empties": WithoutEmpties,
    "nulls": Nulls,
    "more": More,
    "seven places": lambda: Dates(".1234567Z"),
    "offset": lambda: Dates("+00:00"),
    "no zone": lambda: Dates(""),
    "capitals": Capitals,
    "either case": EitherCase,
    "no types": NoTypes,
    "numbers in batches": BatchNumbers,
    "no batches 404": lambda: NoBatches(404),
    "no batches 405": lambda: NoBatches(405),
    "no batches 400": lambda: NoBatches(400),
    "small pages": SmallPages,
    "no casts": NoCasts,
    "words": Words,
    "no directory ids": NoDirectoryIds,
    "shouting": Shouting,
    "verbose": Verbose,
    "bodies": Bodies,
    "silent": Silent,
}


class Between(httpx.AsyncBaseTransport):
    """Speaks a dialect to the client and plain Microsoft to the simulator."""

    def __init__(self, inner: httpx.AsyncBaseTransport, dialect: Dialect) -> None:
        self._inner = inner
        self._dialect = dialect
        self.spoken = 0
        """How often the dialect made a difference."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        before = (str(request.url), request.content, dict(request.headers))
        asked = self._dialect.ask(request)
        if isinstance(asked, httpx.Response):
            self.spoken += 1
            return asked
        response = await self._inner.handle_async_request(asked)
        await response.aread()
        said = self._dialect.answer(request, response)
        other = said.content != response.content and json.loads(said.content.decode("utf-8-sig")) != _json(response)
        fewer = len(said.headers) < len(response.headers) - 1 or said.content[:1] == b"\xef"
        self.spoken += other or fewer or before != (str(asked.url), asked.content, dict(asked.headers))
        return said


@pytest.fixture(params=DIALECTS)
async def desk(request: pytest.FixtureRequest, config: Config, wire: Wire, world: World) -> AsyncIterator[Desk]:
    """The desk, with a dialect between it and the simulator."""
    between = Between(httpx.ASGITransport(wire.app), DIALECTS[request.param]())
    http = Http(transport=between)
    house = build(config, http)
    await house.tenants.save(KnownTenant(world.id, world.domain, world.name, [world.domain]))
    yield Desk(house, world.domain)
    await http.aclose()
    await house.database.close()
    assert between.spoken > 1, "the dialect was never spoken"


async def test_an_offboarding_is_done_and_read_back_in_every_dialect(desk: Desk, world: World, wire: Wire) -> None:
    """A whole offboarding, twice: the first does everything, the second finds nothing left to do."""
    give_ada_everything(world)
    for number in range(3):
        world.add_group(f"more-{number}", "ada", "bob")

    (offboarding,) = await desk.offboard(ADA, settings=EVERYTHING)

    ends = {task.task: (task.outcome.value, str(task.error)) for task in offboarding.tasks}
    assert {name: end for name, end in ends.items() if end[0] != "verified"} == {}
    assert not any("ada" in members for members in world.members.values())
    written = len(wire.writes)
    (again,) = await desk.offboard(ADA, settings=EVERYTHING)
    assert set(outcomes(again).values()) <= {"already_in_place", "not_applicable", "verified"}
    assert [c for c in wire.writes[written:] if c["cmdlet"] != "Remove-CalendarEvents"] == []


def _service(request: httpx.Request) -> str:
    path = request.url.path
    if "/login/" in path:
        return "login"
    return "graph" if "/graph/" in path else "exchange" if "/exchange/" in path else "sharepoint"


def _json(response: httpx.Response) -> Any:
    try:
        return json.loads(response.content) if response.content else None
    except ValueError:
        return None


def _with(response: httpx.Response, body: Any) -> httpx.Response:
    return httpx.Response(response.status_code, json=body, headers=_kept(response))


def _kept(response: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name not in ("content-length", "content-type")}


def _each(value: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    if isinstance(value, dict):
        return change({name: _each(item, change) for name, item in value.items()})
    return [_each(item, change) for item in value] if isinstance(value, list) else value


def _in_link(text: str, at: int) -> bool:
    """Whether a place lies in an address, which is opaque."""
    quoted = text.rfind('"', 0, at)
    return "://" in text[quoted:at]


def _at(request: httpx.Request, url: str) -> httpx.Request:
    return httpx.Request(request.method, url, headers=request.headers, content=request.content)


def _again(request: httpx.Request, body: Any) -> httpx.Request:
    headers = {name: value for name, value in request.headers.items() if name != "content-length"}
    return httpx.Request(request.method, request.url, headers=headers, content=json.dumps(body).encode())
