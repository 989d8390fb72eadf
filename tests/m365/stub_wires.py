"""Wires that answer from a table and remember what was sent: for answers that the simulator does not give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from leaver.domain.people import Leaver
from leaver.m365.answers import Answer
from leaver.m365.tenant import Tenant

Reply = Any
"""What a stub gives back: rows, a body, an exception to raise, or a function of the parameters that makes one."""


@dataclass
class Ran:
    """What a write of Exchange answers."""

    rows: list[Any] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    request_id: str = ""


@dataclass
class StubGraph:
    """Answers GETs by path, writes with success."""

    answers: dict[str, Reply] = field(default_factory=dict)
    sent: list[tuple[str, str, Any]] = field(default_factory=list)
    asked: list[tuple[str, Any]] = field(default_factory=list)
    base: str = "https://graph.test/v1.0"

    async def get(self, path: str, params: Any = None, *, advanced: bool = False) -> Any:
        self.asked.append((path, params))
        return _made(self.answers.get(path, {"value": []}))

    async def pages(self, path: str, params: Any = None, *, advanced: bool = False, limit: int | None = None) -> Any:
        self.asked.append((path, params))
        return _made(self.answers.get(path, []))

    async def post(self, path: str, body: Any = None, *, repeatable: bool = False) -> Answer:
        return self._write("POST", path, body)

    async def patch(self, path: str, body: Any) -> Answer:
        return self._write("PATCH", path, body)

    async def delete(self, path: str) -> Answer:
        return self._write("DELETE", path, None)

    def address(self, path: str) -> str:
        return f"{self.base}{path}"

    def fresh(self) -> StubGraph:
        return self

    def _write(self, method: str, path: str, body: Any) -> Answer:
        self.sent.append((method, path, body))
        answer = _made(self.answers.get(f"{method} {path}", Answer(204)))
        return answer if isinstance(answer, Answer) else Answer(200, answer)


@dataclass
class StubExchange:
    """Answers cmdlets by name."""

    answers: dict[str, Reply] = field(default_factory=dict)
    sent: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    lanes: list[str] = field(default_factory=list)

    async def read(self, cmdlet: str, *, anchor: str = "", select: Any = (), **parameters: Any) -> Any:
        self.asked.append((cmdlet, parameters))
        return _made(self.answers.get(cmdlet, []), parameters)

    async def run(self, cmdlet: str, *, anchor: str = "", lane: str = "", **parameters: Any) -> Ran:
        self.sent.append((cmdlet, parameters))
        self.lanes.append(lane)
        answer = _made(self.answers.get(cmdlet, Ran()), parameters)
        return answer if isinstance(answer, Ran) else Ran(answer)

    def fresh(self) -> StubExchange:
        return self

    def in_spare_time(self) -> StubExchange:
        return self


@dataclass
class StubSharePoint:
    """Answers by path; the admin site by a list of answers."""

    answers: dict[str, Reply] = field(default_factory=dict)
    sent: list[tuple[str, str, Any]] = field(default_factory=list)
    csom: list[Any] = field(default_factory=list)
    certificate: bool = True

    async def get(self, site_url: str, path: str, params: Any = None) -> Any:
        return _made(self.answers.get(path, {"value": []}))

    async def pages(self, site_url: str, path: str, params: Any = None) -> Any:
        return _made(self.answers.get(path, []))

    async def post(self, site_url: str, path: str, body: Any = None, *, merge: bool = False) -> Answer:
        self.sent.append((site_url, path, body))
        return Answer(200, _made(self.answers.get(path, {"Id": 12})))

    async def process_query(self, admin_url: str, xml: str) -> Any:
        self.sent.append((admin_url, "ProcessQuery", xml))
        return _made(self.answers.get(admin_url, self.csom))

    def fresh(self) -> StubSharePoint:
        return self


@dataclass
class Stubs:
    """A tenant whose three services are stubs."""

    graph: StubGraph = field(default_factory=StubGraph)
    exchange: StubExchange = field(default_factory=StubExchange)
    sharepoint: StubSharePoint = field(default_factory=StubSharePoint)

    def tenant(self, leaver: Leaver | None = None) -> Tenant:
        return Tenant(
            "tenant",
            graph=self.graph,  # type: ignore[arg-type]
            exchange=self.exchange,  # type: ignore[arg-type]
            sharepoint=self.sharepoint,  # type: ignore[arg-type]
            now=lambda: datetime.now(UTC),
            leaver=leaver,
        )

    @property
    def writes(self) -> list[Any]:
        """What was sent that may change something."""
        cmdlets = [each for each in self.exchange.sent if not each[1].get("PreviewOnly")]
        sites = [each for each in self.sharepoint.sent if each[1] != "ProcessQuery" or "SetProperty" in each[2]]
        return [*self.graph.sent, *cmdlets, *sites]


def _made(reply: Reply, parameters: dict[str, Any] | None = None) -> Any:
    if isinstance(reply, Callable):  # type: ignore[arg-type]
        reply = reply(parameters)
    if isinstance(reply, Exception):
        raise reply
    return reply
