"""Builds the rights index of a tenant: looks through every mailbox once, for whoever leaves later.

It gives way to offboardings: its calls take only what the tenant's budget has to spare, and while any process works on
an offboarding of the tenant, it stands still. What it found is kept as it goes on, so that another try, or another
process, goes on from there.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic

from leaver.config import Config
from leaver.domain.actor import Actor
from leaver.domain.errors import LeaseLost, LeaverError, Refused, SignInRefused, StoreAway, TryAgain, Unusable
from leaver.domain.offboarding import stamp
from leaver.domain.plan import Json
from leaver.domain.rights import MailboxRights
from leaver.m365.exchange.mailboxes import Mailbox
from leaver.offboarding.intake import House
from leaver.offboarding.together import end
from leaver.store.rights import Build, Standing

log = logging.getLogger("leaver.rights")
FRUITLESS = 5
"""Rounds without one mailbox read, after which the tenant is left in peace for a while."""
UNREAD_AT_MOST = 20
"""Mailboxes that may refuse to be read: so many, or two of a hundred, and less than half. With more, all is wrong."""
RESTS = (timedelta(minutes=15), timedelta(hours=1), timedelta(hours=4), timedelta(hours=12), timedelta(hours=24))
"""How long a tenant is left in peace after so many failures."""
Progress = Callable[[int, int], None]
"""Told how many mailboxes were looked at, and how many there are."""


@dataclass(frozen=True)
class Pace:
    """How the work goes on; spans in seconds."""

    piece: int = 100
    """Mailboxes between two savings, and between two looks at whether an offboarding wants the tenant for itself."""
    give_way: float = 2.0
    """Between two looks at whether the offboardings of the tenant are done."""
    give_way_at_most: float = 900.0
    """After it other tenants get their turn."""
    longest_pause: float = 60.0
    """How long Microsoft is left in peace at most before it is asked again."""
    first_round: float = 60.0
    """After the start, in which people and what was interrupted go first."""
    between_rounds: float = 60.0
    look_for_wishes: float = 3.0
    """Between two looks at whether somebody asked for an index."""


USUAL = Pace()


def _nobody(_done: int, _of: int) -> None:
    """Nobody watches."""


async def build_index(
    house: House, tenant_id: str, owner: str, tell: Progress = _nobody, pace: Pace = USUAL
) -> Standing:
    """Build the index of a tenant, here and now; one that another process builds is unusable.

    Raises what went wrong; that is kept as well, and so is everything that was found before.
    """
    async with _held(house, tenant_id, owner) as build:
        if build is None:
            standing = await house.rights.standing(tenant_id)
            raise Unusable(
                "Another process builds the rights index of this tenant: it has looked at "
                f"{standing.done:,} of {standing.of:,} mailboxes.",
                "already_running",
                advice="Wait until it has ended.",
            )
        try:
            unread = await _look_through(house, build, tell, pace)
        except (LeaseLost, StoreAway):
            raise
        except Exception as error:
            tries = 0 if isinstance(error, _GivesWay) else min(build.tries, len(RESTS) - 1)
            await house.rights.give_up(build, str(error), RESTS[tries])
            raise
        await house.rights.finish(build, unread)
    return await house.rights.standing(tenant_id)


@asynccontextmanager
async def _held(house: House, tenant_id: str, owner: str) -> AsyncIterator[Build | None]:
    seconds = house.config.lease_seconds
    build = await house.rights.claim(tenant_id, owner, seconds)
    if build is None:
        yield None
        return
    beating = asyncio.create_task(_beat(house, build, seconds))
    try:
        yield build
    finally:
        try:
            await end(beating)
        finally:
            with contextlib.suppress(StoreAway):
                await house.rights.release(build)


async def _beat(house: House, build: Build, seconds: float) -> None:
    """Renew the lease; who has lost it is told with the next saving."""
    while True:
        await asyncio.sleep(seconds / 5)
        with contextlib.suppress(StoreAway):
            if not await house.rights.renew(build, seconds):
                return


async def _look_through(house: House, build: Build, tell: Progress, pace: Pace) -> int:
    """Look at every mailbox that is not kept yet; how many could not be read."""
    await _give_way(house, build, pace)
    survey = house.doorway(build.tenant_id).survey
    everyone = {each.id: each for each in await survey.mailboxes() if each.id}
    done = await house.rights.looked_at(build)
    left = [each for each in everyone.values() if each.id not in done]
    await house.rights.keep(build, [], len(everyone))
    tell(len(everyone) - len(left), len(everyone))
    refused: list[Refused] = []
    fruitless = 0
    while left:
        await _give_way(house, build, pace)
        piece, left = left[: pace.piece], left[pace.piece :]
        answers = await survey.rights_on(piece)
        found, later, trouble = _sorted_out(piece, answers, refused)
        if len(refused) > max(min(UNREAD_AT_MOST, len(everyone) // 2), len(everyone) // 50):
            raise refused[0]
        await house.rights.keep(build, found, len(everyone))
        left += later
        tell(len(everyone) - len(left) - len(refused), len(everyone))
        if trouble is not None:
            fruitless = 0 if found else fruitless + 1
            if fruitless >= FRUITLESS:
                raise trouble
            await asyncio.sleep(min(trouble.wait, pace.longest_pause))
    return len(refused)


def _sorted_out(
    piece: Sequence[Mailbox], answers: Sequence[MailboxRights | LeaverError], refused: list[Refused]
) -> tuple[list[MailboxRights], list[Mailbox], TryAgain | None]:
    """What was found, which mailboxes are to be asked again, and why; what was refused joins the list.

    A mailbox that cannot be read is not in the index, so that a plan looks at it itself and says why it cannot.
    """
    found, later = [], []
    trouble: TryAgain | None = None
    for mailbox, answer in zip(piece, answers, strict=True):
        if isinstance(answer, MailboxRights):
            found.append(answer)
        elif isinstance(answer, TryAgain):
            later.append(mailbox)
            trouble = answer
        elif isinstance(answer, Refused) and not isinstance(answer, SignInRefused):
            refused.append(answer)
        else:
            raise answer
    return found, later, trouble


async def _give_way(house: House, build: Build, pace: Pace) -> None:
    """Stand still while a process works on an offboarding of the tenant."""
    until = monotonic() + pace.give_way_at_most
    while await house.leases.at_work(build.tenant_id):
        if monotonic() > until:
            raise _GivesWay("Offboardings are under way in this tenant; they go first.", "gives_way")
        await asyncio.sleep(pace.give_way)


class _GivesWay(TryAgain):
    """Offboardings took so long that other tenants get their turn first."""


class Surveyor:
    """Keeps the rights indexes of all tenants young, one tenant after the other, for as long as the process lives."""

    def __init__(self, house: House, owner: str, pace: Pace = USUAL) -> None:
        self._house = house
        self._owner = owner
        self._pace = pace
        self._work: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look for what is due."""
        self._work = asyncio.create_task(self._go_round(), name="rights indexes")

    async def stop(self) -> None:
        """Stop; what was found so far is kept, and gone on from."""
        if self._work is not None:
            await end(self._work)
            self._work = None

    async def once(self, *, only_wishes: bool = False) -> None:
        """Build every index that is due, and forget those that are too old to go by."""
        config, rights = self._house.config, self._house.rights
        if not only_wishes:
            await rights.prune(timedelta(hours=config.rights_index_max_hours))
        every = timedelta(hours=config.rights_index_hours if config.rights_index_max_hours else 0)
        for tenant_id in await rights.due(every if every and not only_wishes else None):
            try:
                standing = await build_index(self._house, tenant_id, self._owner, pace=self._pace)
            except StoreAway:
                raise
            except LeaverError as error:
                log.warning("the rights index of tenant %s was not built: %s", tenant_id, error)
            except Exception:
                log.exception("the rights index of tenant %s was not built", tenant_id)
            else:
                log.info("the rights index of tenant %s holds %d mailboxes", tenant_id, standing.mailboxes)

    async def _go_round(self) -> None:
        routine = monotonic() + self._pace.first_round
        while True:
            due = monotonic() >= routine
            try:
                await self.once(only_wishes=not due)
            except Exception as error:  # noqa: BLE001 - it goes on
                log.warning("the rights indexes could not be looked after: %s", error)
            if due:
                routine = monotonic() + self._pace.between_rounds
            await asyncio.sleep(self._pace.look_for_wishes)


def as_json(standing: Standing, config: Config) -> dict[str, Json]:
    """How the index of a tenant stands, for programs."""
    age = None if standing.age is None else standing.age.total_seconds()
    return {
        "as_of": stamp(standing.as_of),
        "finished_at": stamp(standing.finished_at),
        "age_seconds": None if age is None else round(age),
        "usable": is_usable(standing, config),
        "mailboxes": standing.mailboxes,
        "unread": standing.unread,
        "building": {"done": standing.done, "of": standing.of} if standing.building else None,
        "wanted_at": stamp(standing.wanted_at),
        "problem": standing.problem,
        "retry_at": stamp(standing.retry_at),
    }


def is_usable(standing: Standing, config: Config) -> bool:
    """Whether a plan of this moment goes by it."""
    return standing.age is not None and standing.age <= timedelta(hours=config.rights_index_max_hours)


async def ask_for_index(house: House, tenant_id: str, actor: Actor) -> Standing:
    """Ask whoever works here for a new index of a tenant, soon."""
    standing = await house.rights.want(tenant_id)
    await house.audit.add(actor, "rights_index.asked_for", tenant_id=tenant_id)
    return standing
