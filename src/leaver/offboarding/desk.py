"""What can be asked of an offboarding once it is planned or accepted; every door asks here."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from leaver.domain.actor import Actor
from leaver.domain.errors import Denied, LeaseLost, LeaverError, Refused, StoreAway, Unusable
from leaver.domain.moments import refuse_far, zone_named
from leaver.domain.offboarding import Offboarding
from leaver.domain.outcome import Outcome
from leaver.domain.plan import Json, NoteKind, follow_up
from leaver.offboarding import approval
from leaver.offboarding.drive import drive, worker_name
from leaver.offboarding.intake import House, Opened, accept, batch_refusals, reopen
from leaver.offboarding.locks import refuse_other_than_locked
from leaver.offboarding.planner import Preview, preview
from leaver.offboarding.undo import open_undo, plan_undo
from leaver.store.audit import Said
from leaver.store.offboardings import Mark, Offboardings


@dataclass(frozen=True)
class Request:
    """What a door hands in: which tasks for which users of a tenant, and when."""

    tenant: str
    users: Sequence[str]
    settings: Mapping[str, Any]
    decisions: Mapping[str, str] = field(default_factory=dict)
    """What was decided for every user."""
    reference: str = ""
    at: datetime | None = None
    time_zone: str = ""
    priority: int | None = None
    """Lower goes first, from 1 to 10; without one a single user goes before the users of a longer list."""
    idempotency_key: str = ""
    """The same request with the same key is accepted once."""
    notify: Sequence[str] = ()
    """How to tell of the end: `webhook`, `email`, `psa`."""
    report_to: Sequence[str] = ()
    """Mail addresses that get the report when it has ended."""
    full_scan: bool = False
    """Look through every mailbox for the users' rights, whatever the index of rights says."""
    decisions_of: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """What was decided for one user besides, by object id."""

    @property
    def urgency(self) -> int:
        """The priority that it has."""
        if self.priority is not None:
            return self.priority
        return ALONE if len(self.users) == 1 else BULK


ALONE, BULK = 5, 10
"""The priority of what is asked for alone, and of what is one of many."""
LOOK, LOOKS = 0.05, 100
"""Seconds between two looks for the end of what was cancelled before it began, and how many there are."""
KEYS = "idempotency"
KEYS_KEPT = timedelta(days=400)
Allowed = Callable[[Offboarding], Awaitable[None]]
"""Raises when whoever asks may not offboard this user; asked before anything is accepted."""


def refuse_unfit(at: datetime | None) -> None:
    """Refuse a moment that has passed, or that is no date everywhere; whoever wants to start at once names none."""
    if at is None:
        return
    if at <= datetime.now(UTC):
        raise Unusable("The time has passed.", "time_has_passed", advice="Leave it out to start at once.")
    refuse_far(at)


async def anybody(_: Offboarding) -> None:
    """No limit: as at the command line, where whoever has the configuration has everything."""


