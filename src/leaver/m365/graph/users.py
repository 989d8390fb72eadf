"""Users of Entra ID."""

from __future__ import annotations

import secrets
import string
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

from leaver.domain.errors import NotFound, Refused, SignInRefused
from leaver.domain.people import Colleague
from leaver.m365.graph.values import Row, guid, moment, says, text
from leaver.m365.http import GraphWire, quote_id
from leaver.m365.target import Guard

_PROPERTIES = (
    "id,displayName,givenName,userPrincipalName,mail,proxyAddresses,accountEnabled,userType,onPremisesSyncEnabled,"
    "onPremisesImmutableId,onPremisesSamAccountName,onPremisesDomainName,assignedLicenses,licenseAssignmentStates,"
    "assignedPlans,usageLocation,signInSessionsValidFromDateTime,lastPasswordChangeDateTime,department,"
    "isManagementRestricted"
)
_ROW_PROPERTIES = (
    "id,displayName,userPrincipalName,mail,accountEnabled,userType,onPremisesSyncEnabled,assignedLicenses,department,"
    "jobTitle"
)
KINDS = {
    "licensed": "assignedLicenses/$count ne 0",
    "guests": "userType eq 'Guest'",
    "synced": "onPremisesSyncEnabled eq true",
    "blocked": "accountEnabled eq false",
}
"""What a list can be narrowed to, and Graph's filter for it."""
Found = TypeVar("Found")
_PASSWORD_LENGTH = 40
_PASSWORD_TRIES = 3
_PASSWORD_REFUSED = ("password complexity", "banned password", "does not comply with password")


@dataclass(frozen=True)
class LicenseState:
    """One way in which a user holds a product; the same product can be held directly and by groups at once."""

    sku_id: str
    by_group: str = ""
    """Id of the group that assigns it; empty for a direct one."""
    disabled_plans: tuple[str, ...] = ()
    state: str = ""
    error: str = ""


@dataclass(frozen=True)
class User:
    """A user, with all that the tasks want to know."""

    id: str
    display_name: str
    upn: str
    mail: str = ""
    proxy_addresses: tuple[str, ...] = ()
    """As Microsoft writes them: `SMTP:` the primary one, `smtp:` the others."""
    account_enabled: bool = True
    user_type: str = "Member"
    synced: bool = False
    immutable_id: str = ""
    sam_account_name: str = ""
    on_premises_domain: str = ""
    license_states: tuple[LicenseState, ...] = ()
    assigned_sku_ids: tuple[str, ...] = ()
    assigned_plans: tuple[str, ...] = ()
    """Service names (`exchange`, `SharePoint`, `MicrosoftCommunicationsOnline`) of the plans that are enabled."""
    usage_location: str = ""
    sessions_valid_from: datetime | None = None
    last_password_change: datetime | None = None
    department: str = ""
    first_name: str = ""
    management_restricted: bool = False
    """In a restricted administrative unit: only a role scoped to that unit may change the user."""

    @property
    def is_guest(self) -> bool:
        """Whether the user's home is another tenant."""
        return self.user_type == "Guest"

    @property
    def ad_name(self) -> str:
        r"""How an on-premises administrator finds the user: `CONTOSO\ada`, or the UPN."""
        domain = self.on_premises_domain.split(".", maxsplit=1)[0].upper()
        return f"{domain}\\{self.sam_account_name}" if domain and self.sam_account_name else self.upn


@dataclass(frozen=True)
class UserRow:
    """A user in a list."""

    id: str
    display_name: str
    upn: str
    mail: str = ""
    account_enabled: bool = True
    user_type: str = "Member"
    synced: bool = False
    licensed: bool = False
    department: str = ""
    job_title: str = ""
    sku_ids: tuple[str, ...] = ()

    @property
    def is_guest(self) -> bool:
        """Whether the user's home is another tenant."""
        return self.user_type == "Guest"


@dataclass(frozen=True)
class Device:
    """A device registered to a user."""

    id: str
    display_name: str
    enabled: bool


