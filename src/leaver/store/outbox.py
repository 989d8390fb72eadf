"""What is to be told: written in the transaction of the change that it tells of, and kept until it was delivered."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from leaver.domain import news
from leaver.domain.offboarding import Offboarding
from leaver.domain.plan import Json
from leaver.store import tables
from leaver.store.database import Database, uninterrupted

TARGETS, EVENTS, DELIVERIES, PAPERS = tables.targets, tables.events, tables.deliveries, tables.papers
MAIL_ADDRESS = "mail_address"
"""The kind of paper that says where somebody who signs in wants mail: `{"address", "wanted"}`."""
TRIES = 10
LEASE = timedelta(seconds=60)
"""How long a delivery that somebody took is left alone; if he dies, another one takes it then."""
LONGEST_LOG = 20


@dataclass(frozen=True)
class Delivery:
    """One event on its way to one target, or by mail to the person who started the offboarding."""

    id: int
    event_id: str
    target_id: str | None
    recipient: str
    state: str
    """`waiting`, `delivered` or `failed`."""
    attempts: int
    tries_left: int
    next_at: datetime | None
    created_at: datetime
    ended_at: datetime | None
    replay_of: int | None
    log: list[dict[str, Any]]
    """Each attempt: when, how long it took, the HTTP status if there was one, and what went wrong."""
    type: str
    at: datetime
    tenant_id: str
    offboarding_id: str
    data: dict[str, Json] = field(repr=False)


@dataclass(frozen=True)
class Attempt:
    """How one attempt to deliver went."""

    at: datetime
    milliseconds: int
    reason: str = ""
    """Why it failed, in a sentence; empty: it was delivered."""
    status: int | None = None
    wait: float = 0.0
    """Seconds that the receiver asked to be left alone."""
    gone: bool = False
    """The receiver says that it will never take anything again."""


class Outbox:
    """The events and deliveries of a database.

    `portal` is the address under which people open Leaver; `mails` says whether a mail server is configured.
    """

    def __init__(self, database: Database, *, portal: str = "", mails: bool = False) -> None:
        self._database = database
        self._portal = portal
        self._mails = mails

    async def write(self, connection: AsyncConnection, record: Offboarding, *types: str) -> None:
        """Keep events for everybody who is to be told of them, in the caller's transaction; for nobody, nothing."""
        rows = (await connection.execute(select(TARGETS).where(TARGETS.c.enabled))).mappings().all()
        mail = await self._mail_of(connection, record)
        now = await self._database.now(connection)
        if self._mails and record.report_to and not set(types).isdisjoint(news.ENDINGS):
            await self.write_report(connection, record, record.report_to, record.asked_by)
        for type_ in types:
            receivers: list[tuple[str | None, str]] = [
                (row["id"], "") for row in rows if _wants(row, record.tenant.id, type_, record.notify)
            ]
            if mail and type_ in news.ENDINGS:
                receivers.append((None, mail))
            if receivers:
                event_id = await _put_event(connection, now, type_, record, news.told(record, self._portal))
                for target_id, recipient in receivers:
                    await _put_delivery(connection, now, event_id, target_id, recipient)

    async def write_report(
        self, connection: AsyncConnection, record: Offboarding, recipients: Collection[str], sent_by: str
    ) -> list[Delivery]:
        """Have the report sent to these addresses, a mail to each, in the caller's transaction."""
        now = await self._database.now(connection)
        told: dict[str, Json] = {**news.told(record, self._portal), "sent_by": sent_by}
        event_id = await _put_event(connection, now, news.REPORT, record, told)
        made = [await _put_delivery(connection, now, event_id, None, recipient) for recipient in recipients]
        return await _found(connection, _shape().where(DELIVERIES.c.id.in_(made)).order_by(DELIVERIES.c.id))

    @uninterrupted
    async def reports(self, offboarding_id: str, limit: int = 100) -> list[Delivery]:
        """To whom the report of an offboarding was sent, and how it went; the latest first."""
        wanted = _shape().where(EVENTS.c.offboarding_id == offboarding_id, EVENTS.c.type == news.REPORT)
        async with self._database.begin(write=False) as connection:
            return await _found(connection, wanted.order_by(DELIVERIES.c.id.desc()).limit(limit))

    @uninterrupted
    async def test(self, target_id: str) -> Delivery:
        """A test event for one target, taken by the caller, who makes the one attempt that it gets."""
        async with self._database.begin() as connection:
            now = await self._database.now(connection)
            data: dict[str, Json] = {"text": "This is a test. Nothing happened to anybody."}
            event_id = await _put_event(connection, now, news.TEST, None, data)
            made = await _put_delivery(connection, now, event_id, target_id, "", tries_left=1)
            return (await _take(connection, now, [made]))[0]

    @uninterrupted
    async def replay(self, delivery_id: int) -> Delivery:
        """The same event once more to the same target, under the same id; it waits to be taken."""
        async with self._database.begin() as connection:
            now = await self._database.now(connection)
            (row,) = await _found(connection, _shape().where(DELIVERIES.c.id == delivery_id))
            again = await _put_delivery(
                connection, now, row.event_id, row.target_id, row.recipient, replay_of=delivery_id
            )
            return (await _found(connection, _shape().where(DELIVERIES.c.id == again)))[0]

    @uninterrupted
    async def take(self, limit: int, busy: Collection[str] = ()) -> list[Delivery]:
        """Deliveries whose time has come; nobody else gets them for a minute. Nothing for targets that are `busy`."""
        async with self._database.begin(write=False) as connection:
            now = await self._database.now(connection)
            if (await connection.execute(_due(now, busy).limit(1))).first() is None:
                return []
        async with self._database.begin() as connection:
            now = await self._database.now(connection)
            due = _due(now, busy).order_by(DELIVERIES.c.next_at).limit(limit)
            ids = list((await connection.execute(due.with_for_update(skip_locked=True, of=DELIVERIES))).scalars())
            return await _take(connection, now, ids)

    @uninterrupted
    async def delivered(self, delivery: Delivery, attempt: Attempt) -> None:
        """It has arrived."""
        async with self._database.begin() as connection:
            if await self._close(connection, delivery, attempt, "delivered", None):
                result = f"{attempt.status}" if attempt.status else "Sent"
                await self._say(connection, delivery, last_at=attempt.at, last_result=result, failing_since=None)

    @uninterrupted
    async def failed(self, delivery: Delivery, attempt: Attempt, again_at: datetime | None) -> datetime | None:
        """It has not; again at a moment, or never. Answers since when the target has failed without a success."""
        async with self._database.begin() as connection:
            state = "waiting" if again_at is not None else "failed"
            if not await self._close(connection, delivery, attempt, state, again_at) or delivery.target_id is None:
                return None
            await self._say(connection, delivery, last_at=attempt.at, last_result=attempt.reason)
            since = func.coalesce(TARGETS.c.failing_since, attempt.at)
            wanted = update(TARGETS).where(TARGETS.c.id == delivery.target_id)
            await connection.execute(wanted.values(failing_since=since))
            kept = select(TARGETS.c.failing_since).where(TARGETS.c.id == delivery.target_id)
            return (await connection.execute(kept)).scalar_one_or_none()

    @uninterrupted
    async def get(self, delivery_id: int) -> Delivery | None:
        """One delivery."""
        async with self._database.begin(write=False, short=True) as connection:
            found = await _found(connection, _shape().where(DELIVERIES.c.id == delivery_id))
        return found[0] if found else None

    @uninterrupted
    async def page(
        self, target_id: str, *, state: str = "", before: int = 0, limit: int = 50
    ) -> tuple[list[Delivery], int]:
        """Deliveries of a target, the latest first; and where the next page begins, 0 at the end."""
        wanted = _shape().where(DELIVERIES.c.target_id == target_id).order_by(DELIVERIES.c.id.desc())
        if state:
            wanted = wanted.where(DELIVERIES.c.state == state)
        if before:
            wanted = wanted.where(DELIVERIES.c.id < before)
        async with self._database.begin(write=False) as connection:
            found = await _found(connection, wanted.limit(limit + 1))
        return found[:limit], found[limit - 1].id if len(found) > limit else 0

    @uninterrupted
    async def late(self) -> int:
        """How many deliveries should have been sent by now; those of a target that is switched off do not count."""
        async with self._database.begin(write=False, short=True) as connection:
            now = await self._database.now(connection)
            wanted = select(func.count()).select_from(_due(now, ()).subquery())
            return int((await connection.execute(wanted)).scalar_one())

    @uninterrupted
    async def prune(self, before: datetime, forgotten: datetime) -> None:
        """Forget deliveries that ended before a moment or began before another one, and events that nobody awaits."""
        async with self._database.begin() as connection:
            ended = and_(DELIVERIES.c.ended_at.is_not(None), DELIVERIES.c.ended_at < before)
            await connection.execute(delete(DELIVERIES).where(or_(ended, DELIVERIES.c.created_at < forgotten)))
            used = select(DELIVERIES.c.event_id)
            await connection.execute(delete(EVENTS).where(EVENTS.c.at < before, EVENTS.c.id.not_in(used)))

    async def _close(
        self,
        connection: AsyncConnection,
        delivery: Delivery,
        attempt: Attempt,
        state: str,
        next_at: datetime | None,
    ) -> bool:
        """Write the end of an attempt; False when somebody else has taken the delivery since."""
        entry = {
            "at": attempt.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "milliseconds": attempt.milliseconds,
            "status": attempt.status,
            "reason": attempt.reason,
        }
        done = await connection.execute(
            update(DELIVERIES)
            .where(DELIVERIES.c.id == delivery.id, DELIVERIES.c.attempts == delivery.attempts)
            .values(
                state=state,
                next_at=next_at,
                ended_at=None if state == "waiting" else attempt.at,
                log=[*delivery.log, entry][-LONGEST_LOG:],
            )
        )
        return done.rowcount == 1

    @staticmethod
    async def _say(connection: AsyncConnection, delivery: Delivery, **values: Any) -> None:
        await connection.execute(update(TARGETS).where(TARGETS.c.id == delivery.target_id).values(**values))

    async def _mail_of(self, connection: AsyncConnection, record: Offboarding) -> str:
        """Where the person who asked wants mail: as he set it in the portal, else his name if it is an address."""
        if not self._mails or not record.asked_by:
            return ""
        wanted = select(PAPERS.c.document).where(
            PAPERS.c.kind == MAIL_ADDRESS, PAPERS.c.key == record.asked_by.lower()[:128]
        )
        said = (await connection.execute(wanted)).scalar_one_or_none() if record.asked_via == "portal" else None
        if said is not None:
            return str(said.get("address", "")) if said.get("wanted", True) else ""
        local, at, domain = record.asked_by.partition("@")
        return record.asked_by if at and local and "." in domain and " " not in record.asked_by else ""


