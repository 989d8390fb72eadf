"""Access tokens: issued by the token endpoint, checked by every service."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jwt

from m365_simulator.world import App, World

if TYPE_CHECKING:
    from m365_simulator.state import Caller, State

AUDIENCES = {
    "graph": "https://graph.microsoft.com",
    "exchange": "https://outlook.office365.com",
    "sharepoint": "00000003-0000-0ff1-ce00-000000000000",
}
GRAPH_PERMISSIONS = (
    "AuditLog.Read.All",
    "CrossTenantInformation.ReadBasic.All",
    "DelegatedAdminRelationship.Read.All",
    "Device.Read.All",
    "Device.ReadWrite.All",
    "Directory.Read.All",
    "Domain.Read.All",
    "EntitlementManagement.Read.All",
    "Files.Read.All",
    "Group.Read.All",
    "Group.ReadWrite.All",
    "GroupMember.Read.All",
    "GroupMember.ReadWrite.All",
    "LicenseAssignment.Read.All",
    "LicenseAssignment.ReadWrite.All",
    "Member.Read.Hidden",
    "Organization.Read.All",
    "RoleManagement.Read.Directory",
    "RoleManagement.ReadWrite.Directory",
    "Sites.Read.All",
    "TeamsTelephoneNumber.Read.All",
    "TeamsTelephoneNumber.ReadWrite.All",
    "User-PasswordProfile.ReadWrite.All",
    "User.DeleteRestore.All",
    "User.EnableDisableAccount.All",
    "User.Read.All",
    "User.ReadWrite.All",
    "User.RevokeSessions.All",
    "UserAuthenticationMethod.Read.All",
    "UserAuthenticationMethod.ReadWrite.All",
)
"""What the token of an app that may do everything lists."""


@dataclass
class Refused:
    """Why a token was not accepted."""

    message: str
    code: str = "InvalidAuthenticationToken"


def audience_of(scope: str) -> str:
    """The service that a scope is for, by the words in it."""
    lowered = scope.lower()
    if "graph" in lowered:
        return "graph"
    if "exchange" in lowered or "outlook" in lowered:
        return "exchange"
    return "sharepoint"


def permissions_in_token(permissions: frozenset[str], audience: str) -> list[str]:
    """Those of an app's permissions that belong to this service."""
    if "*" in permissions:
        every = {"graph": GRAPH_PERMISSIONS, "exchange": ("Exchange.ManageAsApp",)}
        return list(every.get(audience, ("Sites.FullControl.All",)))
    if audience == "exchange":
        return sorted(name for name in permissions if name.startswith("Exchange."))
    if audience == "sharepoint":
        return sorted(name for name in permissions if name.startswith("Sites."))
    return sorted(name for name in permissions if not name.startswith("Exchange."))


class Tokens:
    """Issues and reads access tokens. A token read once is remembered, so that a call costs no cryptography."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._key = secrets.token_bytes(32)
        self._read: dict[str, dict[str, Any]] = {}

    def issue(self, world: World, app: App, scope: str, *, certificate: bool) -> tuple[str, int]:
        """A token, and the seconds for which it is good."""
        grant = world.grants[app.client_id]
        audience = audience_of(scope)
        now = int(self._state.now().timestamp())
        lifetime = self._state.behaviour.token_lifetime
        claims = {
            "aud": AUDIENCES[audience],
            "iss": f"https://sts.windows.net/{world.id}/",
            "iat": now,
            "nbf": now,
            "exp": now + lifetime,
            "appid": app.client_id,
            "appidacr": "2" if certificate else "1",
            "idtyp": "app",
            "oid": world.new_id("service principal", app.client_id),
            "roles": permissions_in_token(grant.permissions, audience),
            "tid": world.id,
            "ver": "1.0",
            "wids": sorted(grant.roles),
            "x_everything": "*" in grant.permissions,
            "x_service": audience,
            "uti": secrets.token_urlsafe(16),
        }
        return jwt.encode(claims, self._key, "HS256"), lifetime

    def read(self, authorization: str, audience: str, tenant_id: str = "") -> Caller | Refused:
        """Who is calling, by the Authorization header."""
        from m365_simulator.state import Caller

        token = authorization.removeprefix("Bearer ").strip()
        if not token or token == authorization:
            return Refused("Access token is empty.")
        claims = self._read.get(token)
        if claims is None:
            try:
                claims = jwt.decode(
                    token,
                    self._key,
                    ["HS256"],
                    options={"verify_aud": False, "verify_exp": False, "verify_nbf": False, "verify_iat": False},
                )
            except jwt.InvalidTokenError:
                return Refused("Signature verification failed.")
            self._read[token] = claims
        if claims["x_service"] != audience:
            return Refused("Access token validation failure. Invalid audience.")
        if claims["exp"] <= self._state.now().timestamp():
            return Refused("Lifetime validation failed, the token is expired.")
        if tenant_id and claims["tid"] != tenant_id:
            return Refused("The token was issued for another tenant.")
        return Caller(
            permissions=frozenset(claims["roles"]) | (frozenset("*") if claims["x_everything"] else frozenset()),
            roles=frozenset(claims["wids"]),
            tenant_id=claims["tid"],
            client_id=claims["appid"],
            certificate=claims["appidacr"] == "2",
        )

    def forget(self) -> None:
        """Makes every issued token worthless, as if the signing key had been changed."""
        self._key = secrets.token_bytes(32)
        self._read.clear()
