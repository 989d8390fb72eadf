"""Remove inbox rules."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from leaver.domain.plan import Change, Json, PlanItem, warning
from leaver.m365.exchange.inbox_rules import UNNAMED, InboxRule
from leaver.tasks.mailbox import EXCHANGE_ROLES, EXCHANGE_SCOPES, Absent, mailbox_beside
from leaver.tasks.task import Option, Section, Task

_PLACE = "Priority"


@dataclass(frozen=True)
class Rules:
    """All rules of the mailbox, hidden ones included; not those in which Exchange keeps replies and junk filtering."""

    rules: tuple[InboxRule, ...]


class RemoveRules(Task[Rules | Absent]):
    """Remove all inbox rules. Undo makes them again from their records; Outlook's own client-only rules are lost."""

    option = Option(
        "RemoveRules",
        label="Remove mailbox rules",
        short="Mailbox rules",
        section=Section.MAILBOX,
        place=6,
        text="Hidden rules that forward too. They are recorded, so undo can make them again.",
        noun="rule",
    )
    scopes = EXCHANGE_SCOPES
    roles = EXCHANGE_ROLES
    usual_seconds = 2.0

    async def inspect(self) -> Rules | Absent:
        """The rules."""
        found = await mailbox_beside(self.tenant, self.leaver, self.tenant.inbox_rules.list(self.leaver))
        return Rules(found[1]) if isinstance(found, tuple) else found

    def plan(self, facts: Rules | Absent) -> Iterable[PlanItem]:
        """One change for each rule, one after the other: they share the mailbox's store."""
        if not isinstance(facts, Rules):
            yield facts
            return
        if facts.rules:
            yield warning(
                "client_only_rules",
                "Removing rules from here also removes the rules that only Outlook itself knows (client-only rules); "
                "those cannot be put back.",
            )
        # The last one goes first: so undo, which goes backwards, puts each where it stood.
        for rule in sorted(facts.rules, key=_position, reverse=True):
            kind = "hidden inbox rule" if rule.hidden else "inbox rule"
            yield Change(f"{kind} {rule.called}", before=rule.record, ref={"id": rule.id}, lane=self.leaver.id)

    async def apply(self, change: Change) -> None:
        """Remove one rule."""
        await self.tenant.inbox_rules.remove(self.leaver, str(change.ref["id"]))

    async def undo(self, change: Change) -> None:
        """Make it again, unless a rule with its record is there."""
        record = change.before if isinstance(change.before, dict) else {}
        rules = await self.tenant.inbox_rules.list(self.leaver)
        if not any(_content(rule.record) == _content(record) for rule in rules):
            await self.tenant.inbox_rules.create(self.leaver, record)

    def same(self, one: Change, other: Change) -> bool:
        """A rule is what it does; its place shifts when others come and go, and made again it is not hidden."""
        return _content(one.before) == _content(other.before)


def _position(rule: InboxRule) -> int:
    place = str(rule.record.get(_PLACE, ""))
    return int(place) if place.isdigit() else 0


def _content(record: Json) -> Json:
    if not isinstance(record, dict):
        return record
    named = {**record, "Name": str(record.get("Name") or "").strip() or UNNAMED}
    return {key: value for key, value in named.items() if key != _PLACE}