def _wants(row: Any, tenant_id: str, type_: str, asked: Collection[str]) -> bool:
    """Whether a target is told: it subscribes to the event, or the request itself asked for it."""
    if row["tenants"] and tenant_id not in row["tenants"]:
        return False
    asked_for = any(row["kind"] in news.CHANNELS[channel] for channel in asked)
    return type_ in row["events"] or (type_ in news.ENDINGS and asked_for)


async def _put_event(
    connection: AsyncConnection, now: datetime, type_: str, record: Offboarding | None, data: dict[str, Json]
) -> str:
    event_id = f"msg_{secrets.token_hex(14)}"
    values = {"id": event_id, "type": type_, "at": now, "data": data}
    values |= {
        "tenant_id": record.tenant.id if record is not None else "",
        "offboarding_id": record.id if record is not None else "",
    }
    await connection.execute(insert(EVENTS).values(**values))
    return event_id


async def _put_delivery(
    connection: AsyncConnection,
    now: datetime,
    event_id: str,
    target_id: str | None,
    recipient: str,
    *,
    tries_left: int = TRIES,
    replay_of: int | None = None,
) -> int:
    values: dict[str, Any] = {
        "event_id": event_id,
        "target_id": target_id,
        "recipient": recipient,
        "state": "waiting",
        "attempts": 0,
        "tries_left": tries_left,
        "next_at": now,
        "created_at": now,
        "replay_of": replay_of,
        "log": [],
    }
    made = await connection.execute(insert(DELIVERIES).values(**values).returning(DELIVERIES.c.id))
    return int(made.scalar_one())


