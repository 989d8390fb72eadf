"""Time-based one-time codes for local accounts (RFC 6238), and recovery codes for a lost phone.

The secret is sealed in the vault; recovery codes are kept as hashes. A code counts once: the account remembers the
latest half minute that was used, and recovery codes are crossed out.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyotp

from leaver.domain.actor import Actor
from leaver.domain.errors import Unusable
from leaver.store.audit import Audit
from leaver.store.papers import Papers
from leaver.store.vault import Vault

ACCOUNT = "account"
STEP = 30
RECOVERY_CODES = 10
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Without what looks alike."""


@dataclass(frozen=True)
class Enrolment:
    """What an authenticator app needs."""

    secret: str
    uri: str


class Codes:
    """The one-time codes of the local accounts. `clock` is the time in seconds; tests give their own."""

    def __init__(self, papers: Papers, vault: Vault, audit: Audit, *, clock: Callable[[], float] = time.time) -> None:
        self._papers = papers
        self._vault = vault
        self._audit = audit
        self._clock = clock

    async def begin(self, name: str) -> Enrolment:
        """A secret to set up; the same one until a code of it was given, so that a page may be opened again."""
        secret = await self._vault.get(_draft(name))
        if secret is None:
            secret = pyotp.random_base32()
            await self._vault.put(_draft(name), secret)
        return Enrolment(secret, pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name="Leaver"))

    async def confirm(self, name: str, given: str, actor: Actor) -> list[str]:
        """Turn codes on, once the app shows the right one; the recovery codes, which are not kept."""
        secret = await self._vault.get(_draft(name))
        step = None if secret is None else self._step_of(secret, given)
        if secret is None or step is None:
            raise Unusable(
                "The code is not the one that the app should show now. Compare the phone's clock.", "wrong_code"
            )
        recovery = [_recovery() for _ in range(RECOVERY_CODES)]
        await self._vault.put(_sealed(name), secret)
        kept = {"last": step, "recovery": [_hash(code) for code in recovery], "since": _now()}
        await self._papers.change(ACCOUNT, name.lower(), lambda account: account | {"code": kept})
        await self._vault.remove(_draft(name))
        await self._audit.add(actor, "code.set_up", after={"name": name})
        return recovery

    async def check(self, account: dict[str, Any], given: str) -> bool:
        """Whether this is a code of the account that was not used before; it is used now."""
        name = str(account["name"])
        secret = await self._vault.get(_sealed(name))
        step = None if secret is None else self._step_of(secret, given)
        fingerprint = _hash(given)
        used = False

        def use(found: dict[str, Any]) -> dict[str, Any]:
            nonlocal used
            code = found.get("code")
            if not code:
                return found
            if step is not None and step > code["last"]:
                used = True
                return found | {"code": code | {"last": step}}
            if fingerprint in code["recovery"]:
                used = True
                left = [each for each in code["recovery"] if each != fingerprint]
                return found | {"code": code | {"recovery": left}}
            return found

        after = await self._papers.change(ACCOUNT, name.lower(), use)
        if used and after is not None and step is None:
            left = len(after["code"]["recovery"])
            await self._audit.add(Actor(name, "portal"), "recovery_code.used", after={"left": left})
        return used

    async def remove(self, name: str, actor: Actor) -> None:
        """Turn codes off, for who knows one or for an administrator at the command line."""

        def off(found: dict[str, Any]) -> dict[str, Any]:
            return {key: value for key, value in found.items() if key != "code"}

        if await self._papers.change(ACCOUNT, name.lower(), off) is None:
            raise Unusable(f"There is no local account {name!r}.", "unknown_account")
        await self._vault.remove(_sealed(name))
        await self._vault.remove(_draft(name))
        await self._audit.add(actor, "code.removed", before={"name": name})

    def _step_of(self, secret: str, given: str) -> int | None:
        """The half minute that a code belongs to; the one before and after count as well, since clocks differ."""
        digits = re.sub(r"\s", "", given)
        if not (digits.isascii() and digits.isdigit() and len(digits) == 6):
            return None
        totp, now = pyotp.TOTP(secret), int(self._clock()) // STEP
        return next((step for step in (now, now - 1, now + 1) if _same(totp.generate_otp(step), digits)), None)


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def _recovery() -> str:
    """Eighty random bits, to be typed."""
    text = "".join(secrets.choice(_LETTERS) for _ in range(16))
    return "-".join(text[at : at + 4] for at in range(0, 16, 4))


def _hash(code: str) -> str:
    """A code of eighty random bits needs no slow hash."""
    return hashlib.sha256(re.sub(r"[\s-]", "", code).upper().encode()).hexdigest()


def _sealed(name: str) -> str:
    return f"code:{name.lower()}"


def _draft(name: str) -> str:
    return f"code-draft:{name.lower()}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
