"""Every offboarding: accepted once, saved as it goes on, taken up by one process at a time."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, delete, func, insert, or_, select, tuple_, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from leaver.domain import news
from leaver.domain.actor import Actor
from leaver.domain.errors import LeaseLost, Unusable
from leaver.domain.offboarding import Offboarding, TaskRecord, moment
from leaver.store import tables
from leaver.store.audit import Audit, Said
from leaver.store.database import Database, uninterrupted
from leaver.store.leases import Lease, held
from leaver.store.outbox import Delivery, Outbox
from leaver.store.rows import HEAD, columns, in_parts, load, put_tasks

A_FEW = 10
"""Offboardings that are read without a thread."""
PRUNED_AT_ONCE = 50
"""In one transaction: nobody else writes to SQLite meanwhile."""


@dataclass(frozen=True)
class Mark:
    """One of a list."""

    id: str
    revision: int
    """Another one means that it has changed."""


@dataclass(frozen=True)
class UnderWay:
    """That somebody is being offboarded."""

    state: str
    at: datetime | None
    asked_by: str


@dataclass(frozen=True)
class Overview:
    """Figures over many offboardings."""

    oldest_running: datetime | None
    next_at: datetime | None
    """When the next scheduled one starts."""
    failed_tasks: int
    completed: int
    licenses: int
    """Licenses that were taken away and read back."""


class Offboardings:
    """The offboardings of a database."""

    def __init__(self, database: Database, audit: Audit | None = None, outbox: Outbox | None = None) -> None:
        self._database = database
        self._audit = audit or Audit(database)
        self._outbox = outbox or Outbox(database)

    @uninterrupted
    async def add(self, record: Offboarding, *, idempotency_key: str = "", request_hash: str = "") -> Offboarding:
        """Accept an offboarding, with its audit entry, in one transaction.

        The same key again gives the offboarding that was accepted with it. Another active one of the same user, or
        the same key with another request, is unusable.
        """
        try:
            async with self._database.begin() as connection:
                if idempotency_key:
                    earlier = await self._of_key(connection, idempotency_key, request_hash)
                    if earlier is not None:
                        return earlier
                await self._refuse_second(connection, record)
                values = columns(record) | {"id": record.id, "request_hash": request_hash}
                values |= {"idempotency_key": idempotency_key or None, "attempt": 0}
                await connection.execute(insert(HEAD).values(**values))
                await put_tasks(connection, record, record.tasks)
                await self._audit.add(
                    Actor(record.asked_by, record.asked_via, record.asked_from),
                    f"{record.kind}.accepted",
                    tenant_id=record.tenant.id,
                    user_id=record.user.id,
                    offboarding_id=record.id,
                    after=_accepted(record),
                    connection=connection,
                )
                await self._outbox.write(connection, record, *news.news_of_acceptance(record))
        except IntegrityError:
            # Two were accepted at the same moment: the loser is told what it would have been told a moment later.
            async with self._database.begin() as connection:
                if idempotency_key:
                    earlier = await self._of_key(connection, idempotency_key, request_hash)
                    if earlier is not None:
                        return earlier
                await self._refuse_second(connection, record)
            raise
        return record

    @uninterrupted
    async def save(self, record: Offboarding, lease: Lease | None = None, said: Said | None = None) -> None:
        """Keep everything; with a lease only while it is held, else only if nobody has changed it since it was read.

        Whoever wants to know of its end is told of it.
        `said` is the audit entry of what this save changes.
        """
        async with self._database.begin() as connection:
            fresh = await self._save_head(connection, record, lease)
            if fresh or (said is not None and not said.once):
                await self._say(connection, record, said)
            await connection.execute(
                delete(tables.outcomes).where(
                    tables.outcomes.c.offboarding_id == record.id,
                    tables.outcomes.c.task.not_in([task.task for task in record.tasks]),
                )
            )
            await put_tasks(connection, record, record.tasks)

    @uninterrupted
    async def save_tasks(self, record: Offboarding, tasks: Sequence[TaskRecord], lease: Lease | None = None) -> None:
        """Keep some tasks and their changes; with a lease only while it is held."""
        async with self._database.begin() as connection:
            await self._save_head(connection, record, lease)
            await put_tasks(connection, record, tasks)

    @uninterrupted
    async def get(self, offboarding_id: str) -> Offboarding:
        """The one with this id, or whose id begins so; with everything that is kept of it."""
        wanted = offboarding_id.strip()
        async with self._database.begin(write=False, short=True) as connection:
            ids = []
            if wanted:
                named = select(HEAD.c.id).where(HEAD.c.id.startswith(wanted, autoescape=True)).limit(2)
                ids = list((await connection.execute(named)).scalars())
                if wanted in ids:
                    ids = [wanted]
            if len(ids) != 1:
                problem = "More than one offboarding begins" if ids else "There is no offboarding"
                raise Unusable(
                    f"{problem} with the id {offboarding_id!r}.",
                    "unknown_offboarding",
                    advice="`leaver status` lists them.",
                )
            return (await load(connection, select(HEAD).where(HEAD.c.id == ids[0])))[0]

    @uninterrupted
    async def of_user(self, tenant_id: str, user_id: str) -> list[Offboarding]:
        """The offboardings of one user, the latest first."""
        mine = select(HEAD).where(HEAD.c.tenant_id == tenant_id, HEAD.c.user_id == user_id)
        async with self._database.begin(write=False) as connection:
            return await load(connection, mine.order_by(HEAD.c.requested_at.desc(), HEAD.c.id.desc()))

    async def page(self, **filters: Any) -> tuple[list[Offboarding], str]:
        """A page of offboardings as `marks` marks them, without facts; and the next page's cursor, empty at the end."""
        found, following = await self.marks(**filters)
        return await self.several([mark.id for mark in found], facts=False), following

    @uninterrupted
    async def marks(
        self,
        *,
        tenant_ids: Sequence[str] | None = None,
        states: Sequence[str] = (),
        text: str = "",
        upn: str = "",
        reference: str = "",
        asked_by: str = "",
        kind: str = "",
        since: datetime | None = None,
        awaits_approval: bool = False,
        after: str = "",
        limit: int = 50,
    ) -> tuple[list[Mark], str]:
        """Which offboardings are on a page, the latest first; and the next page's cursor, empty at the end."""
        conditions: list[ColumnElement[bool]] = []
        if tenant_ids is not None:
            conditions.append(HEAD.c.tenant_id.in_(tenant_ids))
        if states:
            conditions.append(HEAD.c.state.in_(states))
        if text:
            like = f"%{_literal(text.lower())}%"
            columns = (HEAD.c.user_upn, HEAD.c.user_name, HEAD.c.reference)
            conditions.append(or_(*(func.lower(column).like(like, escape="\\") for column in columns)))
        if upn:
            conditions.append(func.lower(HEAD.c.user_upn) == upn.lower())
        if reference:
            conditions.append(HEAD.c.reference == reference)
        if asked_by:
            conditions.append(HEAD.c.asked_by == asked_by)
        if kind:
            conditions.append(HEAD.c.kind == kind)
        if since is not None:
            conditions.append(HEAD.c.requested_at >= since)
        if awaits_approval:
            conditions.append(HEAD.c.awaits_approval)
        if after:
            conditions.append(tuple_(HEAD.c.requested_at, HEAD.c.id) < tuple_(*_cursor(after)))
        all_of_them = not (states or text or upn or reference or asked_by or kind or since or awaits_approval)
        wanted = select(HEAD.c.id, HEAD.c.revision, HEAD.c.requested_at).where(*conditions)
        wanted = wanted.order_by(HEAD.c.requested_at.desc(), HEAD.c.id.desc()).limit(limit + 1)
        async with self._database.begin(write=False, short=all_of_them) as connection:
            rows = (await connection.execute(wanted)).all()
        found = [Mark(row.id, row.revision) for row in rows[:limit]]
        return found, _as_cursor(rows[limit - 1].requested_at, rows[limit - 1].id) if len(rows) > limit else ""

    @uninterrupted
    async def counts(self, tenant_ids: Sequence[str] | None = None) -> dict[str, int]:
        """How many there are in each state."""
        wanted = select(HEAD.c.state, func.count()).group_by(HEAD.c.state)
        if tenant_ids is not None:
            wanted = wanted.where(HEAD.c.tenant_id.in_(tenant_ids))
        async with self._database.begin(write=False) as connection:
            return dict((await connection.execute(wanted)).all())

    @uninterrupted
    async def overview(self, tenant_ids: Sequence[str] | None, since: datetime) -> Overview:
        """The figures at the head of the list; what is counted over time is counted since then."""

        def of(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
            mine = [HEAD.c.tenant_id.in_(tenant_ids)] if tenant_ids is not None else []
            return and_(*conditions, *mine)

        running = of(HEAD.c.state == "running")
        ended = of(HEAD.c.state.in_(("completed", "follow_up")), HEAD.c.requested_at >= since)
        failed = of(HEAD.c.state.in_(("failed", "blocked")))
        outcomes, changes = tables.outcomes.c, tables.changes.c
        wrong = outcomes.outcome.in_(("failed", "unverified", "blocked"))
        released = select(changes.document).join(HEAD, HEAD.c.id == changes.offboarding_id)
        released = released.where(
            of(changes.task == "remove_licenses", changes.verified_at >= since, HEAD.c.kind != "undo")
        )
        async with self._database.begin(write=False) as connection:

            async def one(wanted: Select[Any]) -> Any:
                return (await connection.execute(wanted)).scalar_one()

            return Overview(
                oldest_running=await one(select(func.min(HEAD.c.requested_at)).where(running)),
                next_at=await one(select(func.min(HEAD.c.at)).where(of(HEAD.c.state == "scheduled"))),
                failed_tasks=await one(
                    select(func.count())
                    .select_from(tables.outcomes.join(HEAD, HEAD.c.id == outcomes.offboarding_id))
                    .where(wrong, failed)
                ),
                completed=await one(select(func.count()).select_from(HEAD).where(ended)),
                licenses=sum(_licenses(row.document) for row in await connection.execute(released)),
            )

    @uninterrupted
    async def under_way(self, tenant_id: str) -> dict[str, UnderWay]:
        """Who of a tenant has an offboarding that has not ended, by the user's id."""
        wanted = select(HEAD.c.user_id, HEAD.c.state, HEAD.c.at, HEAD.c.asked_by)
        wanted = wanted.where(HEAD.c.tenant_id == tenant_id, HEAD.c.active)
        async with self._database.begin(write=False) as connection:
            rows = (await connection.execute(wanted)).all()
        return {row.user_id: UnderWay(row.state, row.at, row.asked_by) for row in rows}

    @uninterrupted
    async def askers(self, tenant_ids: Sequence[str] | None = None, limit: int = 50) -> list[str]:
        """Who has asked for offboardings, by name."""
        wanted = select(HEAD.c.asked_by).distinct().order_by(HEAD.c.asked_by).limit(limit)
        if tenant_ids is not None:
            wanted = wanted.where(HEAD.c.tenant_id.in_(tenant_ids))
        async with self._database.begin(write=False) as connection:
            return [name for name in (await connection.execute(wanted)).scalars() if name]

    @uninterrupted
    async def awaiting(self, tenant_ids: Sequence[str] | None = None) -> int:
        """How many stand still until a second person has agreed."""
        wanted = select(func.count()).select_from(HEAD).where(HEAD.c.awaits_approval)
        if tenant_ids is not None:
            wanted = wanted.where(HEAD.c.tenant_id.in_(tenant_ids))
        async with self._database.begin(write=False) as connection:
            return int((await connection.execute(wanted)).scalar_one())

    @uninterrupted
    async def mail_report(self, record: Offboarding, recipients: Sequence[str], actor: Actor) -> list[Delivery]:
        """Have its report sent to these addresses, with the audit entry of who wanted it."""
        async with self._database.begin() as connection:
            made = await self._outbox.write_report(connection, record, recipients, actor.name)
            await self._audit.add(
                actor,
                "report.mailed",
                tenant_id=record.tenant.id,
                user_id=record.user.id,
                offboarding_id=record.id,
                after={"to": list(recipients)},
                connection=connection,
            )
        return made

    @uninterrupted
    async def settle_approval(self, record: Offboarding, actor: Actor, what: str) -> None:
        """Keep what a second person said, with its audit entry, if nobody has said or changed anything meanwhile."""
        async with self._database.begin() as connection:
            done = await connection.execute(
                update(HEAD)
                .where(HEAD.c.id == record.id, HEAD.c.awaits_approval, HEAD.c.revision == record.revision)
                .values(**(columns(record) | {"revision": HEAD.c.revision + 1}))
            )
            if done.rowcount != 1:
                raise Unusable(
                    f"{record.id} has changed while it was decided.",
                    "approval_changed",
                    advice="Look at it again, then decide.",
                )
            record.revision += 1
            if record.ended_at is not None:
                await self._outbox.write(connection, record, *news.news_of_end(record))
            await put_tasks(connection, record, record.tasks)
            await self._audit.add(
                actor,
                what,
                tenant_id=record.tenant.id,
                user_id=record.user.id,
                offboarding_id=record.id,
                after=None if record.approval is None else record.approval.as_json(),
                connection=connection,
            )

    @uninterrupted
    async def revision(self, offboarding_id: str) -> int:
        """A number that rises with everything that is kept of it."""
        async with self._database.begin(write=False, short=True) as connection:
            found = await connection.execute(select(HEAD.c.revision).where(HEAD.c.id == offboarding_id))
            return int(found.scalar() or 0)

    @uninterrupted
    async def several(self, ids: Sequence[str], *, facts: bool = True) -> list[Offboarding]:
        """Those with these ids, in their order, with everything that is kept of them."""
        found: dict[str, Offboarding] = {}
        async with self._database.begin(write=False, short=len(ids) <= A_FEW) as connection:
            for some in in_parts(ids):
                loaded = await load(connection, select(HEAD).where(HEAD.c.id.in_(some)), facts=facts)
                found |= {record.id: record for record in loaded}
        return [found[each] for each in ids if each in found]

    @uninterrupted
    async def request_cancel(self, record: Offboarding, said: Said | None = None) -> bool:
        """Ask whoever works on it to stop; False when it has ended."""
        async with self._database.begin() as connection:
            done = await connection.execute(
                update(HEAD)
                .where(HEAD.c.id == record.id, HEAD.c.active)
                .values(cancel_requested=True, revision=HEAD.c.revision + 1)
            )
            if done.rowcount == 1:
                await self._say(connection, record, said)
            return done.rowcount == 1

    @uninterrupted
    async def reopen(self, record: Offboarding, said: Said | None = None) -> None:
        """Make an ended offboarding active again, as it is given; one that somebody works on is unusable."""
        try:
            async with self._database.begin() as connection:
                await connection.execute(update(HEAD).where(HEAD.c.id == record.id).values(cancel_requested=False))
                await self._refuse_second(connection, record)
                await self._save_head(connection, record, None)
                await put_tasks(connection, record, record.tasks)
                await self._say(connection, record, said)
        except IntegrityError:
            async with self._database.begin() as connection:
                await self._refuse_second(connection, record)
            raise

    async def prune(self, before: datetime, hash_of: Callable[[Offboarding], str], actor: Actor) -> list[str]:
        """Forget the content of what ended before a moment; its frame and the hash of its evidence stay.

        The ids of those that were pruned. Each has its entry in the trail, and only some are locked at once: the work
        goes on beside it, and what is retried meanwhile is left alone.
        """
        old = and_(HEAD.c.active.is_(False), HEAD.c.requested_at < before, HEAD.c.evidence_hash == "")
        async with self._database.begin(write=False) as connection:
            ids = list((await connection.execute(select(HEAD.c.id).where(old))).scalars())
        pruned: list[str] = []
        for some in in_parts(ids, PRUNED_AT_ONCE):
            pruned += await self._prune(some, before, hash_of, actor)
        return pruned

    @uninterrupted
    async def _prune(
        self, ids: Sequence[str], before: datetime, hash_of: Callable[[Offboarding], str], actor: Actor
    ) -> list[str]:
        async with self._database.begin() as connection:
            wanted = select(HEAD).where(HEAD.c.id.in_(ids), HEAD.c.active.is_(False)).with_for_update()
            found = [each for each in await load(connection, wanted) if each.ended_at and each.ended_at < before]
            for record in found:
                sha256 = hash_of(record)
                said = Said(actor, "offboarding.pruned", {"state": record.state.value, "sha256": sha256})
                kept = record.head_to_store() | {
                    "settings": {},
                    "people": {},
                    "notes": [],
                    "decisions": {},
                    "report_to": [],
                }
                await connection.execute(
                    update(HEAD)
                    .where(HEAD.c.id == record.id)
                    .values(evidence_hash=sha256, document=kept, revision=HEAD.c.revision + 1)
                )
                for table in (tables.changes, tables.outcomes):
                    await connection.execute(delete(table).where(table.c.offboarding_id == record.id))
                await self._say(connection, record, said)
        return [record.id for record in found]

    async def _say(self, connection: AsyncConnection, record: Offboarding, said: Said | None) -> None:
        if said is not None:
            await self._audit.add(
                said.actor,
                said.what,
                tenant_id=record.tenant.id,
                user_id=record.user.id,
                offboarding_id=record.id,
                after=said.after,
                connection=connection,
            )

    async def _save_head(self, connection: AsyncConnection, record: Offboarding, lease: Lease | None) -> bool:
        """Keep the head; False when it had ended, or waited for approval, as it does here: a save that is repeated."""
        repeated = False
        mine = held(lease) if lease is not None else await self._unchanged(connection, record)
        if record.ended_at is not None or record.awaits_approval:
            wanted = select(HEAD.c.active, HEAD.c.awaits_approval).where(*mine).with_for_update()
            was = (await connection.execute(wanted)).one_or_none()
            if was is not None and record.ended_at is not None:
                repeated = not was.active
            elif was is not None:
                repeated = was.awaits_approval
            if was is not None and was.active and record.ended_at is not None:
                await self._outbox.write(connection, record, *news.news_of_end(record))
            if was is not None and not was.awaits_approval and record.awaits_approval:
                await self._outbox.write(connection, record, news.APPROVAL_NEEDED)
        done = await connection.execute(
            update(HEAD)
            .where(*mine)
            .values(**(columns(record) | {"revision": HEAD.c.revision + 1}))
            .returning(HEAD.c.revision, HEAD.c.attempt)
        )
        row = done.one_or_none()
        if row is None and lease is not None:
            raise LeaseLost("Another process has taken this offboarding over.", "lease_lost")
        if row is None:
            raise Unusable(
                f"{record.id} has been changed or taken up: somebody works on it, or was quicker.",
                "changed_meanwhile",
                advice=f"Nothing was changed. Look at it with `leaver status {record.id}`, then try again.",
            )
        record.revision, record.attempt = row.revision, row.attempt
        return not repeated

    async def _unchanged(self, connection: AsyncConnection, record: Offboarding) -> tuple[ColumnElement[bool], ...]:
        """Nobody has kept anything since, and nobody works on it, who would keep what they have in mind over this."""
        gone = HEAD.c.lease_until <= await self._database.now(connection)
        free = or_(HEAD.c.active.is_(False), HEAD.c.lease_until.is_(None), gone)
        return HEAD.c.id == record.id, HEAD.c.revision == record.revision, free

    async def _of_key(self, connection: AsyncConnection, key: str, request_hash: str) -> Offboarding | None:
        found = (await connection.execute(select(HEAD).where(HEAD.c.idempotency_key == key))).mappings().one_or_none()
        if found is None:
            return None
        if found["request_hash"] != request_hash:
            raise Unusable(
                "This idempotency key was used for another request.",
                "idempotency_conflict",
                advice="Use a new key for a new request.",
            )
        return (await load(connection, select(HEAD).where(HEAD.c.id == found["id"])))[0]

    async def _refuse_second(self, connection: AsyncConnection, record: Offboarding) -> None:
        other = await connection.execute(
            select(HEAD.c.id, HEAD.c.state, HEAD.c.kind, HEAD.c.asked_by).where(
                HEAD.c.tenant_id == record.tenant.id,
                HEAD.c.user_id == record.user.id,
                HEAD.c.active,
                HEAD.c.id != record.id,
            )
        )
        found = other.first()
        if found is not None:
            raise Unusable(
                f"Another {found.kind} of {record.user.display_name} ({record.user.upn}) is under way: {found.id}, "
                f"{found.state}, asked for by {found.asked_by or 'somebody'}.",
                "already_running",
                advice=f"`leaver status {found.id} --follow` watches it, `leaver retry {found.id}` goes on where it "
                f"was broken off, `leaver cancel {found.id}` stops it. Afterwards run this one again.",
            )


def _licenses(change: Mapping[str, Any]) -> int:
    """How many licenses a change took away; leaving a group that assigns them counts as one."""
    return len(change["before"]) if isinstance(change["before"], list) else 1


def _accepted(record: Offboarding) -> dict[str, Any]:
    told: dict[str, Any] = {
        "user": record.user.upn,
        "tasks": sorted(record.settings),
        "reference": record.reference,
    }
    if record.report_to:
        told["report_to"] = list(record.report_to)
    if record.awaits_approval and record.approval is not None:
        told["awaits_approval"] = dict(record.approval.reasons)
    return told


def request_hash(request: Mapping[str, Any]) -> str:
    """The hash of a request, to tell the same one sent twice from another one with the same key."""
    return hashlib.sha256(json.dumps(request, sort_keys=True, default=str).encode()).hexdigest()


def _literal(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _as_cursor(at: datetime, offboarding_id: str) -> str:
    text = json.dumps([at.isoformat(), offboarding_id])
    return base64.urlsafe_b64encode(text.encode()).decode()


def _cursor(text: str) -> tuple[datetime, str]:
    try:
        at, offboarding_id = json.loads(base64.urlsafe_b64decode(text.encode()))
        return moment(at), str(offboarding_id)
    except (ValueError, TypeError) as error:
        raise Unusable(
            "This cursor was not made by Leaver.", "bad_cursor", advice="Start from the first page."
        ) from error