class Desk:
    """What the server's doors can ask for. Each accepted offboarding is worked on by whoever works here.

    A `nudge` tells the worker of this process that there is something to do; without one nobody works here.
    """

    def __init__(self, house: House, nudge: Callable[[], None] | None = None) -> None:
        self._house = house
        self._nudge = nudge or (lambda: None)
        self._works = nudge is not None

    async def plan(self, request: Request, actor: Actor, *, progress: Callable[[str], None] | None = None) -> Preview:
        """What would happen, and whether a second person would have to agree; nothing is written anywhere.

        `progress` is called with the name of each user whose plan is made.
        """
        opened = await self._accept(request, request.users, actor)
        planned = await preview(self._house, opened, progress=progress)
        await asyncio.gather(*(approval.hold(self._house, record) for record in planned.offboardings))
        return planned

    async def planned(self, offboarding_id: str) -> Offboarding:
        """One that was accepted without a plan, with the plan of this moment; nothing is written anywhere."""
        opened = await reopen(self._house, await self.get(offboarding_id))
        return (await preview(self._house, [opened])).offboardings[0]

    async def submit(
        self, request: Request, actor: Actor, *, confirmed_digest: str = "", allowed: Allowed = anybody
    ) -> list[Offboarding]:
        """Accept a request whose plan was seen, all users or none.

        A plan that holds a blocker, or is not the one with the confirmed digest, is unusable.
        """
        refuse_unfit(request.at)
        if request.time_zone:
            zone_named(request.time_zone)
        planned = await self.plan(request, actor)
        for item in planned.planned:
            await allowed(item.record)
        if planned.unreachable:
            raise Unusable(
                "A service did not answer, so the plan is incomplete.",
                "service_unavailable",
                advice="Nothing was changed. Try again in some minutes.",
            )
        if confirmed_digest and planned.digest != confirmed_digest:
            raise Unusable(
                "The tenant has changed since the plan was made, so the plan is another one.",
                "plan_changed",
                advice="Review the new plan and confirm it. Nothing was changed.",
            )
        for item in planned.planned:
            self._mark(item.record, request)
        accepted = await accept_plan(
            self._house.offboardings, planned, key_of=lambda record: self._key(record, request, actor)
        )
        self._nudge()
        return accepted

    async def once(
        self,
        key: str,
        wish: Mapping[str, Any],
        actor: Actor,
        submit: Callable[[], Awaitable[list[Offboarding]]],
    ) -> list[Offboarding]:
        """What was accepted with this key, by `submit` unless it was before; the key with another wish is unusable.

        So a repeated request gets its offboardings again even when its users are gone meanwhile.
        """
        if not key:
            return await submit()
        papers, place = self._house.papers, _sha256(json.dumps([actor.via, actor.name, key]))
        asked = _sha256(json.dumps(wish, sort_keys=True))
        until = datetime.now(UTC) + KEYS_KEPT
        kept = await papers.claim(KEYS, place, {"asked": asked, "ids": []}, expires_at=until)
        if kept["asked"] != asked:
            raise Unusable(
                "This idempotency key was used for another request.",
                "idempotency_conflict",
                advice="Use a new key for a new request.",
            )
        if kept["ids"]:
            return [await self.get(each) for each in kept["ids"]]
        try:
            accepted = await submit()
        except LeaverError:  # nothing was accepted: it may be asked for differently with the same key
            await papers.remove(KEYS, place)
            raise
        ids = [record.id for record in accepted]
        await papers.change(KEYS, place, lambda before: before | {"ids": ids})
        return accepted

    async def queue(
        self, request: Request, actor: Actor, *, allowed: Allowed = anybody
    ) -> list[Offboarding | LeaverError]:
        """Accept each user alone and plan nothing yet: the run plans, and a blocker ends it before the first change.

        One answer for each user, in their order: what was accepted, or why not. Somebody who is named in two ways is
        accepted once.
        """
        named = list(dict.fromkeys(request.users))
        found = await asyncio.gather(*(self._open(request, text, actor, allowed) for text in named))
        opened: dict[str, Opened] = {}
        for item in found:
            if isinstance(item, Opened):
                opened.setdefault(item.record.user.id, item)
        refused = batch_refusals(list(opened.values()))
        kept: dict[str, Offboarding | LeaverError] = {}
        for user_id, item in opened.items():
            kept[user_id] = await self._queued(item.record, request, actor, refused.get(item.record.id, ""))
        self._nudge()
        answers = {
            text: kept[item.record.user.id] if isinstance(item, Opened) else item
            for text, item in zip(named, found, strict=True)
        }
        return [answers[text] for text in request.users]

    async def _open(self, request: Request, text: str, actor: Actor, allowed: Allowed) -> Opened | LeaverError:
        try:
            (item,) = await self._accept(request, [text], actor)
            await allowed(item.record)
        except (Unusable, Refused, Denied) as error:
            return error
        return item

    async def _queued(
        self, record: Offboarding, request: Request, actor: Actor, refusal: str
    ) -> Offboarding | LeaverError:
        if refusal:
            return Unusable(refusal, "refused_request", advice="Nothing was changed.")
        self._mark(record, request)
        await approval.hold(self._house, record)
        key, request_hash = self._key(record, request, actor)
        try:
            return await self._house.offboardings.add(record, idempotency_key=key, request_hash=request_hash)
        except Unusable as error:
            return error

    async def get(self, offboarding_id: str) -> Offboarding:
        """One offboarding, with everything that is kept of it."""
        return await self._house.offboardings.get(offboarding_id)

    async def page(self, **filters: Any) -> tuple[list[Offboarding], str]:
        """A page of offboardings, and the cursor of the next one; the filters are those of the store."""
        return await self._house.offboardings.page(**filters)

    async def marks(self, **filters: Any) -> tuple[list[Mark], str]:
        """Which offboardings are on a page, for whoever remembers them."""
        return await self._house.offboardings.marks(**filters)

    async def several(self, ids: Sequence[str]) -> list[Offboarding]:
        """Those with these ids, in their order, without facts."""
        return await self._house.offboardings.several(ids, facts=False)

    async def retry(self, offboarding_id: str, actor: Actor, decisions: Mapping[str, str] | None = None) -> Offboarding:
        """Do what is still missing of one that has ended."""
        record = await retry(self._house, offboarding_id, actor, decisions)
        self._nudge()
        return record

    async def approve(self, offboarding_id: str, actor: Actor, note: str = "", *, allowed: Allowed) -> Offboarding:
        """Agree, as a second person, to one that waits for it."""
        record = await approval.approve(self._house, offboarding_id, actor, note, allowed)
        self._nudge()
        return record

    async def refuse(self, offboarding_id: str, actor: Actor, note: str, *, allowed: Allowed) -> Offboarding:
        """Refuse one that waits for approval, and say why; it ends."""
        return await approval.refuse(self._house, offboarding_id, actor, note, allowed)

    async def cancel(self, offboarding_id: str, actor: Actor) -> Offboarding:
        """Stop one: the call under way finishes, the rest is not started.

        What nobody works on ends here and now. What has not begun ends within a moment, and is waited for: whoever asks
        for another one then is not refused.
        """
        record = await cancel(self._house.offboardings, offboarding_id, actor)
        with contextlib.suppress(LeaseLost, StoreAway):  # whoever works on offboardings ends it then
            await drive(self._house, record.id, owner=worker_name())
        self._nudge()
        record = await self.get(record.id)
        for _ in range(LOOKS if self._works else 0):
            if record.started or record.ended_at is not None:
                break
            await asyncio.sleep(LOOK)
            record = await self.get(offboarding_id)
        return record

    async def reschedule(self, offboarding_id: str, at: datetime, time_zone: str, actor: Actor) -> Offboarding:
        """Move one that has not started."""
        if time_zone:
            zone_named(time_zone)
        return await reschedule(self._house.offboardings, offboarding_id, at, time_zone, actor)

    async def skip(self, offboarding_id: str, task: str, note: str, actor: Actor) -> Offboarding:
        """Leave a task that did not end well to a person, with a note that says why."""
        return await skip(self._house.offboardings, offboarding_id, task, note, actor)

    async def undo_plan(
        self,
        offboarding_id: str,
        actor: Actor,
        tasks: Sequence[str] = (),
        decisions: Mapping[str, str] | None = None,
    ) -> Offboarding:
        """What an undo would put back; nothing is written anywhere."""
        record = open_undo(await self.get(offboarding_id), actor, tasks, decisions)
        return (await plan_undo(self._house, record)).record

    async def undo(
        self,
        offboarding_id: str,
        actor: Actor,
        tasks: Sequence[str] = (),
        decisions: Mapping[str, str] | None = None,
    ) -> Offboarding:
        """Accept an undo; one whose plan holds a blocker is unusable."""
        record = await self.undo_plan(offboarding_id, actor, tasks, decisions)
        await approval.hold(self._house, record)
        await accept_undo(self._house.offboardings, record)
        self._nudge()
        return record

    async def _accept(self, request: Request, users: Sequence[str], actor: Actor) -> list[Opened]:
        await refuse_other_than_locked(self._house, request.settings)
        return await accept(
            self._house,
            request.tenant,
            users,
            request.settings,
            decisions=request.decisions,
            decisions_of=request.decisions_of,
            reference=request.reference,
            full_scan=request.full_scan,
            actor=actor,
        )

    @staticmethod
    def _mark(record: Offboarding, request: Request) -> None:
        record.at, record.time_zone, record.priority = request.at, request.time_zone, request.urgency
        record.notify, record.report_to = list(request.notify), list(request.report_to)

    @staticmethod
    def _key(record: Offboarding, request: Request, actor: Actor) -> tuple[str, str]:
        """The idempotency key of one user of a request, whoever else uses the same text; and what was asked with it."""
        if not request.idempotency_key:
            return "", ""
        when = request.at.isoformat() if request.at else ""
        asked = [record.tenant.id, record.user.id, record.settings, record.decisions, record.reference, when]
        asked += ["full_scan"] if record.full_scan else []
        asked += [{"report_to": list(request.report_to)}] if request.report_to else []
        text = json.dumps([actor.name, record.tenant.id, record.user.id, request.idempotency_key])
        return _sha256(text), _sha256(json.dumps(asked, sort_keys=True))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


