"""Disable sharing from the OneDrive."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from leaver.domain.plan import Change, NotApplicable, Note, PlanItem, follow_up
from leaver.m365.graph.drives import Drive
from leaver.tasks.onedrive import NEEDS_CERTIFICATE, ONEDRIVE_SCOPES, drive_or_reason
from leaver.tasks.task import Option, Section, Task

_OFF = 0
_SHARED_WITH = {_OFF: "nobody outside", 3: "existing guests", 1: "new and existing guests", 2: "anyone with the link"}


@dataclass(frozen=True)
class Sharing:
    """The OneDrive and its sharing capability; None where SharePoint does not show it."""

    drive: Drive
    capability: int | None


class DisableOneDriveSharing(Task[Sharing | NotApplicable | Note]):
    """Switch off sharing outside the tenant. Links are not deleted: they work again if sharing is switched on again."""

    option = Option(
        "DisableOneDriveSharing",
        label="Disable OneDrive sharing",
        short="OneDrive sharing",
        section=Section.FILES,
        place=2,
        text="Turns off sharing with people outside. Links work again if sharing is turned on again.",
    )
    scopes = ONEDRIVE_SCOPES
    follows = ("grant_onedrive_access",)
    usual_seconds = 5.0

    async def inspect(self) -> Sharing | NotApplicable | Note:
        """The site collection's sharing capability."""
        drive = await drive_or_reason(self.tenant, self.leaver, self.decision(NEEDS_CERTIFICATE))
        if not isinstance(drive, Drive):
            return drive
        return Sharing(drive, await self.tenant.sites.sharing(drive.site_url))

    def plan(self, facts: Sharing | NotApplicable | Note) -> Iterable[PlanItem]:
        """One change if anything may be shared."""
        if not isinstance(facts, Sharing):
            yield facts
        elif facts.capability is None:
            yield follow_up(
                "sharing_not_shown",
                f"SharePoint does not show how far {facts.drive.site_url} may be shared: check it in the admin center.",
            )
        elif facts.capability != _OFF:
            before = _SHARED_WITH.get(facts.capability, str(facts.capability))
            ref = {"site": facts.drive.site_url}
            yield Change("OneDrive sharing", before=before, after=_SHARED_WITH[_OFF], ref=ref)

    async def apply(self, change: Change) -> None:
        """Switch it off."""
        await self.tenant.sites.set_sharing(str(change.ref["site"]), _OFF)

    async def undo(self, change: Change) -> None:
        """Set the recorded value again; SharePoint never allows more than the tenant does."""
        values = {words: value for value, words in _SHARED_WITH.items()}
        await self.tenant.sites.set_sharing(str(change.ref["site"]), values[str(change.before)])
