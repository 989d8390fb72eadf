"""A process that dies at each of its steps, on both databases; another one goes on from what is kept.

A step is a commit of our own database, a write to Microsoft before it is sent and after it was carried out, and a
webhook that has arrived: between two of them nothing happens that anybody else could see. From its last step on the
process reaches nothing any more, so what it does on its way out is lost, as it is with `kill -9`.
"""

from __future__ import annotations

import asyncio
import gc
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest
from sqlalchemy import event, text
from sqlalchemy.engine import Engine

from leaver.config import Config
from leaver.domain import news
from leaver.domain.actor import Actor
from leaver.domain.offboarding import Offboarding
from leaver.domain.outcome import State
from leaver.m365.http import Http
from leaver.offboarding.desk import accept_plan
from leaver.offboarding.drive import drive
from leaver.store.audit import Wanted
from leaver.store.tenants import KnownTenant
from leaver.wiring import House, build
from m365_simulator.world import World
from receiver import Receiver
from support import Desk, Wire, give_ada_everything

STEPS = 64
"""At least as many as an undisturbed run has; the last test holds it."""
ADA = "ada@contoso.example"
SETTINGS: dict[str, Any] = {
    "disable_sign_in": True,
    "reset_password": True,
    "revoke_sessions": True,
    "forward_mail": {"to": "manager", "keep_copy": True},
    "grant_mailbox_access": [{"user": "grace@contoso.example", "automapping": True}],
    "convert_to_shared": True,
    "cancel_meetings": True,
    "remove_rules": True,
    "remove_groups": True,
    "remove_licenses": True,
}


class Killed(BaseException):
    """The process is gone."""


class Mortal(httpx.ASGITransport):
    """A process's way to Microsoft, which counts its steps and dies at one of them."""

    def __init__(self, wire: Wire, last: int) -> None:
        super().__init__(wire.app)
        self._last = last
        self.steps = 0
        self.dead = False

    def step(self) -> None:
        """One more; the last one ends it."""
        self.steps += 1
        self.dead = self.dead or self.steps == self._last

    def breathe(self, *_: object) -> None:
        """Raise when it is gone."""
        if self.dead:
            raise Killed

    def commit(self, _: object) -> None:
        """Before our own database commits."""
        self.step()
        self.breathe()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Before a write is sent, and after it was carried out."""
        self.breathe()
        if not _writes(request):
            return await super().handle_async_request(request)
        self.step()
        self.breathe()
        answer = await super().handle_async_request(request)
        self.step()
        self.breathe()
        return answer

    @contextmanager
    def alive(self) -> Iterator[None]:
        """While it works; whoever comes after it is not touched."""
        event.listen(Engine, "begin", self.breathe)
        event.listen(Engine, "commit", self.commit)
        try:
            yield
        finally:
            event.remove(Engine, "begin", self.breathe)
            event.remove(Engine, "commit", self.commit)


def _writes(request: httpx.Request) -> bool:
    if request.method == "GET" or request.url.path.startswith("/login"):
        return False
    body = request.content.decode(errors="replace")
    if request.url.path.endswith("$batch"):
        parts = json.loads(body)["requests"]
        return any(part["method"] != "GET" and '"Get-' not in json.dumps(part.get("body")) for part in parts)
    return '"Get-' not in body and "PreviewOnly" not in body


@pytest.fixture(autouse=True)
def _swept() -> Iterator[None]:
    """Who is killed closes nothing; what it leaves is complained of here, and not in the next test."""
    yield
    gc.collect()


@pytest.fixture
def config(config: Config, address: str) -> Config:
    """On both databases; webhooks may go to this machine."""
    return replace(config, database_url=address, webhook_http=True, webhook_networks=("127.0.0.0/8",))


async def closed(house: House) -> None:
    """Let go of what a process holds."""
    await house.http.aclose()
    await house.post.aclose()
    await house.database.close()


async def work(house: House, offboarding_id: str) -> None:
    """What a worker does."""
    while await drive(house, offboarding_id, owner="w", look_again=(0.01, 0.02)) is not None:
        pass
    await house.courier.deliver_due()


async def time_passes(house: House) -> None:
    """The lease of who died runs out, and so does his hold on what he was about to send."""
    async with house.database.begin() as connection:
        await connection.execute(text("UPDATE offboardings SET lease_until = requested_at"))
        await connection.execute(text("UPDATE deliveries SET next_at = created_at"))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("last", range(1, STEPS + 1))
async def test_whoever_dies_at_a_step_is_followed_by_one_who_brings_it_to_the_same_end(
    config: Config,
    wire: Wire,
    world: World,
    receiver: Receiver,
    last: int,
) -> None:
    """G1: the end, the evidence, the mails and the news are those of an undisturbed run."""
    give_ada_everything(world)
    world.add_group("sales2", "ada")
    house = build(config, Http(transport=httpx.ASGITransport(wire.app)))
    await house.tenants.save(KnownTenant(world.id, world.domain, world.name, [world.domain, world.initial_domain]))
    await house.book.add_webhook("Tickets", receiver.url, tuple(news.EVENTS), (), Actor("Tess"))
    planned = await Desk(house, world.domain).preview(ADA, settings=SETTINGS)
    (record,) = await accept_plan(house.offboardings, planned)
    wanted = what_is_to_change(record)

    mortal = Mortal(wire, last)
    receiver.on_arrival = mortal.step
    doomed = build(config, Http(transport=mortal))
    died = False
    with mortal.alive():
        try:
            await work(doomed, record.id)
        except (Killed, asyncio.CancelledError):  # the latter is what those hear who wait for one that is killed
            died = True
        finally:
            mortal.dead = False
    await closed(doomed)
    await time_passes(house)
    await work(house, record.id)

    result = await house.offboardings.get(record.id)
    trail = [entry["what"] async for entry in house.audit.entries(Wanted(offboarding_id=record.id))]
    assert died or mortal.steps < last or last == mortal.steps
    assert last < STEPS or not died, f"STEPS is too small: a run has {mortal.steps} steps or more"
    assert result.state is State.COMPLETED, result.as_json()
    assert wanted == {
        (task.task, change.change.key) for task in result.tasks for change in task.changes if change.verified_at
    }
    assert world.sent_cancellations == [("ada", "Weekly")]
    assert repeated(wire) == []
    assert told(receiver) == {"offboarding.accepted": 1, "offboarding.finished": 1}
    assert trail == ["offboarding.accepted", "offboarding.ended"]
    assert await house.audit.verify() == []
    await closed(house)


def what_is_to_change(record: Offboarding) -> set[tuple[str, str]]:
    """Every change of the plan."""
    return {(task.task, change.change.key) for task in record.tasks for change in task.changes}


def repeated(wire: Wire) -> list[str]:
    """Writes that were carried out more than once."""
    made = Counter(f"{call['method']} {call['path']} {call['cmdlet']} {call['parameters']}" for call in wire.writes)
    return [write for write, count in made.items() if count > 1]


def told(receiver: Receiver) -> dict[str, int]:
    """How many events of each type arrived; one that arrived again under its own id is one."""
    ids = {(json.loads(item.body)["type"], item.headers["webhook-id"]) for item in receiver.received}
    return dict(Counter(type_ for type_, _ in ids))
