"""Where a user's OneDrive is."""

from __future__ import annotations

from dataclasses import dataclass

from leaver.domain.errors import NotFound, Refused
from leaver.m365.graph.values import Row, says, text
from leaver.m365.http import GraphWire, quote_id

_NO_DRIVE = ("mysite not found", "user's mysite url", "does not have a spo license")


@dataclass(frozen=True)
class Drive:
    """A OneDrive."""

    site_url: str
    """The address of the site collection; never made up from names, since tenants and libraries get renamed."""
    web_url: str = ""
    """The address of the library, for people."""


class Drives:
    """Reads where OneDrives are."""

    def __init__(self, wire: GraphWire) -> None:
        self._wire = wire

    async def of(self, user_id: str) -> Drive | None:
        """The user's OneDrive; None where it was never provisioned, or SharePoint is not licensed."""
        try:
            row = await self._wire.get(f"/users/{quote_id(user_id)}/drive/root", {"$select": "sharepointIds,webUrl"})
            if not _site_url(row):
                row = await self._wire.get(f"/users/{quote_id(user_id)}/drive", {"$select": "id,webUrl,sharePointIds"})
        except NotFound:
            return None
        except Refused as error:
            if says(error, *_NO_DRIVE):
                return None
            raise
        web_url = text(row, "webUrl")
        # The library is the last part of its own address, whatever it is called in the user's language.
        library_of = web_url.rstrip("/").rpartition("/")[0] if "/personal/" in web_url else ""
        site_url = _site_url(row) or library_of
        return Drive(site_url, web_url) if site_url else None


def _site_url(row: Row) -> str:
    ids = row.get("sharepointIds") or row.get("sharePointIds") or {}
    return text(ids, "siteUrl").rstrip("/")