DONE = (Outcome.VERIFIED, Outcome.ALREADY_IN_PLACE, Outcome.NOT_APPLICABLE)
"""What a retry leaves as it is."""


async def accept_plan(
    kept: Offboardings,
    preview: Preview,
    *,
    key_of: Callable[[Offboarding], tuple[str, str]] = lambda _: ("", ""),
) -> list[Offboarding]:
    """Accept every offboarding of a plan that a person confirmed, all or none; whoever works here takes them up.

    A blocked plan is unusable, and so is one with a user whom another offboarding has under way. `key_of` gives the
    idempotency key and the request's hash.
    """
    if preview.blocked:
        raise Unusable("The plan holds blockers.", "blocked", advice="Decide them with --decide CODE=CHOICE.")
    accepted: list[Offboarding] = []
    try:
        for record in preview.offboardings:
            record.confirmed_digest = record.digest
            key, request_hash = key_of(record)
            accepted.append(await kept.add(record, idempotency_key=key, request_hash=request_hash))
    except LeaverError:
        fresh = {record.id for record in preview.offboardings}
        for record in accepted:
            if record.id in fresh:
                await _take_back(kept, record)
        raise
    return accepted


async def _take_back(kept: Offboardings, record: Offboarding) -> None:
    record.cancelled_at = record.ended_at = datetime.now(UTC)
    try:
        await kept.save(record)
    except Unusable:  # a worker was quicker
        await kept.request_cancel(record)


