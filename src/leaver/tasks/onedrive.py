"""The leaver's OneDrive, or why there is none to work on: the same answer from every task that needs one."""

from __future__ import annotations

from leaver.domain.people import Leaver
from leaver.domain.plan import NotApplicable, Note, blocker, follow_up
from leaver.m365.graph.drives import Drive
from leaver.m365.tenant import Tenant

ONEDRIVE_SCOPES = ("Files.Read.All", "Sites.FullControl.All")
NEEDS_CERTIFICATE = "sharepoint_needs_certificate"


async def drive_or_reason(tenant: Tenant, leaver: Leaver, decision: str) -> Drive | NotApplicable | Note:
    """The OneDrive that SharePoint will let us change; otherwise what the plan says instead.

    `decision` is what was decided about a missing certificate.
    """
    drive = await tenant.drives.of(leaver.id)
    if drive is None:
        return NotApplicable("no_onedrive", f"{leaver.display_name} has no OneDrive.")
    if not (why_not := tenant.sites.possible):
        return drive
    if decision == "skip":
        return follow_up(
            NEEDS_CERTIFICATE,
            f"Not done, as decided: {why_not} Do it in the SharePoint admin center for {drive.site_url}.",
        )
    return blocker(NEEDS_CERTIFICATE, f"{why_not} Configure a certificate for the app, or leave this task out.", "skip")
