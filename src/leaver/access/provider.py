"""People who sign in at the configured identity provider: OpenID Connect, authorization code with PKCE.

Nothing of a sign-in under way is kept here: one random secret lives in a cookie of the browser that began it, and
state, nonce and verifier are made from it. So what comes back counts in that browser only, and for what it asked.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from leaver.access.grants import Grants, Kind
from leaver.access.issuer import Discovery, Issuer
from leaver.access.programs import texts
from leaver.access.roles import Person
from leaver.domain.actor import Actor
from leaver.domain.errors import Denied, NotSignedIn, Refused
from leaver.m365.answers import Request
from leaver.store.audit import Audit
from leaver.store.tenants import Tenants

CALLBACK = "/signin/callback"
SCOPE = "openid profile email"


@dataclass(frozen=True)
class Registration:
    """Leaver, as the provider knows it."""

    client_id: str
    client_secret: str
    public_url: str
    """Our own origin; nothing is ever sent back to another one."""

    @property
    def redirect_uri(self) -> str:
        """Where the provider sends people back to."""
        return self.public_url + CALLBACK


class Provider:
    """The way in for people, and out."""

    def __init__(
        self, issuer: Issuer, registration: Registration, grants: Grants, tenants: Tenants, audit: Audit, name: str = ""
    ) -> None:
        self.name = name or ("Microsoft" if issuer.is_entra else urlsplit(issuer.name).hostname or "your provider")
        self.registration = registration
        self._issuer = issuer
        self._grants = grants
        self._tenants = tenants
        self._audit = audit

    async def begin(self, secret: str) -> str:
        """Where to send a browser that keeps this secret."""
        discovery = await self._issuer.discovery()
        if not discovery.authorization_endpoint or not discovery.token_endpoint:
            raise Refused(
                "The identity provider signs nobody in.", "bad_discovery", advice="Look at LEAVER_OIDC_ISSUER."
            )
        challenge = hashlib.sha256(_made(secret, "verifier").encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self.registration.client_id,
            "redirect_uri": self.registration.redirect_uri,
            "scope": SCOPE,
            "state": _made(secret, "state"),
            "nonce": _made(secret, "nonce"),
            "code_challenge": _text(challenge),
            "code_challenge_method": "S256",
        }
        return _with(discovery.authorization_endpoint, asked)

    async def finish(self, secret: str, said: Mapping[str, str], address: str = "") -> Person:
        """Who came back; refused when another browser began it, the provider says no, or nobody granted a thing."""
        state = _made(secret, "state") if secret else ""
        if not state or not hmac.compare_digest(state.encode(), said.get("state", "").encode()):
            raise NotSignedIn(
                "This sign-in was not begun in this browser, or too long ago. Sign in again.",
                "unknown_sign_in",
                advice=f"Open Leaver at {self.registration.public_url}.",
            )
        if said.get("iss", self._issuer.name) != self._issuer.name:
            raise NotSignedIn("Another identity provider answered. Sign in again.", "wrong_issuer")
        if said.get("error") or not said.get("code"):
            raise self._told(said.get("error", ""))
        discovery = await self._issuer.discovery()
        tokens = await self._redeemed(discovery, said["code"], _made(secret, "verifier"))
        claims = await self._issuer.verify(str(tokens.get("id_token", "")), [self.registration.client_id])
        self._check(claims, _made(secret, "nonce"))
        claims = await self._completed(discovery, claims, str(tokens.get("access_token", "")))
        return await self._granted(claims, address)

    async def sign_out_address(self) -> str:
        """Where somebody signs out of the provider too; empty where it has no such page."""
        endpoint = (await self._issuer.discovery()).end_session_endpoint
        back = f"{self.registration.public_url}/signin"
        asked = {"client_id": self.registration.client_id, "post_logout_redirect_uri": back}
        return _with(endpoint, asked) if endpoint else ""

    def _told(self, error: str) -> NotSignedIn:
        if error == "access_denied":
            return NotSignedIn(f"{self.name} sign-in was canceled.", "canceled")
        code = error if re.fullmatch(r"[a-z_]{1,40}", error) else "no code"
        return NotSignedIn(f"{self.name} did not sign you in ({code}). Try again.", "provider_refused")

    async def _redeemed(self, discovery: Discovery, code: str, verifier: str) -> dict[str, Any]:
        mine = self.registration
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": mine.redirect_uri,
            "code_verifier": verifier,
            "client_id": mine.client_id,
        }
        headers = {}
        methods = discovery.token_auth_methods
        if mine.client_secret and "client_secret_post" not in methods:  # what a provider takes that names no method
            both = f"{quote(mine.client_id, safe='')}:{quote(mine.client_secret, safe='')}"
            headers["Authorization"] = "Basic " + base64.b64encode(both.encode()).decode()
        elif mine.client_secret:
            form["client_secret"] = mine.client_secret
        return await self._issuer.fetch(
            Request("sign-in", "POST", discovery.token_endpoint, "code", headers=headers, form=form)
        )

    def _check(self, claims: dict[str, Any], nonce: str) -> None:
        """What an ID token needs besides its signature (OpenID Connect Core, 3.1.3.7)."""
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        party = claims.get("azp", None if several else self.registration.client_id)
        if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
            raise NotSignedIn("The answer belongs to another sign-in. Sign in again.", "wrong_nonce")
        if party != self.registration.client_id:
            raise NotSignedIn("The answer is for another program. Sign in again.", "wrong_party")

    async def _completed(self, discovery: Discovery, claims: dict[str, Any], access_token: str) -> dict[str, Any]:
        """With what only the userinfo endpoint says; many providers keep groups for it. Entra does not."""
        if self._issuer.is_entra or "groups" in claims or "roles" in claims:
            return claims
        if not discovery.userinfo_endpoint or not access_token:
            return claims
        headers = {"Authorization": f"Bearer {access_token}"}
        more = await self._issuer.fetch(
            Request("sign-in", "GET", discovery.userinfo_endpoint, "userinfo", headers=headers)
        )
        if more.get("sub") != claims["sub"]:
            raise NotSignedIn("The provider spoke of somebody else. Sign in again.", "wrong_subject")
        return more | claims

    async def _granted(self, claims: dict[str, Any], address: str) -> Person:
        held = {(Kind.SUBJECT, str(claims[name])) for name in ("sub", "oid") if claims.get(name)}
        held |= {(Kind.ROLE, role) for role in texts(claims.get("roles"))}
        held |= {(Kind.GROUP, group) for group in texts(claims.get("groups"))}
        name = self._name(claims)
        granted = self._grants.of(held, await self._tenants.all())
        if granted is not None:
            await self._audit.add(Actor(name, "portal", address), "sign_in", after={"provider": self._issuer.name})
            return Person(name, granted.role, granted.tenants, "portal", address)
        await self._audit.add(Actor(name, "portal", address), "sign_in.refused", after={"provider": self._issuer.name})
        if self._grants.by_group and _has_too_many_groups(claims):
            raise Denied(
                "Your account is in more groups than Microsoft names at sign-in, so Leaver cannot see its role.",
                "too_many_groups",
                advice="Ask an administrator for an app role, or to name assigned groups only.",
            )
        raise Denied("Your account has no role in Leaver. Ask an administrator.", "not_granted")

    def _name(self, claims: dict[str, Any]) -> str:
        """As the audit trail names somebody. A bare name gets the provider's host, lest it read like our `admin`."""
        said = next((str(claims[key]) for key in ("preferred_username", "upn", "email") if claims.get(key)), "")
        said = " ".join(said.split())[:200] or str(claims["sub"])[:100]
        return said if "@" in said else f"{said}@{urlsplit(self._issuer.name).hostname}"


def _has_too_many_groups(claims: dict[str, Any]) -> bool:
    elsewhere = claims.get("_claim_names")
    return bool(claims.get("hasgroups")) or (isinstance(elsewhere, dict) and "groups" in elsewhere)


def _made(secret: str, what: str) -> str:
    """A value for one purpose, made from the browser's secret; none of them tells of another."""
    return _text(hmac.new(secret.encode(), f"leaver {what}".encode(), hashlib.sha256).digest())


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _with(endpoint: str, asked: Mapping[str, str]) -> str:
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}"
