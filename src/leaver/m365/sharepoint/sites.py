"""OneDrive sites: who administers them, and whether they are shared outside."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from xml.sax.saxutils import escape

from leaver.domain.errors import NotFound, Refused, Unavailable, WrongTarget
from leaver.m365.answers import origin
from leaver.m365.graph.drives import Drives
from leaver.m365.graph.values import says, text
from leaver.m365.http import SharePointWire
from leaver.m365.target import Addressed, Guard

_MEMBER_CLAIM = "i:0#.f|membership|"
_TENANT_OBJECT = "{268004ae-ef6b-4e9b-8425-127220d84719}"
_CAPABILITIES = (
    "Disabled",
    "ExternalUserSharingOnly",
    "ExternalUserAndGuestSharing",
    "ExistingExternalUserSharingOnly",
)
"""What SharePoint calls the numbers 0 to 3, where it gives a name."""
_MY = re.compile(r"-my(?=[.:/]|$)", re.IGNORECASE)
_NAMESPACE = "http://schemas.microsoft.com/sharepoint/clientquery/2009"
SHARING = ("off", "known guests only", "guests who sign in", "anyone with the link")
"""What people call the sharing capability of a site."""


class Sites:
    """Reads any OneDrive; changes the leaver's."""

    def __init__(self, wire: SharePointWire, drives: Drives, guard: Guard) -> None:
        self._wire = wire
        self._drives = drives
        self._guard = guard

    @property
    def possible(self) -> str:
        """Why SharePoint cannot be reached, or nothing: it takes a certificate from applications, never a secret."""
        if self._wire.certificate:
            return ""
        return "SharePoint accepts an application only with a certificate, and only a secret is configured."

    async def admins(self, site_url: str) -> tuple[str, ...]:
        """Login names of the site collection's administrators, in lower case."""
        params = {"$filter": "IsSiteAdmin eq true", "$select": "LoginName"}
        rows = await self._wire.pages(site_url, "/_api/web/siteusers", params)
        return tuple(text(row, "LoginName").casefold() for row in rows)

    async def grant_admin(self, site_url: str, colleague: Addressed) -> None:
        """Make somebody an administrator of the leaver's site."""
        await self._set_admin(site_url, colleague, admin=True)

    async def revoke_admin(self, site_url: str, colleague: Addressed) -> None:
        """End it."""
        await self._set_admin(site_url, colleague, admin=False)

    async def sharing(self, site_url: str) -> int | None:
        """How far the site may be shared: 0 not at all, 3 known guests, 1 new guests too, 2 anyone. None: not shown."""
        answer = await self._administered(site_url, _sharing_query(site_url))
        found = (_capability(part) for part in answer if isinstance(part, Mapping))
        return next((value for value in found if value is not None), None)

    async def set_sharing(self, site_url: str, value: int) -> None:
        """Set how far the leaver's site may be shared; links are kept, and work again when it is opened again."""
        await self._leavers_own(site_url)
        await self._administered(site_url, _sharing_change(site_url, value))

    async def _administered(self, site_url: str, xml: str) -> list[Any]:
        """What the tenant's administration answers, at the first address that has one."""
        *others, last = admin_addresses(site_url)
        for address in others:
            with suppress(NotFound):
                return await self._wire.process_query(address, xml)
        return await self._wire.process_query(last, xml)

    async def _set_admin(self, site_url: str, colleague: Addressed, *, admin: bool) -> None:
        await self._leavers_own(site_url)
        if colleague.id == self._guard.leaver_id and not admin:
            raise WrongTarget("Not sent: the owner would lose the own site.", code="wrong_target", service="sharepoint")
        try:
            user = await self._wire.post(site_url, "/_api/web/ensureuser", {"logonName": login_name(colleague.upn)})
        except Refused as error:
            if says(error, "could not be found", "-2146232832"):
                raise Refused(
                    f"SharePoint does not know {colleague.upn}.",
                    code="delegate_unknown_to_sharepoint",
                    status=error.status,
                    request_id=error.request_id,
                    service="sharepoint",
                    advice="Give this person a license with SharePoint, or wait some minutes if the account is new.",
                ) from error
            raise
        number = _user_number(user.body)
        if number is None:
            raise Unavailable(
                f"SharePoint did not say by which number it knows {colleague.upn}.",
                code="unreadable_answer",
                status=user.status,
                request_id=user.request_id,
                service="sharepoint",
            )
        await self._wire.post(site_url, f"/_api/web/getuserbyid({number})", {"IsSiteAdmin": admin}, merge=True)

    async def _leavers_own(self, site_url: str) -> None:
        """Refuse a write to any site but the leaver's."""
        drive = await self._drives.of(self._guard.leaver_id)
        if drive is None or drive.site_url.casefold() != site_url.rstrip("/").casefold():
            raise WrongTarget(
                f"Not sent: {site_url} is not the leaver's OneDrive.", code="wrong_target", service="sharepoint"
            )