def _due(now: datetime, busy: Collection[str]) -> Select[Any]:
    return (
        select(DELIVERIES.c.id)
        .outerjoin(TARGETS, TARGETS.c.id == DELIVERIES.c.target_id)
        .where(DELIVERIES.c.state == "waiting", DELIVERIES.c.next_at <= now)
        .where(or_(DELIVERIES.c.target_id.is_(None), and_(TARGETS.c.enabled, TARGETS.c.id.not_in(list(busy)))))
    )


async def _take(connection: AsyncConnection, now: datetime, ids: list[int]) -> list[Delivery]:
    if not ids:
        return []
    taken = update(DELIVERIES).where(DELIVERIES.c.id.in_(ids))
    counted = {"attempts": DELIVERIES.c.attempts + 1, "tries_left": DELIVERIES.c.tries_left - 1}
    await connection.execute(taken.values(next_at=now + LEASE, **counted))
    return await _found(connection, _shape().where(DELIVERIES.c.id.in_(ids)).order_by(DELIVERIES.c.id))


def _shape() -> Select[Any]:
    of_event = (EVENTS.c.type, EVENTS.c.at, EVENTS.c.tenant_id, EVENTS.c.offboarding_id, EVENTS.c.data)
    return select(DELIVERIES, *of_event).join(EVENTS, EVENTS.c.id == DELIVERIES.c.event_id)


async def _found(connection: AsyncConnection, wanted: Select[Any]) -> list[Delivery]:
    return [Delivery(**row) for row in (await connection.execute(wanted)).mappings()]