async def accept_undo(kept: Offboardings, record: Offboarding) -> None:
    """Accept an undo that was planned; one that must be decided first is unusable."""
    if record.state.value == "blocked":
        found = [note for task in record.tasks for note in task.notes if note.kind is NoteKind.BLOCKER]
        choices = dict.fromkeys(f"--decide {note.code}={choice}" for note in found for choice in note.choices)
        advice = f"Decide with {' or '.join(choices)}." if choices else "Nothing was changed."
        raise Unusable(" ".join(note.text for note in found), "blocked", advice=advice)
    await kept.add(record)


async def skip(kept: Offboardings, offboarding_id: str, task: str, note: str, actor: Actor) -> Offboarding:
    """Leave a task that did not end well to a person. The note is kept as a follow-up, with who wrote it."""
    record = await kept.get(offboarding_id)
    if record.ended_at is None:
        raise Unusable(f"{record.id} is still at work: it is {record.state.value}.", "still_active")
    found = next((item for item in record.tasks if item.task == task), None)
    if found is None:
        raise Unusable(f"{record.id} has no task {task!r}.", "unknown_task")
    if found.outcome in (*DONE, Outcome.FOLLOW_UP):
        raise Unusable(f"{found.label or task} needs nobody: it is {found.outcome.value}.", "nothing_to_skip")
    note = approval.note_of(note)
    if not note:
        raise Unusable("Say why it is skipped.", "note_missing")
    before = found.outcome.value
    found.outcome = Outcome.FOLLOW_UP
    found.notes.append(follow_up("skipped", f"Skipped by {actor.name}: {note}"))
    told: dict[str, Json] = {"task": task, "was": before, "note": note}
    await kept.save(record, said=Said(actor, "task.skipped", told))
    return record


