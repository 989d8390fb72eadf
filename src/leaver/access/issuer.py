"""An identity provider whose word counts: its discovery document, its keys, and the tokens that it signs.

Only signatures with RS256 and ES256 count, only of the issuers that are configured, only for the audience that is
asked for, and only in time. The keys are fetched by discovery, kept, and fetched again when a token names another one.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import jwt

from leaver.domain.errors import LeaverError, NotSignedIn, Refused, Unavailable, Unusable
from leaver.m365.answers import NoAnswer, Request
from leaver.m365.http import Http

ALGORITHMS = ("RS256", "ES256")
LEEWAY = timedelta(seconds=60)
KEPT = 6 * 3600.0
"""Seconds after which keys are fetched anew."""
PAUSE = 30.0
"""Seconds between two fetches that unknown keys ask for; whoever invents key ids makes us ask no oftener."""
LONGEST_WAIT = 10.0
"""Seconds that the provider may take for an answer."""
LONGEST = 16_384
"""Characters of a token; one with 200 groups has half as many."""
_ENTRA = {
    "login.microsoftonline.com": "sts.windows.net",
    "login.microsoftonline.us": "sts.windows.net",
    "login.partner.microsoftonline.cn": "sts.chinacloudapi.cn",
    "login.chinacloudapi.cn": "sts.chinacloudapi.cn",
}
"""Where Entra signs people in, and what its tokens of version 1 call their issuer."""
_TENANT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Authority:
    """One issuer, exactly as tokens name it, and where its discovery document is."""

    issuer: str
    discovery: str


@dataclass(frozen=True)
class Discovery:
    """What an issuer says of itself."""

    issuer: str
    jwks_uri: str
    authorization_endpoint: str = ""
    token_endpoint: str = ""
    userinfo_endpoint: str = ""
    end_session_endpoint: str = ""
    token_auth_methods: tuple[str, ...] = ()


def authorities(issuer: str) -> tuple[Authority, ...]:
    """The issuers that a configured one stands for, the preferred one first.

    An Entra tenant is two: its tokens of version 1 and of version 2 name different issuers, and which one a program
    gets depends on the app registration.
    """
    parts = urlsplit(issuer)
    host = (parts.hostname or "").lower()
    tenant = parts.path.strip("/").lower().removesuffix("/v2.0")
    login = host if host in _ENTRA else next((key for key, old in _ENTRA.items() if old == host), "")
    if not login:
        plain = issuer.rstrip("/")
        return (Authority(issuer, f"{plain}/.well-known/openid-configuration"),)
    if not _TENANT.fullmatch(tenant):
        raise Unusable(
            f"LEAVER_OIDC_ISSUER names {tenant or 'no tenant'!r} where an Entra tenant's id belongs.",
            "bad_configuration",
            advice=f"Write it like https://{login}/TENANT_ID/v2.0; `common` would let everybody in.",
        )
    home = f"https://{login}/{tenant}"
    return (
        Authority(f"{home}/v2.0", f"{home}/v2.0/.well-known/openid-configuration"),
        Authority(f"https://{_ENTRA[login]}/{tenant}/", f"{home}/.well-known/openid-configuration"),
    )


@dataclass
class _Known:
    """What was fetched of one authority."""

    discovery: Discovery
    keys: dict[str, jwt.PyJWK] = field(default_factory=dict)
    fetched: float = 0.0


class Issuer:
    """A configured issuer. `clock` counts seconds; tests give their own."""

    def __init__(self, issuer: str, http: Http, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.authorities = authorities(issuer)
        self._http = http
        self._clock = clock
        self._known: dict[str, _Known] = {}
        self._tried: dict[str, float] = {}
        self._fetching = asyncio.Lock()

    @property
    def name(self) -> str:
        """The preferred issuer."""
        return self.authorities[0].issuer

    @property
    def is_entra(self) -> bool:
        """Whether it is Microsoft Entra."""
        return len(self.authorities) > 1

    async def discovery(self) -> Discovery:
        """What the preferred issuer says of itself."""
        return (await self._of(self.authorities[0])).discovery

    async def verify(self, token: str, audience: Sequence[str]) -> dict[str, Any]:
        """The claims of a token that is signed, in time, of this issuer and for this audience; refused otherwise."""
        if len(token) > LONGEST:
            raise _refused("it is too long")
        try:
            header = jwt.get_unverified_header(token)
            claimed = jwt.decode(token, options={"verify_signature": False}).get("iss")
            if header.get("alg") not in ALGORITHMS:
                raise _refused(f"it is signed with {str(header.get('alg'))[:20]!r}, not with {' or '.join(ALGORITHMS)}")
            authority = next((each for each in self.authorities if each.issuer == claimed), None)
            if authority is None:
                raise _refused("another issuer made it")
            key = await self._key(authority, str(header.get("kid", "")))
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=list(ALGORITHMS),
                audience=list(audience),
                issuer=authority.issuer,
                leeway=LEEWAY,
                options={"require": ["exp", "iss", "aud", "sub"], "enforce_minimum_key_length": True},
            )
        except jwt.ExpiredSignatureError as error:
            raise _refused("it has expired") from error
        except (jwt.ImmatureSignatureError, jwt.InvalidIssuedAtError) as error:
            raise _refused("it is not valid yet; compare the clocks") from error
        except jwt.InvalidAudienceError as error:
            raise _refused("it is for another audience") from error
        except jwt.MissingRequiredClaimError as error:
            raise _refused(f"its claim {error.claim!r} is missing") from error
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise _refused("it is malformed, or its signature is not the issuer's") from error
        return claims

    async def fetch(self, request: Request) -> dict[str, Any]:
        """The JSON object that the provider answers with; anything else is Unavailable."""
        try:
            answer = await self._http.send(replace(request, read_timeout=LONGEST_WAIT))
        except NoAnswer as error:
            raise _away(request, error.reason) from error
        if not answer.ok or not isinstance(answer.body, dict):
            said = answer.body.get("error") if isinstance(answer.body, dict) else None
            code = said if isinstance(said, str) and re.fullmatch(r"[a-z_]{1,40}", said) else f"status {answer.status}"
            raise _away(request, code)
        return answer.body

    async def _key(self, authority: Authority, kid: str) -> jwt.PyJWK:
        found = (await self._of(authority)).keys.get(kid)
        if found is None:
            found = (await self._of(authority, missing=kid)).keys.get(kid)
        if found is None:
            raise _refused("the issuer has no such key")
        return found

    async def _of(self, authority: Authority, *, missing: str | None = None) -> _Known:
        """What is known of an authority: fetched at first, when it is old, and when a key is missing in it."""
        known = self._known.get(authority.issuer)
        if known is not None and (self._is_fresh(known, missing) or (missing is None and self._fetching.locked())):
            return known  # whoever can be answered does not wait for a provider that takes its time
        async with self._fetching:
            known = self._known.get(authority.issuer)
            now = self._clock()
            tried = self._tried.get(authority.issuer)
            asked_lately = tried is not None and now - tried < PAUSE
            if known is not None and (self._is_fresh(known, missing) or asked_lately):
                return known
            self._tried[authority.issuer] = now
            try:
                self._known[authority.issuer] = await self._fetched(authority)
            except LeaverError:
                if known is None:
                    raise
                # The provider does not answer now; the keys that it gave before are still its keys.
                return known
            return self._known[authority.issuer]

    def _is_fresh(self, known: _Known, missing: str | None) -> bool:
        return self._clock() - known.fetched < KEPT and (missing is None or missing in known.keys)

    async def _fetched(self, authority: Authority) -> _Known:
        said = await self.fetch(Request("sign-in", "GET", authority.discovery, "discovery"))
        if said.get("issuer") != authority.issuer:
            raise Refused(
                f"The identity provider calls itself {str(said.get('issuer'))[:200]!r}, not {authority.issuer!r}.",
                "wrong_issuer",
                advice="Set LEAVER_OIDC_ISSUER to exactly what its discovery document says.",
            )
        methods = said.get("token_endpoint_auth_methods_supported")
        discovery = Discovery(
            authority.issuer,
            _address(said, "jwks_uri", required=True),
            _address(said, "authorization_endpoint"),
            _address(said, "token_endpoint"),
            _address(said, "userinfo_endpoint"),
            _address(said, "end_session_endpoint"),
            tuple(str(each) for each in methods) if isinstance(methods, list) else (),
        )
        document = await self.fetch(Request("sign-in", "GET", discovery.jwks_uri, "keys"))
        listed = document.get("keys")
        keys = {}
        for entry in listed if isinstance(listed, list) else []:
            key = self._readable(entry)
            if key is not None:
                keys[str(entry.get("kid", ""))] = key
        return _Known(discovery, keys, self._clock())

    def _readable(self, entry: Any) -> jwt.PyJWK | None:
        """A key that may sign tokens for us; None for all others, which a provider may well list too."""
        if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
            return None
        owner = entry.get("issuer")  # Entra says whose key it is: one of personal accounts signs for no company
        if isinstance(owner, str) and self.is_entra and not self._owns(owner):
            return None
        try:
            key = jwt.PyJWK.from_dict(entry)
        except jwt.PyJWTError:
            return None
        return key if key.algorithm_name in ALGORITHMS else None

    def _owns(self, owner: str) -> bool:
        tenant = urlsplit(self.name).path.strip("/").removesuffix("/v2.0")
        return owner.replace("{tenantid}", tenant) in {each.issuer for each in self.authorities}


def _address(said: dict[str, Any], name: str, *, required: bool = False) -> str:
    """An address of the discovery document: HTTPS, or this machine."""
    value = said.get(name)
    if not isinstance(value, str) or not value:
        if not required:
            return ""
        value = ""
    if not is_safe(value):
        raise Unusable(
            f"The identity provider's {name} is no HTTPS address.",
            "bad_discovery",
            advice="Look at LEAVER_OIDC_ISSUER.",
        )
    return value


def is_safe(url: str) -> bool:
    """Whether what is sent to an address cannot be read on the way: HTTPS, or this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and host in ("127.0.0.1", "localhost")))


def _refused(why: str) -> NotSignedIn:
    return NotSignedIn(
        f"The token is not accepted: {why}.", "bad_token", advice="Ask the identity provider for another token."
    )


def _away(request: Request, why: str) -> Unavailable:
    return Unavailable(
        f"The identity provider did not answer as it should ({request.what}: {why}).",
        "provider_away",
        advice="Try again in a minute. If it stays so, compare LEAVER_OIDC_ISSUER with the provider's address.",
        service="sign-in",
    )
