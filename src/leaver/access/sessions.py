"""Sessions of people in the portal: a random cookie, kept as a hash, with a token against forged forms."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from leaver.access.roles import Person, Role
from leaver.store.papers import Papers

KIND = "session"
LASTS = timedelta(hours=12)


@dataclass(frozen=True)
class Session:
    """Somebody who is signed in."""

    person: Person
    csrf: str
    must_change: bool = False
    account: str = ""
    """The local account's name; empty for who came with an identity provider's word."""

    def allows(self, csrf: str) -> bool:
        """Whether a form was made for this session."""
        return hmac.compare_digest(self.csrf.encode(), csrf.encode())


class Sessions:
    """The sessions of a database."""

    def __init__(self, papers: Papers) -> None:
        self._papers = papers

    async def open(self, person: Person, *, account: str = "", must_change: bool = False) -> str:
        """Sign somebody in, with a local account if one is named; the cookie's value."""
        secret = secrets.token_urlsafe(32)
        document = {
            "name": person.name,
            "role": person.role.value,
            "tenants": None if person.tenants is None else sorted(person.tenants),
            "csrf": secrets.token_urlsafe(24),
            "must_change": must_change,
            "account": account,
        }
        await self._papers.put(KIND, _hash(secret), document, expires_at=datetime.now(UTC) + LASTS)
        return secret

    async def of(self, secret: str, address: str = "") -> Session | None:
        """Whose cookie this is; None when nobody is signed in with it."""
        found = await self._papers.get(KIND, _hash(secret)) if secret else None
        if found is None:
            return None
        tenants = None if found["tenants"] is None else frozenset(found["tenants"])
        person = Person(found["name"], Role(found["role"]), tenants, "portal", address)
        return Session(person, found["csrf"], bool(found["must_change"]), found.get("account", ""))

    async def close(self, secret: str) -> None:
        """Sign out."""
        await self._papers.remove(KIND, _hash(secret))

    async def close_all(self, account: str, *, but: str = "") -> None:
        """Sign a local account out everywhere, but for one cookie if it is given."""
        kept = _hash(but) if but else ""
        for key, document in (await self._papers.keyed(KIND)).items():
            if str(document.get("account", "")).casefold() == account.strip().casefold() and key != kept:
                await self._papers.remove(KIND, key)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
