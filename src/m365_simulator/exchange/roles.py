"""What an app may do by its permission and its directory roles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from m365_simulator.exchange import errors
from m365_simulator.state import Answer, Caller
from m365_simulator.world import EXCHANGE_ADMIN, GLOBAL_ADMIN

RECIPIENT_ADMIN = "31392ffb-586c-42d1-9346-e59415a2cc4e"
READERS = frozenset(
    {
        "17315797-102d-40b4-93e0-432062caca18",  # Compliance Administrator
        "729827e3-9c14-49f7-bb1b-9608f156bbb8",  # Helpdesk Administrator
        "194ae4cb-b126-40b2-bd5b-6091b380977d",  # Security Administrator
        "5d6b6bb7-de71-4623-b4af-30380a352509",  # Security Reader
        "f2ef992c-3afb-46b9-b7cf-a126ee74c451",  # Global Reader
    }
)
"""Roles that let an app in, of which only reading is modelled."""
UNIFIED = {"Add-UnifiedGroupLinks", "Remove-UnifiedGroupLinks", "New-UnifiedGroup", "Remove-UnifiedGroup"}
"""Cmdlets that an app cannot run, whatever its roles."""


def may_enter(caller: Caller) -> bool:
    """Whether Exchange lets the app in at all: it needs the permission and one of the roles."""
    return caller.may("Exchange.ManageAsApp") and bool(
        caller.roles & ({GLOBAL_ADMIN, EXCHANGE_ADMIN, RECIPIENT_ADMIN} | READERS)
    )


def shut_out(form: str, headers: dict[str, str]) -> Answer:
    """The answer to an app without role or permission; its body need not be JSON, nor even text."""
    if form == "bytes":
        return Answer(403, headers=headers, text="\0" * 64)
    text = "The role assigned to application isn't supported in this scenario."
    return Answer(403, {"error": {"code": "Forbidden", "message": text}}, headers)


def check(caller: Caller, cmdlet: str, parameters: Mapping[str, Any]) -> None:
    """Refuses what lies outside the roles of the app as if it did not exist."""
    if cmdlet in UNIFIED:
        raise errors.not_allowed(f"The cmdlet '{cmdlet}'")
    if caller.roles & {GLOBAL_ADMIN, EXCHANGE_ADMIN}:
        return
    recipient_admin = RECIPIENT_ADMIN in caller.roles
    if cmdlet == "Get-InboxRule" and not recipient_admin:
        raise errors.not_allowed(f"The cmdlet '{cmdlet}'")
    if not cmdlet.startswith("Get-") and not recipient_admin:
        raise errors.not_allowed(f"The cmdlet '{cmdlet}'")
    if any(name.lower() == "bypasssecuritygroupmanagercheck" for name in parameters):
        raise errors.not_allowed("The parameter 'BypassSecurityGroupManagerCheck'")
