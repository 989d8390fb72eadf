"""Grant access to the OneDrive."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from leaver.domain.plan import Change, NotApplicable, Note, PlanItem
from leaver.m365.graph.drives import Drive
from leaver.tasks.colleagues import Users, each, from_ticket, shown, ticket
from leaver.tasks.onedrive import NEEDS_CERTIFICATE, ONEDRIVE_SCOPES, drive_or_reason
from leaver.tasks.task import Option, Section, Task


@dataclass(frozen=True)
class Access:
    """The OneDrive and its administrators' login names, in lower case."""

    drive: Drive
    admins: tuple[str, ...]


class GrantOneDriveAccess(Task[Access | NotApplicable | Note]):
    """Make colleagues administrators of the OneDrive: they see and keep everything in it."""

    option = Option(
        "OnedriveAccess",
        label="Give access to OneDrive",
        short="OneDrive",
        setting=Users,
        list_of="users",
        section=Section.FILES,
        place=1,
        text="Adds a site administrator. Files stay where they are.",
        noun="grant",
    )
    scopes = ONEDRIVE_SCOPES
    usual_seconds = 4.0

    async def inspect(self) -> Access | NotApplicable | Note:
        """The site collection and who administers it."""
        drive = await drive_or_reason(self.tenant, self.leaver, self.decision(NEEDS_CERTIFICATE))
        if not isinstance(drive, Drive):
            return drive
        return Access(drive, await self.tenant.sites.admins(drive.site_url))

    def plan(self, facts: Access | NotApplicable | Note) -> Iterable[PlanItem]:
        """One change for each colleague who is no administrator yet."""
        if not isinstance(facts, Access):
            yield facts
            return
        there = {login.rpartition("|")[2].casefold() for login in facts.admins}
        for colleague in each(self.context.people, self.setting.users):
            if colleague.upn.casefold() not in there:
                yield Change(
                    f"OneDrive access for {shown(colleague)}",
                    after="site administrator",
                    ref={**ticket(colleague), "site": facts.drive.site_url},
                    lane=self.leaver.id,
                )

    async def apply(self, change: Change) -> None:
        """Make one colleague an administrator."""
        await self.tenant.sites.grant_admin(str(change.ref["site"]), from_ticket(change.ref))

    async def undo(self, change: Change) -> None:
        """End it."""
        await self.tenant.sites.revoke_admin(str(change.ref["site"]), from_ticket(change.ref))
