"""Requests that are under way at the same moment travel together; each keeps its own answer, wait and error."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from leaver.m365.answers import Answer, NoAnswer, Request
from leaver.m365.budgets import Budget, Spare

if TYPE_CHECKING:
    from leaver.m365.http import Http

LONGEST_GATHERING = 0.003
"""Seconds for which requests are collected while more keep coming."""
_QUIET_TURNS = 2
_NO_BATCH_HERE = (404, 405, 501)


class TokenSource(Protocol):
    """Who gives out tokens."""

    async def get(self, tenant_id: str, scope: str) -> str:
        """A token that is still good for a while."""

    async def renew(self, tenant_id: str, scope: str, refused: str = "") -> str:
        """Another token than the one that was refused."""


class Dialect(Protocol):
    """How one service wants its batches."""

    @property
    def most(self) -> int:
        """How many requests one batch may carry."""

    def joins(self, request: Request, others: Sequence[Request]) -> bool:
        """Whether a request may travel with these others."""

    def packed(self, requests: Sequence[Request], token: str) -> Request:
        """One request that carries all of them; the id of each part is its place, counted from 1."""

    def unpacked(self, part: Mapping[str, Any], outer: Answer) -> Answer:
        """The answer that a part of the batch's answer stands for."""


@dataclass(eq=False)
class Item:
    """A request on its way, and the place where its answer will be put."""

    request: Request
    token: str = ""
    """What it was last sent with."""
    alone: bool = False
    answer: asyncio.Future[Answer] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    travelling: tuple[asyncio.Task[None], list[Item]] | None = None


class Line:
    """The way to one service of one tenant: a budget of slots, the token, and requests sent one at a time."""

    def __init__(self, http: Http, tokens: TokenSource, tenant_id: str, scope: str, budget: Budget) -> None:
        self.http = http
        self.tokens = tokens
        self.tenant_id = tenant_id
        self.scope = scope
        self.budget = budget
        self.turns: dict[str, Turns] = {}
        """Who is next, for each name under which writes follow each other."""

    async def send(self, item: Item) -> Answer:
        """Send one request by itself."""
        async with self.budget.slot() as seen:
            item.token = await self.tokens.get(self.tenant_id, self.scope)
            answer = await self.http.send(item.request, token=item.token)
            self.learn([answer], seen)
        return answer

    def learn(self, answers: Sequence[Answer | NoAnswer], seen: int) -> None:
        """Let the budget follow how the service took the requests."""
        known = [answer for answer in answers if isinstance(answer, Answer)]
        if any(answer.throttled or answer.status == 503 for answer in known):
            self.budget.refused(seen)
        elif known:
            self.budget.succeeded()


