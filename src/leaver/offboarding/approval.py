"""The second person: what needs one, who may be one, and what follows from what they say.

Whoever accepts an offboarding asks here, and so does whoever is about to make its first change. So the rule holds
through every door, for what was scheduled long ago, and for what only the plan of the day has shown.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

from leaver.domain.actor import Actor
from leaver.domain.approval import PERMANENT, PRIVILEGED, Approval, Verdict
from leaver.domain.errors import Denied, Unusable
from leaver.domain.offboarding import Offboarding, TaskRecord
from leaver.domain.outcome import Outcome
from leaver.domain.plan import Reversibility
from leaver.offboarding.conflicts import DELETION
from leaver.offboarding.intake import House
from leaver.store.audit import Audit
from leaver.store.papers import Papers
from leaver.tasks.catalogue import all_tasks
from leaver.tasks.privilege import privilege_of

KIND = "rule"
KEY = "approval"
LONGEST_NOTE = 2000


@dataclass(frozen=True)
class ApprovalRule:
    """What the organization wants a second person to agree to; nothing, unless it is switched on."""

    permanent: bool = False
    """Changes that nobody can put back, and the deletion of a user."""
    privileged: bool = False
    """Everything that concerns a user with administrator roles."""


async def rule_of(papers: Papers) -> ApprovalRule:
    """The rule that holds today."""
    found = await papers.get(KIND, KEY) or {}
    return ApprovalRule(bool(found.get("permanent")), bool(found.get("privileged")))


async def save_rule(papers: Papers, audit: Audit, rule: ApprovalRule, actor: Actor) -> None:
    """Set another rule. It counts for what has not made its first change, and for every retry."""
    before = await rule_of(papers)
    if before == rule:
        return
    await papers.put(KIND, KEY, asdict(rule))
    await audit.add(actor, "approval_rule.changed", before=asdict(before), after=asdict(rule))


async def hold(house: House, record: Offboarding) -> bool:
    """Mark an offboarding for a second person where the rule wants one who has not agreed yet; whether it is so.

    What somebody has agreed to stays agreed, for the same reasons.
    """
    needed = await _reasons(house, record, await rule_of(house.papers))
    earlier = record.approval
    if earlier is not None and earlier.verdict is Verdict.APPROVED and set(needed) <= set(earlier.reasons):
        return False
    if needed:
        record.approval = Approval(needed)
    elif not record.awaits_approval:
        record.approval = None
    return record.awaits_approval


async def approve(
    house: House, offboarding_id: str, actor: Actor, note: str, allowed: Callable[[Offboarding], Awaitable[None]]
) -> Offboarding:
    """Agree to an offboarding that waits for it. Who asked for it cannot; `allowed` refuses who else may not."""
    return await _decide(house, offboarding_id, actor, Verdict.APPROVED, note, allowed)


async def refuse(
    house: House, offboarding_id: str, actor: Actor, note: str, allowed: Callable[[Offboarding], Awaitable[None]]
) -> Offboarding:
    """Refuse an offboarding that waits for approval; it ends, and what is not done stays undone."""
    if not note.strip():
        raise Unusable("Say why it is refused.", "note_missing")
    return await _decide(house, offboarding_id, actor, Verdict.REFUSED, note, allowed)


async def _decide(
    house: House,
    offboarding_id: str,
    actor: Actor,
    verdict: Verdict,
    note: str,
    allowed: Callable[[Offboarding], Awaitable[None]],
) -> Offboarding:
    record = await house.offboardings.get(offboarding_id)
    if record.approval is None or not record.awaits_approval:
        raise Unusable(f"{record.id} waits for nobody's approval.", "nothing_to_approve")
    if is_asker(record, actor):
        raise Denied(
            f"{actor.name} asked for this and cannot decide it.",
            "second_person",
            advice="Somebody else must approve or refuse it. Whoever asked can cancel it.",
        )
    await allowed(record)
    now, said = datetime.now(UTC), note_of(note)
    record.approval = replace(record.approval, verdict=verdict, decided_by=actor.name, decided_at=now, note=said)
    if verdict is Verdict.REFUSED:
        record.cancelled_at = record.ended_at = now
        for task in record.tasks:
            if task.outcome in (Outcome.PLANNED, Outcome.WAITING, Outcome.BLOCKED):
                task.outcome = Outcome.CANCELLED
    await house.offboardings.settle_approval(record, actor, f"{record.kind}.{verdict.value}")
    return record


def note_of(text: str) -> str:
    """A note as it is kept: in the record, in the evidence and in the trail for ever."""
    note = text.strip()
    if len(note) > LONGEST_NOTE:
        raise Unusable(
            f"The note has {len(note):,} characters; at most {LONGEST_NOTE:,} are kept.",
            "note_too_long",
            advice="Say it shorter, or name where it stands.",
        )
    return note


def is_asker(record: Offboarding, actor: Actor) -> bool:
    """Whether this is one of those who asked for it, under their own name or with a token that they made."""
    asked = {name.casefold() for name in (record.asked_by, *record.askers)}
    return any(name.casefold() in asked for name in actor.names)


async def _reasons(house: House, record: Offboarding, rule: ApprovalRule) -> dict[str, str]:
    reasons = {}
    if rule.permanent and (tasks := _permanent_tasks(record)):
        reasons[PERMANENT] = f"Nobody can put this back, or not for long: {', '.join(tasks)}."
    if rule.privileged:
        privilege = await privilege_of(house.doorway(record.tenant.id), record.user.id)
        if privilege.why:
            reasons[PRIVILEGED] = f"{record.user.display_name} {privilege.why}."
    return reasons


def _permanent_tasks(record: Offboarding) -> list[str]:
    """The labels of what is permanent in the plan that is kept; without a plan, in what was asked for."""
    if record.kind != "offboarding":
        return []
    if record.digest:
        return [task.label or task.task for task in record.tasks if _is_permanent(task)]
    return [
        task.option.label
        for task in all_tasks()
        if task.name in record.settings and (task.reversibility is Reversibility.PERMANENT or task.name == DELETION)
    ]


def _is_permanent(task: TaskRecord) -> bool:
    """Whether something of it is permanent and still to be done."""
    return any(
        change.made_at is None and (change.change.reversibility is Reversibility.PERMANENT or task.task == DELETION)
        for change in task.changes
    )
