"""Local accounts, for the embedded default and for emergencies: a slow hash, a forced change, a lock-out."""

from __future__ import annotations

import asyncio
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from leaver.access.roles import Person, Role
from leaver.domain.actor import ENGINE, Actor
from leaver.domain.errors import NotSignedIn, Unusable
from leaver.store.audit import Audit
from leaver.store.papers import Papers

KIND = "account"
FIRST = "admin"
TRIES = 5
LOCKED = timedelta(minutes=15)
SHORTEST = 12


class Accounts:
    """The local accounts of a database."""

    def __init__(self, papers: Papers, audit: Audit) -> None:
        self._papers = papers
        self._audit = audit

    async def first(self) -> str | None:
        """Make the first administrator where there is no account; its password, which must be changed, or None."""
        if await self._papers.all(KIND):
            return None
        password = secrets.token_urlsafe(15)
        await self._put(
            {"name": FIRST, "hash": _hasher().hash(password), "role": Role.ADMINISTRATOR.value, "must_change": True}
        )
        await self._audit.add(ENGINE, "account.created", after={"name": FIRST})
        return password

    async def check(self, name: str, password: str, address: str = "") -> tuple[Person, bool]:
        """Whose name and password these are, and whether the password must be changed; refused otherwise.

        After five wrong passwords the account is locked for a quarter of an hour, whoever asks.
        """
        found = await self._papers.get(KIND, name.strip().lower())
        now = datetime.now(UTC)
        locked = found is not None and datetime.fromisoformat(found.get("locked_until") or _LONG_AGO) > now
        stored = found["hash"] if found else _NOBODY
        right = await asyncio.to_thread(_verify, stored, password) and found is not None and not locked
        actor = Actor(name.strip()[:100], "portal", address)
        if not right or found is None:
            if found is not None and not locked:
                failures = int(found.get("failures", 0)) + 1
                until = (now + LOCKED).isoformat() if failures >= TRIES else None
                await self._put(found | {"failures": 0 if until else failures, "locked_until": until})
            await self._audit.add(actor, "sign_in.refused")
            raise NotSignedIn(
                "The name or the password is wrong, or the account is locked for a while.", "wrong_password"
            )
        await self._put(found | {"failures": 0, "locked_until": None})
        await self._audit.add(actor, "sign_in")
        limits = frozenset(found["tenants"]) if found.get("tenants") else None
        person = Person(found["name"], Role(found["role"]), limits, "portal", address)
        return person, bool(found.get("must_change"))

    async def change(self, name: str, old: str, new: str, address: str = "") -> None:
        """Set another password; the old one must be known."""
        await self.check(name, old, address)
        if len(new) < SHORTEST:
            raise Unusable(f"The password is shorter than {SHORTEST} characters.", "weak_password")
        if new == old:
            raise Unusable("It is the old password.", "weak_password")
        found = await self._papers.get(KIND, name.strip().lower())
        if found is not None:
            await self._put(found | {"hash": _hasher().hash(new), "must_change": False})
            await self._audit.add(Actor(found["name"], "portal", address), "password.changed")

    async def _put(self, account: dict[str, Any]) -> None:
        await self._papers.put(KIND, str(account["name"]).lower(), account)


_LONG_AGO = "2000-01-01T00:00:00+00:00"
_NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$B7p2SC6wWAdbfwXgPS5w1w$zQmiraRnDvwQzVXvCN5d3/PwVUJHd13W0XO7DMD89lk"
"""Checked for names that nobody has, so that the answer takes as long."""


async def hashed(password: str) -> str:
    """A password as it is kept."""
    return str(await asyncio.to_thread(_hasher().hash, password))


def _hasher() -> Any:
    from argon2 import PasswordHasher

    return PasswordHasher()


def _verify(stored: str, password: str) -> bool:
    from argon2.exceptions import Argon2Error, InvalidHashError

    try:
        return bool(_hasher().verify(stored, password))
    except (Argon2Error, InvalidHashError):
        return False
