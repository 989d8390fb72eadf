"""Grant access to the mailbox."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, model_validator

from leaver.domain.people import Colleague
from leaver.domain.plan import Change, PlanItem, blocker, info
from leaver.m365.exchange.mailboxes import Mailbox
from leaver.tasks.colleagues import Recognised, among, each, from_ticket, recognised, shown, ticket
from leaver.tasks.mailbox import EXCHANGE_ROLES, EXCHANGE_SCOPES, Absent, mailbox_or_reason
from leaver.tasks.task import Option, Person, Section, Setting, Task


class Grant(Setting):
    """Who may open the mailbox, and whether it appears in their Outlook by itself. A name alone is a grant too."""

    user: Person
    automapping: bool = Field(
        default=True,
        title="Opens in Outlook automatically",
        description="Automapping adds the mailbox to their Outlook.",
    )

    @model_validator(mode="before")
    @classmethod
    def _named_only(cls, value: Any) -> Any:
        return {"user": value} if isinstance(value, str) else value


class GrantMailboxAccessSetting(Setting):
    """The grants; one colleague cannot have it both ways."""

    grants: Annotated[tuple[Grant, ...], Field(strict=False, min_length=1)]


@dataclass(frozen=True)
class Opening:
    """Who can open the mailbox today."""

    mailbox: Mailbox
    listed: Recognised


class GrantMailboxAccess(Task[Opening | Absent]):
    """Give colleagues full access. Exchange does not show automapping, so access that is there stays as it is."""

    option = Option(
        "AccessAutomap",
        label="Give others access",
        short="Others’ access",
        setting=GrantMailboxAccessSetting,
        list_of="grants",
        section=Section.MAILBOX,
        place=7,
        text="Full access to the mailbox.",
        noun="grant",
    )
    scopes = EXCHANGE_SCOPES
    roles = EXCHANGE_ROLES
    usual_seconds = 3.0

    async def inspect(self) -> Opening | Absent:
        """The explicit entries of the access list, resolved to people."""
        mailbox = await mailbox_or_reason(self.tenant, self.leaver)
        if not isinstance(mailbox, Mailbox):
            return mailbox
        entries = await self.tenant.permissions.full_access(mailbox)
        expected = each(self.context.people, (grant.user for grant in self.setting.grants))
        return Opening(mailbox, await recognised(self.tenant, (entry.user for entry in entries), expected))

    def plan(self, facts: Opening | Absent) -> Iterable[PlanItem]:
        """One change for each colleague who cannot open it yet."""
        if not isinstance(facts, Opening):
            yield facts
            return
        wanted: dict[str, tuple[Colleague, bool]] = {}
        for grant in self.setting.grants:
            colleague = self.context.people[grant.user]
            if wanted.setdefault(colleague.id, (colleague, grant.automapping))[1] != grant.automapping:
                text = f"{shown(colleague)} is named both with and without automapping: choose one."
                yield blocker("automapping_both_ways", text)
                return
        for colleague, automapping in wanted.values():
            change = Change(
                f"full access for {shown(colleague)}",
                after="with automapping" if automapping else "without automapping",
                ref={**ticket(colleague), "automapping": automapping},
                lane=self.leaver.id,
            )
            accepted = change.key in self.context.accepted
            if not among(colleague, facts.listed, accepted=accepted):
                yield change
            elif not accepted:
                yield info(
                    "automapping_unknown",
                    f"{shown(colleague)} has full access already, and it stays as it is. Exchange does not show "
                    "whether the mailbox opens by itself in Outlook; to change that, remove it and grant it anew.",
                )

    async def apply(self, change: Change) -> None:
        """Give one colleague full access."""
        automapping = change.ref["automapping"] is True
        await self.tenant.permissions.grant_full_access(self.leaver, from_ticket(change.ref), automapping=automapping)

    async def undo(self, change: Change) -> None:
        """Take it away."""
        await self.tenant.permissions.revoke_full_access(self.leaver, from_ticket(change.ref))