class Users:
    """Reads any user; changes the leaver only."""

    def __init__(self, wire: GraphWire, guard: Guard) -> None:
        self._wire = wire
        self._guard = guard

    async def get(self, id_or_upn: str) -> User:
        """One user; NotFound when there is none."""
        return _user(await self._wire.get(f"/users/{quote_id(id_or_upn)}", {"$select": _PROPERTIES}))

    async def last_sign_in(self, user_id: str) -> datetime | None:
        """When a user last signed in; None where Microsoft has no record of it. By object id only.

        Forbidden in a tenant without Entra ID P1, or where the app has no AuditLog.Read.All.
        """
        row = await self._wire.get(f"/users/{quote_id(user_id)}", {"$select": "id,signInActivity"})
        activity = row.get("signInActivity") or {}
        real = moment(activity, "lastSuccessfulSignInDateTime")
        tried = (moment(activity, "lastSignInDateTime"), moment(activity, "lastNonInteractiveSignInDateTime"))
        return real or max(filter(None, tried), default=None)

    async def find(self, text: str, limit: int = 25) -> tuple[User, ...]:
        """Users whose name or address has a word that begins so."""
        params = {"$select": _PROPERTIES, "$top": str(min(limit, 999))}
        rows = await self._searched(
            text, lambda search: self._wire.pages("/users", {**params, "$search": search}, advanced=True, limit=limit)
        )
        return tuple(_user(row) for row in rows[:limit])

    async def page(
        self, search: str = "", after: str = "", *, kind: str = "", most: int = 100
    ) -> tuple[tuple[UserRow, ...], str]:
        """Up to `most` users, of one of `KINDS` if it is given, and the cursor of the next page (empty at the end)."""
        advanced = bool(search or kind)
        if after:
            body = await self._wire.get(f"/users?{after}", advanced=advanced)
        else:
            params = {"$select": _ROW_PROPERTIES, "$top": str(most)}
            params |= {"$filter": KINDS[kind], "$count": "true"} if kind else {}
            body = (
                await self._searched(
                    search, lambda words: self._wire.get("/users", {**params, "$search": words}, advanced=True)
                )
                if search
                else await self._wire.get("/users", params, advanced=advanced)
            )
        # Only the link's query is handed out: a cursor comes back from outside and must not choose host or path.
        following = urlsplit(text(body, "@odata.nextLink")).query
        return tuple(_user_row(row) for row in body.get("value") or ()), following

    async def count(self) -> int | None:
        """How many users there are; None where the service does not say."""
        body = await self._wire.get("/users", {"$select": "id", "$top": "1", "$count": "true"}, advanced=True)
        found = body.get("@odata.count")
        return found if isinstance(found, int) else None

    async def _searched(self, words: str, ask: Callable[[str], Awaitable[Found]]) -> Found:
        """What a search finds; by fewer properties where the service refuses to search by one of them."""
        try:
            return await ask(_search(words, "displayName", "mail", "userPrincipalName"))
        except Refused as error:
            if error.status != 400:
                raise
            return await ask(_search(words, "displayName", "mail"))

    async def all_users(self) -> AsyncIterator[UserRow]:
        """Every user, a page of 999 at a time."""
        async for row in self.raw({"$select": _ROW_PROPERTIES, "$top": "999"}):
            yield _user_row(row)

    async def raw(self, params: Mapping[str, str], *, advanced: bool = False) -> AsyncIterator[dict[str, Any]]:
        """Users as Graph writes them, a page at a time, for callers that know Graph's own names."""
        async for page in self._wire.each_page("/users", params, advanced=advanced):
            for row in page:
                yield row

    async def manager(self, user_id: str) -> Colleague | None:
        """The user's manager, where one is set and is a user."""
        try:
            row = await self._wire.get(f"/users/{quote_id(user_id)}/manager", {"$select": _ROW_PROPERTIES})
        except NotFound:
            return None
        return as_colleague(row) if row and text(row, "userPrincipalName") else None

    async def colleague(self, id_or_upn: str) -> Colleague:
        """Somebody of the tenant; NotFound when there is none."""
        return as_colleague(await self._wire.get(f"/users/{quote_id(id_or_upn)}", {"$select": _ROW_PROPERTIES}))

    async def update(self, user_id: str, **properties: Any) -> None:
        """Set properties, by Microsoft's names; None is sent as an explicit null."""
        self._guard.only(user_id, "changing a user")
        await self._wire.patch(f"/users/{quote_id(user_id)}", properties)

    async def set_password(self, user_id: str) -> None:
        """Give the user a password that nobody knows: it exists inside this call only."""
        self._guard.only(user_id, "setting a password")
        for attempt in range(_PASSWORD_TRIES):
            profile = {"password": _unknown_password(), "forceChangePasswordNextSignIn": False}
            try:
                await self._wire.patch(f"/users/{quote_id(user_id)}", {"passwordProfile": profile})
            except Refused as error:
                if attempt == _PASSWORD_TRIES - 1 or not says(error, *_PASSWORD_REFUSED):
                    raise
            else:
                return

    async def revoke_sessions(self, user_id: str) -> None:
        """Make every refresh token and browser session that was issued before this moment worthless."""
        self._guard.only(user_id, "revoking sessions")
        await self._wire.post(f"/users/{quote_id(user_id)}/revokeSignInSessions", repeatable=True)

    async def delete(self, user_id: str) -> None:
        """Move the user to the deleted users, where it stays for 30 days; one that is gone is no error."""
        self._guard.only(user_id, "deleting a user")
        with suppress(NotFound):
            await self._wire.delete(f"/users/{quote_id(user_id)}")

    async def devices(self, user_id: str) -> tuple[Device, ...]:
        """The devices registered to the user, as far as they may be read; nothing is decided by them."""
        path = f"/users/{quote_id(user_id)}/registeredDevices"
        try:
            rows = await self._wire.pages(path, {"$select": "id,displayName,accountEnabled"})
        except SignInRefused:
            raise
        except Refused:
            return ()
        return tuple(Device(guid(row, "id"), text(row, "displayName"), bool(row.get("accountEnabled"))) for row in rows)


