"""Programs that come with a JWT of the configured issuer, as callers of CIPP do (OAuth 2 client credentials)."""

from __future__ import annotations

from typing import Any

from leaver.access.grants import Grants, Kind
from leaver.access.issuer import Issuer
from leaver.access.roles import Person
from leaver.domain.errors import Denied, NotSignedIn
from leaver.store.tenants import Tenants

_OF_A_SIGN_IN = ("nonce", "at_hash", "c_hash", "s_hash", "auth_time")
"""Claims of a person's ID token; one of those must never open the API."""


class Programs:
    """Who a program's token speaks for, and what it may do."""

    def __init__(self, issuer: Issuer, audience: str, grants: Grants, tenants: Tenants) -> None:
        bare = audience.removeprefix("api://")
        self._issuer = issuer
        self._audience = (f"api://{bare}", bare)
        self._grants = grants
        self._tenants = tenants

    async def check(self, token: str, address: str = "") -> Person:
        """Whose token this is; refused when it speaks for a person, or nobody granted it a thing."""
        claims = await self._issuer.verify(token, self._audience)
        client, subject = _client(claims), str(claims["sub"])
        if not client or _is_of_a_sign_in(claims):
            raise _speaks_for_a_person()
        held = {(Kind.SUBJECT, subject)}
        if _is_its_own(claims, client):
            held |= {(Kind.CLIENT, client), (Kind.SUBJECT, str(claims.get("oid", subject)))}
            held |= {(Kind.ROLE, role) for role in texts(claims.get("roles"))}
        elif not _may_be_its_own(claims):
            raise _speaks_for_a_person()
        granted = self._grants.of(held, await self._tenants.all())
        if granted is None:
            raise Denied(
                f"The program {client[:100]} is known to the identity provider, but may do nothing here.",
                "not_granted",
                advice=f"Give it an app role that LEAVER_GRANTS names, or add `client:{client[:100]}=ROLE` there.",
            )
        return Person(f"program {client[:100]}", granted.role, granted.tenants, "api", address)


def texts(claim: Any) -> list[str]:
    """A claim that is a text or a list of texts, as a list."""
    values = claim if isinstance(claim, list) else [claim]
    return [value for value in values if isinstance(value, str) and value]


def _client(claims: dict[str, Any]) -> str:
    """The program's id: Entra says `azp` (version 2) or `appid` (version 1), others `client_id` or `cid`."""
    return next((str(claims[name]) for name in ("azp", "appid", "client_id", "cid") if claims.get(name)), "")


def _is_of_a_sign_in(claims: dict[str, Any]) -> bool:
    if any(name in claims for name in _OF_A_SIGN_IN) or str(claims.get("typ", "")).upper() == "ID":
        return True
    return bool(claims.get("idtyp", "app") != "app")


def _is_its_own(claims: dict[str, Any], client: str) -> bool:
    """Whether the token surely speaks for the program itself, not for a person who uses it.

    Entra's own service principals are their subject and object at once, and have no `scp`; of others the subject is
    the client (RFC 9068; Auth0 adds `@clients`).
    """
    subject = str(claims["sub"])
    if subject in (client, f"{client}@clients"):
        return True
    return "scp" not in claims and (claims.get("idtyp") == "app" or claims.get("oid") == subject)


def _may_be_its_own(claims: dict[str, Any]) -> bool:
    """Whether it cannot be told (Keycloak's service accounts): then only a grant for exactly this subject counts."""
    name = str(claims.get("preferred_username", "service-account-"))
    return "scp" not in claims and name.startswith("service-account-") and "upn" not in claims


def _speaks_for_a_person() -> NotSignedIn:
    return NotSignedIn(
        "The token speaks for a person; the API is for programs.",
        "person_token",
        advice="Get one with client credentials (scope `api://CLIENT_ID/.default`), or use an API token.",
    )