class Turns:
    """A lock that knows whether anybody still cares for it."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.users = 0


class Gathering(Line):
    """A line that collects what is asked for in the same moment and sends it in as few requests as the service allows.

    A lone request goes by itself. A service that knows no batches is remembered and gets single requests.
    """

    def __init__(
        self, http: Http, tokens: TokenSource, tenant_id: str, scope: str, budget: Budget, dialect: Dialect
    ) -> None:
        super().__init__(http, tokens, tenant_id, scope, budget)
        self._dialect = dialect
        self._batches = True
        self._pending: deque[Item] = deque()
        self._collecting = False

    def in_spare_time(self) -> Gathering:
        """A line beside this one, for work that gives way to everything that goes along this one."""
        spare = Spare(self.budget)
        return Gathering(self.http, self.tokens, self.tenant_id, self.scope, spare, self._dialect)

    async def gather(self, item: Item) -> Answer:
        """Send a request along with whoever asks at the same moment. Only for requests that may be repeated."""
        item.answer = asyncio.get_running_loop().create_future()
        item.travelling = None
        self._pending.append(item)
        self._collect()
        try:
            return await item.answer
        except asyncio.CancelledError:
            self._abandon(item)
            raise

    def _abandon(self, item: Item) -> None:
        item.answer.cancel()
        if item.travelling is None:
            if item in self._pending:
                self._pending.remove(item)
            return
        task, together = item.travelling
        if all(other.answer.cancelled() for other in together):
            task.cancel()

    def _collect(self) -> None:
        if self._collecting:
            return
        self._collecting = True
        loop = asyncio.get_running_loop()
        until = loop.time() + LONGEST_GATHERING
        seen, quiet = len(self._pending), 0

        def look() -> None:
            nonlocal seen, quiet
            quiet = quiet + 1 if len(self._pending) == seen else 0
            seen = len(self._pending)
            if quiet < _QUIET_TURNS and seen < self._dialect.most and loop.time() < until:
                loop.call_soon(look)
                return
            self._collecting = False
            self._depart()

        loop.call_soon(look)

    def _depart(self) -> None:
        size = self._dialect.most if self._batches else 1
        for _ in range(math.ceil(len(self._pending) / size)):
            self.http.start(self._carry()).add_done_callback(self._drop)

    def _drop(self, carried: asyncio.Task[None]) -> None:
        """When the connection is closed nobody sends what still waits for a token."""
        while carried.cancelled() and self._pending:
            self._pending.popleft().answer.cancel()

    async def _carry(self) -> None:
        while self._pending:
            async with self.budget.slot() as seen:
                if not self._pending:
                    return
                try:
                    token = await self.tokens.get(self.tenant_id, self.scope)
                except Exception as error:  # noqa: BLE001 - it belongs to those who wait, whatever it is
                    for item in self._taken():
                        _fail(item, error)
                    continue
                items = self._taken()
                if not items:
                    continue
                task = self.http.start(self._exchange(items, token, seen))
                for item in items:
                    item.token, item.travelling = token, (task, items)
                try:
                    await asyncio.wait({task})
                finally:
                    if not task.done():
                        task.cancel()

    def _taken(self) -> list[Item]:
        """As many of the waiting requests as may travel together."""
        taken: list[Item] = []
        left: list[Item] = []
        most = self._dialect.most if self._batches else 1
        while self._pending and len(taken) < most:
            item = self._pending.popleft()
            if item.answer.done():
                continue
            if not taken or self._joins(item, taken):
                taken.append(item)
            else:
                left.append(item)
        self._pending.extendleft(reversed(left))
        return taken

    def _joins(self, item: Item, taken: Sequence[Item]) -> bool:
        alone = item.alone or any(other.alone for other in taken)
        return not alone and self._dialect.joins(item.request, [other.request for other in taken])

    async def _exchange(self, items: list[Item], token: str, seen: int) -> None:
        try:
            if len(items) == 1:
                answers: Sequence[Answer | NoAnswer | None] = [await self.http.send(items[0].request, token=token)]
            else:
                answers = await self._together(items, token)
        except NoAnswer as lost:
            answers = [replace(lost) for _ in items]
        except Exception as error:  # noqa: BLE001 - it belongs to those who wait, whatever it is
            for item in items:
                _fail(item, error)
            return
        except BaseException:
            for item in items:
                item.answer.cancel()
            raise
        self.learn([answer for answer in answers if answer is not None], seen)
        for item, answer in zip(items, answers, strict=True):
            if item.answer.done():
                continue
            if answer is None:
                item.travelling = None
                self._pending.append(item)
            elif isinstance(answer, NoAnswer):
                item.answer.set_exception(answer)
            else:
                item.answer.set_result(answer)
        if self._pending:
            self._collect()

    async def _together(self, items: list[Item], token: str) -> list[Answer | NoAnswer | None]:
        """The answer of each; None for those that must be sent by themselves."""
        outer = await self.http.send(self._dialect.packed([item.request for item in items], token), token=token)
        if not outer.ok:
            if outer.throttled or outer.status in (401, 408) or (outer.status >= 500 and outer.status != 501):
                return [outer for _ in items]
            self._batches = self._batches and outer.status not in _NO_BATCH_HERE
            return self._each_alone(items)
        parts = outer.body.get("responses") if isinstance(outer.body, dict) else None
        if not isinstance(parts, list):
            return self._each_alone(items)
        by_id = {str(part.get("id")): part for part in parts if isinstance(part, dict)}
        lost = NoAnswer("the batch came back without this answer", sent=True, request_id=outer.request_id)
        return [
            self._dialect.unpacked(by_id[str(place)], outer) if str(place) in by_id else replace(lost)
            for place, _ in enumerate(items, 1)
        ]

    def _each_alone(self, items: list[Item]) -> list[Answer | NoAnswer | None]:
        for item in items:
            item.alone = True
        return [None for _ in items]


def _fail(item: Item, error: Exception) -> None:
    if not item.answer.done():
        item.answer.set_exception(error)
