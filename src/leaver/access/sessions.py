"""Sessions of people in the portal: a random cookie, kept as a hash, with a token against forged forms."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from leaver.access.roles import Person, Role
from leaver.store.papers import Papers

KIND = "session"
LASTS = timedelta(hours=12)
IDLE = timedelta(hours=1)
TOUCHED = 20
"""A session that is used is prolonged when a twentieth of its idle time has passed, not at every page."""


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
    """The sessions of a database; each ends after twelve hours, and before that when it is not used for a while."""

    def __init__(self, papers: Papers, *, idle: timedelta = IDLE) -> None:
        self._papers = papers
        self._idle = idle

    async def open(self, person: Person, *, account: str = "", must_change: bool = False) -> str:
        """Sign somebody in, with a local account if one is named; the cookie's value."""
        secret, now = secrets.token_urlsafe(32), datetime.now(UTC)
        document = {
            "name": person.name,
            "role": person.role.value,
            "tenants": None if person.tenants is None else sorted(person.tenants),
            "csrf": secrets.token_urlsafe(24),
            "must_change": must_change,
            "account": account,
            "ends": (now + LASTS).isoformat(),
            "used": now.isoformat(),
        }
        await self._papers.put(KIND, _hash(secret), document, expires_at=now + min(LASTS, self._idle))
        return secret

    async def of(self, secret: str, address: str = "") -> Session | None:
        """Whose cookie this is; None when nobody is signed in with it. It is used now."""
        found = await self._papers.get(KIND, _hash(secret)) if secret else None
        if found is None:
            return None
        await self._touch(secret, found)
        tenants = None if found["tenants"] is None else frozenset(found["tenants"])
        person = Person(found["name"], Role(found["role"]), tenants, "portal", address)
        return Session(person, found["csrf"], bool(found["must_change"]), found.get("account", ""))

    async def is_open(self, secret: str) -> bool:
        """Whether somebody is signed in with this cookie; asking does not count as using it."""
        return await self._papers.get(KIND, _hash(secret)) is not None

    async def close(self, secret: str) -> None:
        """Sign out."""
        await self._papers.remove(KIND, _hash(secret))

    async def close_all(self, account: str, *, but: str = "") -> None:
        """Sign a local account out everywhere, but for one cookie if it is given."""
        kept = _hash(but) if but else ""
        for key, document in (await self._papers.keyed(KIND)).items():
            if str(document.get("account", "")).casefold() == account.strip().casefold() and key != kept:
                await self._papers.remove(KIND, key)

    async def close_of(self, name: str) -> int:
        """Sign a person out everywhere, however they signed in; how many sessions there were."""
        wanted = name.strip().casefold()
        found = [
            key for key, document in (await self._papers.keyed(KIND)).items() if document["name"].casefold() == wanted
        ]
        for key in found:
            await self._papers.remove(KIND, key)
        return len(found)

    async def _touch(self, secret: str, found: dict[str, Any]) -> None:
        now = datetime.now(UTC)
        if now - datetime.fromisoformat(found.get("used", _LONG_AGO)) < self._idle / TOUCHED:
            return
        ends = datetime.fromisoformat(found["ends"]) if "ends" in found else now + LASTS
        until = min(ends, now + self._idle)
        await self._papers.change(KIND, _hash(secret), lambda kept: kept | {"used": now.isoformat()}, expires_at=until)


_LONG_AGO = "2000-01-01T00:00:00+00:00"


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
