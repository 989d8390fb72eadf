"""Set the out-of-office message."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from leaver.domain.plan import Change, PlanItem, warning
from leaver.m365.exchange.auto_replies import AutoReply, plain
from leaver.tasks.html_fragment import html_fragment
from leaver.tasks.mailbox import EXCHANGE_ROLES, EXCHANGE_SCOPES, Absent, mailbox_beside
from leaver.tasks.placeholders import OFFERED, unknown, used
from leaver.tasks.task import Option, Section, Setting, Task

_AUDIENCES = {"all": "All", "contacts_only": "Known", "none": "None"}


def _says_something(text: str) -> str:
    if not plain(html_fragment(text)):
        raise ValueError("the message is empty")
    return text


Message = Annotated[str, AfterValidator(_says_something), Field(max_length=60_000)]
"""Text or HTML with at least a word in it."""


class SetOutOfOfficeSetting(Setting):
    """The texts, and which outside senders get theirs."""

    internal: Message = Field(title="Message", description=OFFERED)
    external: Message | None = Field(
        default=None, title="Message outside", description="Left empty: the same as inside."
    )
    """For senders outside; the same as inside if it is not given."""
    audience: Literal["all", "contacts_only", "none"] = Field(default="all", title="Outside senders who get it")

    @property
    def placeholders(self) -> frozenset[str]:
        """What both texts want to be filled in for each user."""
        return used(self.internal, self.external)


class SetOutOfOffice(Task[AutoReply | Absent]):
    """Switch on automatic replies, inside and outside, with no end date.

    Both texts may hold `{first_name}`, `{display_name}`, `{manager_name}` and `{manager_mail}`. They are filled in for
    each user when the offboarding is accepted, and what was confirmed is sent, whatever anybody is called later.
    """

    option = Option(
        "OOO",
        label="Out of office message",
        short="Out of office",
        setting=SetOutOfOfficeSetting,
        section=Section.MAILBOX,
        place=3,
        text="Replies to senders inside and outside the organization.",
    )
    scopes = EXCHANGE_SCOPES
    roles = EXCHANGE_ROLES
    follows = ("remove_rules",)
    usual_seconds = 2.0

    async def inspect(self) -> AutoReply | Absent:
        """The automatic replies of today."""
        found = await mailbox_beside(self.tenant, self.leaver, self.tenant.auto_replies.get(self.leaver))
        return found[1] if isinstance(found, tuple) else found

    def plan(self, facts: AutoReply | Absent) -> Iterable[PlanItem]:
        """One change, unless senders are told the same already."""
        if not isinstance(facts, AutoReply):
            yield facts
            return
        if odd := unknown(self.setting.internal, self.setting.external):
            yield warning("unknown_placeholder", f"Senders read {', '.join(odd)} as it stands. {OFFERED}.")
        if not facts.tells_the_same(self._wanted):
            yield Change("out-of-office message", before=asdict(facts), after=asdict(self._wanted))

    async def apply(self, change: Change) -> None:
        """Set state, both texts and audience in one call."""
        await self.tenant.auto_replies.set(self.leaver, self._wanted)

    async def undo(self, change: Change) -> None:
        """Write back what was recorded."""
        before = change.before if isinstance(change.before, dict) else {}
        await self.tenant.auto_replies.set(self.leaver, AutoReply(**{key: str(value) for key, value in before.items()}))

    @property
    def _wanted(self) -> AutoReply:
        names = self.context.placeholders
        internal = html_fragment(self.setting.internal, names)
        return AutoReply(
            state="Enabled",
            internal=internal,
            external=html_fragment(self.setting.external, names) if self.setting.external else internal,
            audience=_AUDIENCES[self.setting.audience],
        )