def login_name(upn: str) -> str:
    """How SharePoint calls a member of the tenant."""
    return f"{_MEMBER_CLAIM}{upn}"


def admin_addresses(site_url: str) -> tuple[str, ...]:
    """Where the tenant is administered: beside the host that the OneDrive is on.

    Taken from the site's own address: neither mail domain nor `onmicrosoft.com` name tells it reliably. An address
    without `-my` (not Microsoft's own) is used as it is: what stands before the person, else its host.
    """
    home = site_url.rstrip("/").partition("/personal/")[0]
    found = list(_MY.finditer(home))
    if found:
        return (f"{home[: found[-1].start()]}-admin{home[found[-1].end() :]}",)
    return tuple(dict.fromkeys((home, origin(home))))


def _user_number(body: Any) -> int | None:
    row = body.get("d", body) if isinstance(body, Mapping) else None
    number = str(row.get("Id")) if isinstance(row, Mapping) else ""
    return int(number) if number.isdigit() else None


def _capability(part: Mapping[str, Any]) -> int | None:
    value = str(part.get("SharingCapability", ""))
    if value in _CAPABILITIES:
        return _CAPABILITIES.index(value)
    return int(value) if value.isdigit() else None


def _sharing_query(site_url: str) -> str:
    return _request(
        site_url,
        '<Query Id="5" ObjectPathId="3"><Query SelectAllProperties="false"><Properties>'
        '<Property Name="SharingCapability" ScalarProperty="true" /></Properties></Query></Query>',
    )


def _sharing_change(site_url: str, value: int) -> str:
    return _request(
        site_url,
        '<SetProperty Id="5" ObjectPathId="3" Name="SharingCapability">'
        f'<Parameter Type="Enum">{int(value)}</Parameter></SetProperty>'
        '<ObjectPath Id="7" ObjectPathId="6" /><ObjectIdentityQuery Id="8" ObjectPathId="3" />',
        '<Method Id="6" ParentId="3" Name="Update" />',
    )


def _request(site_url: str, actions: str, paths: str = "") -> str:
    return (
        f'<Request AddExpandoFieldTypeSuffix="true" SchemaVersion="15.0.0.0" LibraryVersion="16.0.0.0" '
        f'ApplicationName="Leaver" xmlns="{_NAMESPACE}">'
        f'<Actions><ObjectPath Id="2" ObjectPathId="1" /><ObjectPath Id="4" ObjectPathId="3" />{actions}</Actions>'
        f'<ObjectPaths><Constructor Id="1" TypeId="{_TENANT_OBJECT}" />'
        '<Method Id="3" ParentId="1" Name="GetSitePropertiesByUrl"><Parameters>'
        f'<Parameter Type="String">{escape(site_url)}</Parameter><Parameter Type="Boolean">false</Parameter>'
        f"</Parameters></Method>{paths}</ObjectPaths></Request>"
    )
