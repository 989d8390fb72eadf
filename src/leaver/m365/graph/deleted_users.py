"""Users that were deleted within the last 30 days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from leaver.domain.errors import NotFound
from leaver.m365.graph.values import Row, guid, moment, text
from leaver.m365.http import GraphWire, quote_id
from leaver.m365.target import Guard

_SELECT = {"$select": "id,displayName,userPrincipalName,deletedDateTime"}


@dataclass(frozen=True)
class DeletedUser:
    """A user that can still be restored."""

    id: str
    display_name: str
    upn: str
    """As it was before: Microsoft puts the object id in front of it, which is taken off here."""
    deleted_at: datetime | None


class DeletedUsers:
    """Finds deleted users; restores the leaver only."""

    def __init__(self, wire: GraphWire, guard: Guard) -> None:
        self._wire = wire
        self._guard = guard

    async def get(self, user_id: str) -> DeletedUser | None:
        """The deleted user with this id."""
        try:
            return _deleted(await self._wire.get(f"/directory/deletedItems/{quote_id(user_id)}"))
        except NotFound:
            return None

    async def find(self, upn: str) -> DeletedUser | None:
        """The user that had this UPN; the one deleted last, where it was used twice."""
        rows = await self._wire.pages("/directory/deletedItems/microsoft.graph.user", _SELECT | {"$top": "999"})
        found = [user for user in map(_deleted, rows) if user.upn.casefold() == upn.casefold()]
        return max(found, key=lambda user: user.deleted_at.timestamp() if user.deleted_at else 0.0, default=None)

    async def restore(self, user_id: str) -> None:
        """Bring a deleted user back, disabled or not as it was, with its groups and licenses."""
        self._guard.only(user_id, "restoring a user")
        await self._wire.post(f"/directory/deletedItems/{quote_id(user_id)}/restore")


def _deleted(row: Row) -> DeletedUser:
    found = guid(row, "id")
    upn = text(row, "userPrincipalName")
    prefix = found.replace("-", "")
    return DeletedUser(
        id=found,
        display_name=text(row, "displayName"),
        upn=upn[len(prefix) :] if upn.casefold().startswith(prefix.casefold()) else upn,
        deleted_at=moment(row, "deletedDateTime"),
    )
