"""The people with a local account: who they are, what they may, and for which tenants."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from leaver.access.accounts import Accounts, hashed
from leaver.access.codes import ACCOUNT as KIND
from leaver.access.codes import Codes
from leaver.access.roles import Role
from leaver.access.sessions import Sessions
from leaver.domain.actor import Actor
from leaver.domain.errors import Unusable
from leaver.store.audit import Audit
from leaver.store.papers import Papers

LONGEST_NAME = 100


@dataclass(frozen=True)
class Member:
    """Somebody with a local account."""

    name: str
    role: Role
    tenants: tuple[str, ...] = ()
    """Ids; empty: all tenants."""
    new: bool = False
    """Whether the first password has not been changed yet."""
    has_code: bool = False
    """Whether a one-time code is asked for."""
    recovery_left: int = 0
    locked_until: str = ""
    """ISO 8601 in UTC; empty: not locked."""

    @property
    def runs_all(self) -> bool:
        """Whether this is an administrator of the whole organization."""
        return self.role is Role.ADMINISTRATOR and not self.tenants


class People:
    """The local accounts of a database, as an administrator manages them."""

    def __init__(self, papers: Papers, audit: Audit) -> None:
        self._papers = papers
        self._audit = audit
        self._sessions = Sessions(papers)

    async def all(self) -> list[Member]:
        """Everybody, by name."""
        return [_member(document) for document in await self._papers.all(KIND)]

    async def get(self, name: str) -> Member:
        """Somebody; who is not there is unusable."""
        return _member(await self._known(name))

    async def add(self, name: str, role: Role, tenants: Sequence[str], actor: Actor) -> str:
        """A new account; its first password, which is kept nowhere and must be changed."""
        wanted = " ".join(name.split())
        if not wanted or len(wanted) > LONGEST_NAME:
            raise Unusable("Give a name of at most 100 characters.", "name_missing")
        if await self._papers.get(KIND, wanted.lower()) is not None:
            raise Unusable(f"There is an account {wanted!r} already.", "name_taken")
        password = secrets.token_urlsafe(15)
        document = {"name": wanted, "role": role.value, "tenants": sorted(set(tenants)) or None}
        await self._put(document | {"hash": await hashed(password), "must_change": True})
        await self._audit.add(actor, "account.created", after=document)
        return password

    async def change(self, name: str, role: Role, tenants: Sequence[str], actor: Actor) -> None:
        """Another role, or other tenants; who is signed in must sign in again."""
        found = await self._found(name, actor)
        before = _member(found)
        after = {"role": role.value, "tenants": sorted(set(tenants)) or None}
        if before.runs_all and not (role is Role.ADMINISTRATOR and not tenants):
            await self._keep_one(before)
        await self._papers.change(KIND, before.name.lower(), lambda fresh: fresh | after)
        if before.runs_all:
            await self._put_back_the_last(found)
        await self._sessions.close_all(before.name)
        shown = {"name": before.name, "role": before.role.value, "tenants": list(before.tenants) or None}
        await self._audit.add(actor, "account.changed", before=shown, after={"name": before.name, **after})

    async def reset(self, name: str, actor: Actor) -> str:
        """A new first password for somebody who has lost theirs; their sessions end."""
        found = await self._found(name, actor)
        password = await Accounts(self._papers, self._audit).reset(str(found["name"]), actor)
        await self._sessions.close_all(str(found["name"]))
        return password

    async def reset_code(self, name: str, codes: Codes, actor: Actor) -> None:
        """Ask somebody for no one-time code any more, who has lost phone and recovery codes; their sessions end."""
        found = await self._found(name, actor)
        await codes.remove(str(found["name"]), actor)
        await self._sessions.close_all(str(found["name"]))

    async def remove(self, name: str, actor: Actor) -> None:
        """Nobody signs in with this account any more; its sessions end."""
        found = await self._found(name, actor)
        member = _member(found)
        if member.runs_all:
            await self._keep_one(member)
        await self._papers.remove(KIND, member.name.lower())
        if member.runs_all:
            await self._put_back_the_last(found)
        await self._sessions.close_all(member.name)
        await self._audit.add(actor, "account.removed", before={"name": member.name, "role": member.role.value})

    async def _found(self, name: str, actor: Actor) -> dict[str, Any]:
        found = await self._known(name)
        if str(found["name"]).casefold() == actor.name.casefold():
            raise Unusable("This is your own account.", "own_account", advice="Ask another administrator.")
        return found

    async def _known(self, name: str) -> dict[str, Any]:
        found = await self._papers.get(KIND, name.strip().lower())
        if found is None:
            raise Unusable(f"There is no account {name!r}.", "unknown_account")
        return found

    async def _keep_one(self, but: Member) -> None:
        if not any(member.runs_all and member.name != but.name for member in await self.all()):
            raise Unusable(
                f"{but.name} is the only administrator of all tenants.",
                "last_administrator",
                advice="Make somebody else administrator first.",
            )

    async def _put_back_the_last(self, found: dict[str, Any]) -> None:
        """Two who take each other's place away at the same moment both looked before the other one was gone."""
        try:
            await self._keep_one(_member(found))
        except Unusable:
            await self._put(found)
            raise

    async def _put(self, account: dict[str, Any]) -> None:
        await self._papers.put(KIND, str(account["name"]).lower(), account)


def _member(document: dict[str, Any]) -> Member:
    code, locked = document.get("code"), str(document.get("locked_until") or "")
    return Member(
        str(document["name"]),
        Role(document["role"]),
        tuple(document.get("tenants") or ()),
        bool(document.get("must_change")),
        bool(code),
        len(code["recovery"]) if code else 0,
        locked if locked and datetime.fromisoformat(locked) > datetime.now(UTC) else "",
    )
