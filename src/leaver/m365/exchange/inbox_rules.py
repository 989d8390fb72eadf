"""Inbox rules of a mailbox, the hidden ones too."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from leaver.domain.errors import NotFound
from leaver.domain.plan import Json
from leaver.m365.exchange.values import Row, anchor, store_lane, text, texts, truth
from leaver.m365.http import ExchangeWire, Ran
from leaver.m365.target import Addressed, Guard

_SYSTEM_RULE = re.compile(r"junk e-?mail rule|microsoft\.exchange\.oof\..*", re.IGNORECASE)
"""Names of rules in which Exchange keeps junk filtering and automatic replies; to delete them breaks both."""
UNNAMED = "Rule without a name"
"""What such a rule is called when it is made again: Exchange makes none without a name."""
_FORWARDS = ("ForwardTo", "RedirectTo", "ForwardAsAttachmentTo")
_CONDITIONS = (
    "BodyContainsWords",
    "FlaggedForAction",
    "From",
    "FromAddressContainsWords",
    "HasAttachment",
    "HasClassification",
    "HeaderContainsWords",
    "MessageTypeMatches",
    "MyNameInCcBox",
    "MyNameInToBox",
    "MyNameInToOrCcBox",
    "MyNameNotInToBox",
    "ReceivedAfterDate",
    "ReceivedBeforeDate",
    "RecipientAddressContainsWords",
    "SentOnlyToMe",
    "SentTo",
    "SubjectContainsWords",
    "SubjectOrBodyContainsWords",
    "WithImportance",
    "WithinSizeRangeMaximum",
    "WithinSizeRangeMinimum",
    "WithSensitivity",
)
_ACTIONS = (
    *_FORWARDS,
    "ApplyCategory",
    "ApplySystemCategory",
    "CopyToFolder",
    "DeleteMessage",
    "DeleteSystemCategory",
    "MarkAsRead",
    "MarkImportance",
    "MoveToFolder",
    "PinMessage",
    "Priority",
    "SendTextMessageNotificationTo",
    "SoftDeleteMessage",
    "StopProcessingRules",
)
_KEPT = (*_ACTIONS, *_CONDITIONS, *(f"ExceptIf{condition}" for condition in _CONDITIONS))
"""What New-InboxRule takes and Get-InboxRule shows under the same name."""
_PEOPLE = frozenset({*_FORWARDS, "From", "SentTo", "ExceptIfFrom", "ExceptIfSentTo"})
_BRACKETED = re.compile(r"\[(?P<kind>[A-Z]+):(?P<address>[^\]]+)\]\s*$")


@dataclass(frozen=True)
class InboxRule:
    """A rule."""

    id: str
    name: str
    enabled: bool = True
    hidden: bool = False
    forwards: tuple[str, ...] = ()
    """To whom it sends mail on, in Exchange's words."""
    record: dict[str, Json] = field(default_factory=dict)
    """Parameters to make it again with, as far as Exchange shows them."""

    @property
    def called(self) -> str:
        """Its name; where it has none, as rules that shall be overlooked, whom it forwards to."""
        if self.name.strip():
            return self.name
        to = ", ".join(map(_address, self.forwards))
        return f"without a name (forwards to {to})" if to else "without a name"


class InboxRules:
    """Reads anybody's rules; removes and re-creates the leaver's.

    Every change that is made from here removes the rules that only Outlook itself knew (client-only rules).
    """

    def __init__(self, wire: ExchangeWire, guard: Guard) -> None:
        self._wire = wire
        self._guard = guard

    async def list(self, user: Addressed) -> tuple[InboxRule, ...]:
        """All rules except those in which Exchange keeps junk filtering and automatic replies.

        A rule with such a name that sends mail on is nobody's but its author's, who wants it overlooked.
        """
        rows = await self._wire.read("Get-InboxRule", anchor=anchor(user), Mailbox=user.id, IncludeHidden=True)
        rules = map(_rule, rows)
        return tuple(rule for rule in rules if rule.forwards or not _SYSTEM_RULE.fullmatch(rule.name.strip()))

    async def remove(self, user: Addressed, rule_id: str) -> None:
        """Remove a rule; one that is gone is no error."""
        self._guard.only(user.id, "removing an inbox rule")
        with suppress(NotFound):
            await self._run("Remove-InboxRule", user, Identity=rule_id)

    async def create(self, user: Addressed, record: dict[str, Json]) -> None:
        """Make a rule again from its record. It gets another id, has a name and is not hidden."""
        self._guard.only(user.id, "creating an inbox rule")
        parameters: dict[str, Any] = {key: value for key, value in record.items() if key != "Enabled"}
        parameters["Name"] = text(record, "Name").strip() or UNNAMED
        made = await self._run("New-InboxRule", user, **parameters)
        if record.get("Enabled") is False:
            # By its id where Exchange tells it: several rules may have one name.
            rule_id = next((_rule(row).id for row in made.rows), "") or parameters["Name"]
            await self._run("Disable-InboxRule", user, Identity=rule_id)

    async def _run(self, cmdlet: str, user: Addressed, **parameters: Any) -> Ran:
        return await self._wire.run(
            cmdlet,
            anchor=anchor(user),
            lane=store_lane(user.id),
            Mailbox=user.id,
            Force=True,
            Confirm=False,
            **parameters,
        )


def _rule(row: Row) -> InboxRule:
    return InboxRule(
        id=text(row, "RuleIdentity") or text(row, "Identity"),
        name=text(row, "Name"),
        enabled="Enabled" not in row or truth(row, "Enabled"),
        hidden=truth(row, "IsHidden") or truth(row, "Hidden"),
        forwards=tuple(each for key in _FORWARDS for each in texts(row, key)),
        record=_record(row),
    )


def _record(row: Row) -> dict[str, Json]:
    record: dict[str, Json] = {"Name": text(row, "Name"), "Enabled": "Enabled" not in row or truth(row, "Enabled")}
    for key in _KEPT:
        if row.get(key) not in (None, "", False, [], {}):
            record[key] = [_address(each) for each in texts(row, key)] if key in _PEOPLE else row[key]
    return record


def _address(entry: str) -> str:
    """The address in `"Bob" [SMTP:bob@contoso.com]`; the entry itself where there is none that can be given back."""
    found = _BRACKETED.search(entry)
    return found["address"] if found else entry.strip().strip('"')
