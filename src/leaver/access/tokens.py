"""API tokens: shown once, kept as a hash, limited to a role, to tenants and in time."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from leaver.access.roles import Person, Role
from leaver.domain.actor import Actor
from leaver.domain.errors import Unusable
from leaver.store.audit import Audit
from leaver.store.papers import Papers

KIND = "token"
PREFIX = "lvr_"
USE_NOTED = timedelta(hours=1)
MOST_KNOWN = 1000


@dataclass(frozen=True)
class Token:
    """An API token, without its secret."""

    id: str
    name: str
    role: Role
    tenants: tuple[str, ...] = ()
    """Ids; empty: all tenants."""
    expires_at: str = ""
    """ISO 8601 in UTC; empty: never."""
    created_at: str = ""
    created_by: str = ""
    hint: str = ""
    """The first and the last letters of its secret, to know it again by."""
    last_used_at: str = ""
    """ISO 8601 in UTC, within an hour; empty: never."""


class Tokens:
    """The API tokens of a database."""

    def __init__(self, papers: Papers, audit: Audit) -> None:
        self._papers = papers
        self._audit = audit
        self._version: int | None = None
        self._known: dict[str, Token] = {}
        """Tokens that were looked up, for as long as nobody writes to the database: programs ask with each request."""

    async def create(
        self, name: str, role: Role, actor: Actor, *, tenants: Sequence[str] = (), expires_at: datetime | None = None
    ) -> tuple[Token, str]:
        """A new token, and its secret, which is not kept."""
        if not name.strip():
            raise Unusable("The token has no name.", "name_missing")
        if not name.isprintable():
            raise Unusable("The token's name holds characters that cannot be printed.", "bad_name")
        if expires_at is not None and expires_at <= datetime.now(UTC):
            raise Unusable("The token would have expired already.", "time_has_passed")
        secret = PREFIX + secrets.token_urlsafe(32)
        token = Token(
            id=secrets.token_hex(8),
            name=name.strip(),
            role=role,
            tenants=tuple(dict.fromkeys(tenants)),
            expires_at=expires_at.astimezone(UTC).isoformat(timespec="seconds") if expires_at else "",
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            created_by=actor.name,
            hint=f"{secret[:8]}…{secret[-4:]}",
        )
        await self._papers.put(KIND, _hash(secret), asdict(token), expires_at=expires_at)
        shown = {"name": token.name, "role": token.role.value, "tenants": list(token.tenants)}
        await self._audit.add(actor, "token.created", after={"id": token.id, **shown, "expires_at": token.expires_at})
        return token, secret

    async def check(self, secret: str, address: str = "") -> Person | None:
        """Whose token this is; None when it is nobody's, or not valid any more."""
        token = await self._of(_hash(secret)) if secret.startswith(PREFIX) else None
        if token is None:
            return None
        await self._note_use(secret, token)
        tenants = frozenset(token.tenants) if token.tenants else None
        return Person(token.name, token.role, tenants, "api", address, token.created_by)

    async def _note_use(self, secret: str, token: Token) -> None:
        """When it was last used: once an hour, so that reading does not become writing."""
        now = datetime.now(UTC)
        if token.last_used_at and datetime.fromisoformat(token.last_used_at) > now - USE_NOTED:
            return
        used = {"last_used_at": now.isoformat(timespec="seconds")}
        await self._papers.change(KIND, _hash(secret), lambda document: document | used)

    async def _of(self, key: str) -> Token | None:
        version = self._papers.version
        if version is None or version != self._version or len(self._known) > MOST_KNOWN:
            self._version, self._known = version, {}
        known = self._known.get(key)
        if known is not None and not _has_expired(known):
            return known
        kept = self._known
        found = await self._papers.get(KIND, key)
        token = None if found is None else _token(found)
        if token is not None and version is not None:
            kept[key] = token  # if somebody has written meanwhile, these are forgotten at the next look
        return token

    async def all(self) -> list[Token]:
        """Every token that is valid, the latest first."""
        found = [_token(document) for document in await self._papers.all(KIND)]
        return sorted(found, key=lambda token: token.created_at, reverse=True)

    async def revoke(self, token_id: str, actor: Actor) -> None:
        """Make a token worthless; an unknown one is unusable."""
        for key, document in (await self._papers.keyed(KIND)).items():
            if document["id"] == token_id:
                await self._papers.remove(KIND, key)
                await self._audit.add(actor, "token.revoked", before={"id": token_id, "name": document["name"]})
                return
        raise Unusable(f"There is no token with the id {token_id!r}.", "unknown_token")


def _has_expired(token: Token) -> bool:
    return bool(token.expires_at) and datetime.fromisoformat(token.expires_at) <= datetime.now(UTC)


def _hash(secret: str) -> str:
    """A secret of 256 random bits needs no slow hash; it is looked up by it, so comparing leaks nothing useful."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _token(document: dict[str, object]) -> Token:
    values = dict(document)
    return Token(**{**values, "role": Role(str(values["role"])), "tenants": tuple(values["tenants"])})  # type: ignore[arg-type]
