"""Local accounts, for the embedded default and for emergencies: a slow hash, a forced change, a lock-out, a code."""

from __future__ import annotations

import asyncio
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from leaver.access.codes import ACCOUNT as KIND
from leaver.access.codes import Codes
from leaver.access.roles import Person, Role
from leaver.domain.actor import ENGINE, Actor
from leaver.domain.errors import NotSignedIn, Unusable
from leaver.store.audit import Audit
from leaver.store.papers import Papers

FIRST = "admin"
TRIES = 5
LOCKED = timedelta(minutes=15)
SHORTEST = 12
LONGEST = 1000
_AT_ONCE = 2
"""How many hashes are made at once; each takes 64 MiB."""


class Accounts:
    """The local accounts of a database. Without `codes` an account that has a one-time code lets nobody in."""

    def __init__(self, papers: Papers, audit: Audit, codes: Codes | None = None) -> None:
        self._papers = papers
        self._audit = audit
        self._codes = codes
        self._hashing = asyncio.Semaphore(_AT_ONCE)

    async def first(self) -> str | None:
        """Make the first administrator where there is no account; its password, which must be changed, or None."""
        if await self._papers.all(KIND):
            return None
        password = _temporary()
        account = {
            "name": FIRST,
            "hash": _hasher().hash(password),
            "role": Role.ADMINISTRATOR.value,
            "must_change": True,
        }
        await self._papers.put(KIND, FIRST, account)
        await self._audit.add(ENGINE, "account.created", after={"name": FIRST})
        return password

    async def check(self, name: str, password: str, address: str = "", *, code: str = "") -> tuple[Person, bool]:
        """Whose name, password and code these are, and whether the password must be changed; refused otherwise.

        A try is counted before it is looked at, so that guessing side by side gains nothing. After five wrong ones the
        account is locked for a quarter of an hour, whoever asks; a wrong code counts like a wrong password.
        """
        person, must_change = await self._checked(name, password, code, address)
        await self._audit.add(person.actor(), "sign_in")
        return person, must_change

    async def prove(self, name: str, password: str, address: str = "", *, code: str = "") -> None:
        """Let somebody who is signed in show that it is them; counted and refused like signing in."""
        await self._checked(name, password, code, address)

    async def change(self, name: str, old: str, new: str, address: str = "") -> None:
        """Set another password; the old one must be known. Who asks is signed in already, so no code is asked for."""
        await self._checked(name, old, None, address)
        if len(new) < SHORTEST:
            raise Unusable(f"The password is shorter than {SHORTEST} characters.", "weak_password")
        if len(new) > LONGEST:
            raise Unusable(f"The password is longer than {LONGEST} characters.", "weak_password")
        if new == old:
            raise Unusable("It is the old password.", "weak_password")
        fresh = await hashed(new)
        await self._papers.change(KIND, _key(name), lambda found: found | {"hash": fresh, "must_change": False})
        await self._audit.add(Actor(_key(name), "portal", address), "password.changed")

    async def reset(self, name: str, actor: Actor) -> str:
        """Unlock an account and give it a password that must be changed; its one-time code stays."""
        password = _temporary()
        fresh = {"hash": await hashed(password), "must_change": True, "failures": 0, "locked_until": None}
        if await self._papers.change(KIND, _key(name), lambda found: found | fresh) is None:
            raise Unusable(f"There is no local account {name!r}.", "unknown_account")
        await self._audit.add(actor, "password.reset", after={"name": _key(name)})
        return password

    async def _checked(self, name: str, password: str, code: str | None, address: str) -> tuple[Person, bool]:
        attempt = _Attempt(datetime.now(UTC))
        found = await self._papers.change(KIND, _key(name), attempt.count)
        stored = found["hash"] if found else _NOBODY
        right = await self._verified(stored, password) and found is not None and not attempt.locked
        if right and code is not None and found is not None and found.get("code"):
            right = self._codes is not None and await self._codes.check(found, code)
        if not right or found is None:
            await self._audit.add(Actor(_key(name)[:100], "portal", address), "sign_in.refused")
            what = "The name, the password or the code is wrong, or the account is locked for a while."
            raise NotSignedIn(what, "wrong_password")
        await self._papers.change(KIND, _key(name), lambda fresh: fresh | {"failures": 0, "locked_until": None})
        limits = frozenset(found["tenants"]) if found.get("tenants") else None
        person = Person(found["name"], Role(found["role"]), limits, "portal", address)
        return person, bool(found.get("must_change"))

    async def _verified(self, stored: str, password: str) -> bool:
        async with self._hashing:
            return await asyncio.to_thread(_verify, stored, password[: LONGEST + 1])


class _Attempt:
    """One try at an account."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self.locked = False

    def count(self, account: dict[str, Any]) -> dict[str, Any]:
        """Count it as a wrong one; the fifth locks, and is looked at as the last."""
        if datetime.fromisoformat(account.get("locked_until") or _LONG_AGO) > self._now:
            self.locked = True
            return account
        failures = int(account.get("failures", 0)) + 1
        if failures < TRIES:
            return account | {"failures": failures, "locked_until": None}
        return account | {"failures": 0, "locked_until": (self._now + LOCKED).isoformat()}


_LONG_AGO = "2000-01-01T00:00:00+00:00"
_NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$B7p2SC6wWAdbfwXgPS5w1w$zQmiraRnDvwQzVXvCN5d3/PwVUJHd13W0XO7DMD89lk"
"""Checked for names that nobody has, so that the answer takes as long."""


async def hashed(password: str) -> str:
    """A password as it is kept."""
    return str(await asyncio.to_thread(_hasher().hash, password))


def _key(name: str) -> str:
    return name.replace("\0", "").strip().lower()[:128]


def _temporary() -> str:
    return secrets.token_urlsafe(15)


def _hasher() -> Any:
    from argon2 import PasswordHasher

    return PasswordHasher()


def _verify(stored: str, password: str) -> bool:
    from argon2.exceptions import Argon2Error, InvalidHashError

    try:
        return bool(_hasher().verify(stored, password))
    except (Argon2Error, InvalidHashError, UnicodeError):
        return False