async def retry(
    house: House, offboarding_id: str, actor: Actor, decisions: Mapping[str, str] | None = None
) -> Offboarding:
    """Make an ended offboarding active again: what is verified stays, everything else is planned anew.

    Whoever retries has asked for it too. An approval stays, unless something is decided that the approver did not see.
    """
    record = await house.offboardings.get(offboarding_id)
    if record.ended_at is None:
        raise Unusable(
            f"{record.id} has not ended: it is {record.state.value}.",
            "still_active",
            advice=f"Follow it with `leaver status {record.id}`, or stop it with `leaver cancel {record.id}`.",
        )
    if record.pruned is not None:
        raise Unusable(
            f"{record.id} was pruned; only its frame is left.", "pruned", advice="Offboard the user again instead."
        )
    left = [task for task in record.tasks if task.outcome not in DONE]
    if record.started and not left:
        others = await house.offboardings.of_user(record.tenant.id, record.user.id)
        undone = any(each.undo_of == record.id and each.started for each in others)
        raise Unusable(
            f"Every task of {record.id} is done already{', and was undone since' if undone else ''}.",
            "nothing_to_retry",
            advice="Offboard the user again." if undone else "Nothing was changed.",
        )
    record.askers += [name for name in actor.names if name not in record.askers]
    if any(record.decisions.get(code) != choice for code, choice in (decisions or {}).items()):
        record.approval = None
    record.decisions |= dict(decisions or {})
    record.notes = [note for note in record.notes if note.kind is not NoteKind.BLOCKER]
    record.ended_at = record.cancelled_at = record.wake_at = record.at = None
    for task in left:
        task.outcome, task.error, task.ended_at = Outcome.PLANNED, None, None
    await approval.hold(house, record)
    told: dict[str, Json] = {"tasks": [task.task for task in left]}
    await house.offboardings.reopen(record, Said(actor, "offboarding.retried", told))
    return record


async def cancel(kept: Offboardings, offboarding_id: str, actor: Actor) -> Offboarding:
    """Ask for an offboarding to stop: the call under way finishes, the rest is not started."""
    record = await kept.get(offboarding_id)
    if not await kept.request_cancel(record, Said(actor, "offboarding.cancel_requested")):
        record = await kept.get(record.id)
        raise Unusable(
            f"{record.id} has ended already: it is {record.state.value}.",
            "already_ended",
            advice="What was done stays as it is; `leaver undo` puts back what can be put back.",
        )
    return record


async def reschedule(
    kept: Offboardings, offboarding_id: str, at: datetime, time_zone: str, actor: Actor
) -> Offboarding:
    """Move an offboarding that has not started to another moment."""
    refuse_unfit(at)
    record = await kept.get(offboarding_id)
    if record.started or record.ended_at is not None:
        raise Unusable(f"{record.id} cannot be moved: it is {record.state.value}.", "already_started")
    before = record.at
    record.at, record.time_zone, record.wake_at = at, time_zone, None
    told: dict[str, Json] = {"from": before.isoformat() if before else None, "to": at.isoformat()}
    await kept.save(record, said=Said(actor, "offboarding.rescheduled", told))
    return record


def done_and_not_done(record: Offboarding) -> tuple[Sequence[str], Sequence[str]]:
    """The names of the tasks that came to a good end, and of those that did not."""
    good = (*DONE, Outcome.FOLLOW_UP)
    done = [task.label or task.task for task in record.tasks if task.outcome in good]
    return done, [task.label or task.task for task in record.tasks if task.outcome not in good]
