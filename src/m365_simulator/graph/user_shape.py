"""A user as Graph shows it: every property we know, and how it is read from the world."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from m365_simulator.graph.router import GraphCall
from m365_simulator.world import LicenseState, User, World

DEFAULT = (
    "businessPhones",
    "displayName",
    "givenName",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "surname",
    "userPrincipalName",
    "id",
)
NOT_ON_COLLECTION = ("mailboxsettings", "aboutme", "birthday", "interests", "skills", "schools", "responsibilities")
_SERVICES = {
    "EXCHANGE": "exchange",
    "SHAREPOINT": "SharePoint",
    "TEAMS": "TeamspaceAPI",
    "MCO": "MicrosoftCommunicationsOnline",
}


def time(moment: datetime | None) -> str | None:
    """A moment, to the second as the directory keeps it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None


def _license_state(held: LicenseState) -> dict[str, Any]:
    return {
        "skuId": held.sku_id,
        "assignedByGroup": held.by_group,
        "disabledPlans": list(held.disabled_plans),
        "state": held.state,
        "error": held.error,
        "lastUpdatedDateTime": "2024-01-01T00:00:00Z",
    }


def _assigned_licenses(user: User) -> list[dict[str, Any]]:
    """Each product once; a plan is off when every assignment has it off."""
    found: dict[str, set[str]] = {}
    for held in user.licenses:
        if held.state in ("Active", "ActiveWithError"):
            plans = set(held.disabled_plans)
            found[held.sku_id] = found[held.sku_id] & plans if held.sku_id in found else plans
    return [{"skuId": sku, "disabledPlans": sorted(plans)} for sku, plans in found.items()]


def _assigned_plans(world: World, user: User) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for held in _assigned_licenses(user):
        sku = world.skus.get(held["skuId"])
        for plan_id, name in sku.plans if sku else ():
            if plan_id not in held["disabledPlans"]:
                service = next((text for start, text in _SERVICES.items() if name.startswith(start)), name)
                found[plan_id] = {
                    "assignedDateTime": "2024-01-01T00:00:00Z",
                    "capabilityStatus": "Enabled",
                    "service": service,
                    "servicePlanId": plan_id,
                }
    return list(found.values())


def _sign_in_activity(user: User) -> dict[str, Any] | None:
    if user.last_sign_in is None:
        return None
    stamp = time(user.last_sign_in)
    return {
        "lastSignInDateTime": stamp,
        "lastNonInteractiveSignInDateTime": stamp,
        "lastSuccessfulSignInDateTime": stamp,
    }


def _synced_time(user: User) -> str | None:
    return "2026-01-01T00:00:00Z" if user.synced is not None else None


def _nothing(call: GraphCall, user: User) -> None:
    """A property that is never shown."""


def _more(name: str, otherwise: Reader) -> Reader:
    """A property that is as it was written, or else as something else tells."""
    return lambda call, user: user.more[name] if name in user.more else otherwise(call, user)


Reader = Callable[[GraphCall, User], Any]
PROPERTIES: dict[str, Reader] = {
    "id": lambda call, user: user.id,
    "displayName": lambda call, user: user.display_name,
    "userPrincipalName": lambda call, user: user.upn,
    "mail": lambda call, user: user.mail,
    "mailNickname": lambda call, user: user.upn.partition("@")[0],
    "proxyAddresses": lambda call, user: list(user.proxy_addresses),
    "accountEnabled": lambda call, user: user.enabled,
    "userType": lambda call, user: user.user_type,
    "givenName": _more("givenName", lambda call, user: user.display_name.partition(" ")[0]),
    "surname": _more("surname", lambda call, user: user.display_name.partition(" ")[2] or None),
    "department": lambda call, user: user.department,
    "usageLocation": lambda call, user: user.usage_location,
    "onPremisesSyncEnabled": lambda call, user: user.synced,
    "onPremisesImmutableId": lambda call, user: user.immutable_id,
    "onPremisesSamAccountName": lambda call, user: user.sam_account_name,
    "onPremisesDomainName": lambda call, user: user.on_premises_domain,
    "onPremisesLastSyncDateTime": lambda call, user: _synced_time(user),
    "onPremisesUserPrincipalName": lambda call, user: user.upn if user.synced is not None else None,
    "assignedLicenses": lambda call, user: _assigned_licenses(user),
    "licenseAssignmentStates": lambda call, user: [_license_state(held) for held in user.licenses],
    "assignedPlans": lambda call, user: _assigned_plans(call.world, user),
    "signInSessionsValidFromDateTime": lambda call, user: time(user.sessions_valid_from),
    "refreshTokensValidFromDateTime": lambda call, user: time(user.sessions_valid_from),
    "lastPasswordChangeDateTime": lambda call, user: time(user.last_password_change),
    "isManagementRestricted": lambda call, user: user.management_restricted or None,
    "createdDateTime": lambda call, user: time(user.created),
    "deletedDateTime": lambda call, user: time(user.deleted_at),
    "signInActivity": lambda call, user: _sign_in_activity(user),
    "businessPhones": _more("businessPhones", lambda call, user: []),
    "otherMails": _more("otherMails", lambda call, user: []),
    "imAddresses": lambda call, user: [user.mail] if user.mail else [],
    "identities": lambda call, user: [
        {"signInType": "userPrincipalName", "issuer": call.world.initial_domain, "issuerAssignedId": user.upn}
    ],
    "passwordProfile": _nothing,
    "externalUserState": lambda call, user: "Accepted" if user.user_type == "Guest" else None,
}
for _name in (
    "jobTitle",
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "companyName",
    "city",
    "country",
    "state",
    "streetAddress",
    "postalCode",
    "employeeId",
    "employeeType",
    "employeeHireDate",
    "employeeLeaveDateTime",
    "onPremisesDistinguishedName",
    "passwordPolicies",
    "onPremisesSecurityIdentifier",
    "securityIdentifier",
    "showInAddressList",
    "ageGroup",
    "creationType",
    "faxNumber",
    "onPremisesExtensionAttributes",
    "mailboxSettings",
    "aboutMe",
    "birthday",
):
    PROPERTIES.setdefault(_name, _more(_name, _nothing))


def reference(user: User) -> dict[str, Any]:
    """A user among the members or owners of something, with the default properties."""
    return {
        "@odata.type": "#microsoft.graph.user",
        "id": user.id,
        "businessPhones": [],
        "displayName": user.display_name,
        "mail": user.mail,
        "userPrincipalName": user.upn,
    }