def as_colleague(row: Row) -> Colleague:
    """A user object as the colleague it describes."""
    return Colleague(
        id=guid(row, "id"),
        upn=text(row, "userPrincipalName"),
        display_name=text(row, "displayName"),
        mail=text(row, "mail"),
        enabled=row.get("accountEnabled") is not False,
        licensed=bool(row.get("assignedLicenses")),
        guest=row.get("userType") == "Guest",
    )


def _user(row: Row) -> User:
    return User(
        id=guid(row, "id"),
        display_name=text(row, "displayName"),
        upn=text(row, "userPrincipalName"),
        mail=text(row, "mail"),
        proxy_addresses=tuple(row.get("proxyAddresses") or ()),
        account_enabled=row.get("accountEnabled") is not False,
        user_type=text(row, "userType") or "Member",
        synced=bool(row.get("onPremisesSyncEnabled")),
        immutable_id=text(row, "onPremisesImmutableId"),
        sam_account_name=text(row, "onPremisesSamAccountName"),
        on_premises_domain=text(row, "onPremisesDomainName"),
        license_states=_license_states(row),
        assigned_sku_ids=tuple(guid(license_, "skuId") for license_ in row.get("assignedLicenses") or ()),
        assigned_plans=tuple(
            dict.fromkeys(
                text(plan, "service")
                for plan in row.get("assignedPlans") or ()
                if plan.get("capabilityStatus") == "Enabled"
            )
        ),
        usage_location=text(row, "usageLocation"),
        sessions_valid_from=moment(row, "signInSessionsValidFromDateTime"),
        last_password_change=moment(row, "lastPasswordChangeDateTime"),
        department=text(row, "department"),
        first_name=text(row, "givenName"),
        management_restricted=bool(row.get("isManagementRestricted")),
    )


def _license_states(row: Row) -> tuple[LicenseState, ...]:
    states = row.get("licenseAssignmentStates")
    if states is None:
        # Without them nobody knows what a group assigns; taken for direct, such a license is refused, not overlooked.
        states = row.get("assignedLicenses") or ()
    return tuple(_license_state(state) for state in states)


def _license_state(row: Row) -> LicenseState:
    return LicenseState(
        sku_id=guid(row, "skuId"),
        by_group=guid(row, "assignedByGroup"),
        disabled_plans=tuple(row.get("disabledPlans") or ()),
        state=text(row, "state"),
        error=text(row, "error"),
    )


def _user_row(row: Row) -> UserRow:
    return UserRow(
        id=guid(row, "id"),
        display_name=text(row, "displayName"),
        upn=text(row, "userPrincipalName"),
        mail=text(row, "mail"),
        account_enabled=row.get("accountEnabled") is not False,
        user_type=text(row, "userType") or "Member",
        synced=bool(row.get("onPremisesSyncEnabled")),
        licensed=bool(row.get("assignedLicenses")),
        department=text(row, "department"),
        job_title=text(row, "jobTitle"),
        sku_ids=tuple(text(license_, "skuId") for license_ in row.get("assignedLicenses") or ()),
    )


def _search(words: str, *names: str) -> str:
    escaped = words.strip().replace("\\", "\\\\").replace('"', '\\"')
    return " OR ".join(f'"{name}:{escaped}"' for name in names)


def _unknown_password() -> str:
    classes = (string.ascii_lowercase, string.ascii_uppercase, string.digits, "!#$%&*+-=?@^_")
    everything = "".join(classes)
    drawn = [secrets.choice(each) for each in classes]
    drawn += [secrets.choice(everything) for _ in range(_PASSWORD_LENGTH - len(drawn))]
    secrets.SystemRandom().shuffle(drawn)
    return "".join(drawn)
