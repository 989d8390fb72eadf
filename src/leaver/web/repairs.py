"""Where somebody repairs what does not work in a tenant."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urlencode

from leaver.offboarding.health import Repair
from leaver.web.rooms import Rooms

ENTRA = {"usgov": "https://entra.microsoft.us", "usgov-dod": "https://entra.microsoft.us"}
"""The admin center of the clouds that have one of their own."""


@dataclass(frozen=True)
class Way:
    """A link, or the form that looks again."""

    title: str
    href: str = ""
    outside: bool = False


def ways(here: Rooms, tenant_id: str) -> dict[Repair, list[Way]]:
    """What helps, the best first."""
    admin = ENTRA.get(here.house.config.cloud, "https://entra.microsoft.com")
    center = Way("Open in Entra admin center", f"{admin}/{quote(tenant_id)}", outside=True)
    agreed = consent(here, tenant_id)
    return {
        Repair.CONSENT: [Way("Repair connection", agreed, outside=True), center] if agreed else [center],
        Repair.ROLES: [center],
        Repair.APPLICATION: [Way("Check the application", f"/setup?{urlencode({'tenant': tenant_id})}"), center],
        Repair.AGAIN: [],
    }


def consent(here: Rooms, tenant: str) -> str:
    """Where an administrator of the tenant consents to the application; empty while there is none."""
    client_id = here.house.config.client_id
    address = f"{here.house.clouds.login}/{quote(tenant)}/adminconsent?{urlencode({'client_id': client_id})}"
    return address if client_id else ""
