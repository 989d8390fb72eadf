"""What can be asked of an offboarding once it is planned or accepted; every door asks here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from leaver.domain.actor import Actor
from leaver.domain.errors import LeaverError, Unusable
from leaver.domain.offboarding import Offboarding
from leaver.domain.outcome import Outcome
from leaver.domain.plan import NoteKind
from leaver.offboarding.planner import Preview
from leaver.store.audit import Audit
from leaver.store.offboardings import Offboardings

DONE = (Outcome.VERIFIED, Outcome.ALREADY_IN_PLACE, Outcome.NOT_APPLICABLE)
"""What a retry leaves as it is."""


async def accept_plan(kept: Offboardings, preview: Preview) -> list[Offboarding]:
    """Accept every offboarding of a plan that a person confirmed, all or none; whoever works here takes them up.

    A blocked plan is unusable, and so is one with a user whom another offboarding has under way.
    """
    if preview.blocked:
        raise Unusable("The plan holds blockers.", "blocked", advice="Decide them with --decide CODE=CHOICE.")
    accepted: list[Offboarding] = []
    try:
        for record in preview.offboardings:
            record.confirmed_digest = record.digest
            accepted.append(await kept.add(record))
    except LeaverError:
        for record in accepted:  # nothing of it has begun; what was accepted is taken back
            record.cancelled_at = record.ended_at = datetime.now(UTC)
            await kept.save(record)
        raise
    return accepted


async def retry(
    kept: Offboardings, audit: Audit, offboarding_id: str, actor: Actor, decisions: Mapping[str, str] | None = None
) -> Offboarding:
    """Make an ended offboarding active again: what is verified stays, everything else is planned anew."""
    record = await kept.get(offboarding_id)
    if record.ended_at is None:
        raise Unusable(
            f"{record.id} has not ended: it is {record.state.value}.",
            "still_active",
            advice=f"Follow it with `leaver status {record.id}`, or stop it with `leaver cancel {record.id}`.",
        )
    if not record.tasks and not record.settings:
        raise Unusable(f"{record.id} was pruned; only its frame is left.", "pruned")
    left = [task for task in record.tasks if task.outcome not in DONE]
    if record.started and not left:
        raise Unusable(f"Every task of {record.id} is done already.", "nothing_to_retry", advice="Nothing was changed.")
    record.decisions |= dict(decisions or {})
    record.notes = [note for note in record.notes if note.kind is not NoteKind.BLOCKER]
    record.ended_at = record.cancelled_at = record.wake_at = record.at = None
    for task in left:
        task.outcome, task.error, task.ended_at = Outcome.PLANNED, None, None
    await kept.reopen(record)
    await _tell(audit, actor, "offboarding.retried", record, {"tasks": [task.task for task in left]})
    return record


async def cancel(kept: Offboardings, audit: Audit, offboarding_id: str, actor: Actor) -> Offboarding:
    """Ask for an offboarding to stop: the call under way finishes, the rest is not started."""
    record = await kept.get(offboarding_id)
    if not await kept.request_cancel(record.id):
        raise Unusable(
            f"{record.id} has ended already: it is {record.state.value}.",
            "already_ended",
            advice="What was done stays as it is; `leaver undo` puts back what can be put back.",
        )
    await _tell(audit, actor, "offboarding.cancel_requested", record, None)
    return record


async def reschedule(
    kept: Offboardings, audit: Audit, offboarding_id: str, at: datetime, time_zone: str, actor: Actor
) -> Offboarding:
    """Move an offboarding that has not started to another moment."""
    record = await kept.get(offboarding_id)
    if record.started or record.ended_at is not None:
        raise Unusable(f"{record.id} cannot be moved: it is {record.state.value}.", "already_started")
    before = record.at
    record.at, record.time_zone, record.wake_at = at, time_zone, None
    await kept.save(record)
    change = {"from": before.isoformat() if before else None, "to": at.isoformat()}
    await _tell(audit, actor, "offboarding.rescheduled", record, change)
    return record


def done_and_not_done(record: Offboarding) -> tuple[Sequence[str], Sequence[str]]:
    """The names of the tasks that came to a good end, and of those that did not."""
    good = (*DONE, Outcome.FOLLOW_UP)
    done = [task.label or task.task for task in record.tasks if task.outcome in good]
    return done, [task.label or task.task for task in record.tasks if task.outcome not in good]


async def _tell(audit: Audit, actor: Actor, what: str, record: Offboarding, after: object) -> None:
    await audit.add(
        actor,
        what,
        tenant_id=record.tenant.id,
        user_id=record.user.id,
        offboarding_id=record.id,
        after=after,  # type: ignore[arg-type]
    )
