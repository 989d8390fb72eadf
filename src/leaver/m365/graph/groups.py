"""Groups of Entra ID: who is in them, who owns them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from leaver.domain.errors import NotFound, NotYet, Refused
from leaver.domain.people import Colleague
from leaver.m365.graph.related import related
from leaver.m365.graph.users import as_colleague
from leaver.m365.graph.values import Row, guid, literal, says, text
from leaver.m365.http import GraphWire, quote_id
from leaver.m365.target import Guard

_SELECT = (
    "id,displayName,mail,groupTypes,mailEnabled,securityEnabled,membershipRule,onPremisesSyncEnabled,"
    "isAssignableToRole,assignedLicenses,isManagementRestricted"
)
_PEOPLE = "id,displayName,userPrincipalName,mail,accountEnabled,userType,assignedLicenses"
_ALREADY_THERE = ("added object references already exist",)
_LAST_OWNER = ("must have at least one owner",)
_NOT_THERE = ("removed object references do not exist",)


class GroupKind(StrEnum):
    """What a group is, and so which service manages its members."""

    MICROSOFT_365 = "microsoft_365"
    SECURITY = "security"
    DISTRIBUTION_LIST = "distribution_list"
    MAIL_ENABLED_SECURITY = "mail_enabled_security"


@dataclass(frozen=True)
class Group:
    """A group."""

    id: str
    display_name: str
    mail: str = ""
    kind: GroupKind = GroupKind.SECURITY
    dynamic: bool = False
    """Membership follows from a rule; nobody can be removed by hand."""
    membership_rule: str = ""
    synced: bool = False
    role_assignable: bool = False
    license_sku_ids: tuple[str, ...] = ()
    management_restricted: bool = False

    @property
    def through_exchange(self) -> bool:
        """Whether Exchange, not Graph, changes its members."""
        return self.kind in (GroupKind.DISTRIBUTION_LIST, GroupKind.MAIL_ENABLED_SECURITY)

    @property
    def assigns_licenses(self) -> bool:
        """Whether its members get licenses from it."""
        return bool(self.license_sku_ids)


def reference(group_id: str, to: Literal["members", "owners"], user_id: str = "") -> str:
    """The address of a group's references to its members or owners, or of the one to a user.

    The only place that builds it: DELETE on the same address without `/$ref` deletes the user itself.
    """
    of_user = f"/{quote_id(user_id)}" if user_id else ""
    return f"/groups/{quote_id(group_id)}/{to}{of_user}/$ref"


class Groups:
    """Reads any group; takes the leaver out of groups and puts the leaver back."""

    def __init__(self, wire: GraphWire, guard: Guard) -> None:
        self._wire = wire
        self._guard = guard

    async def memberships(self, user_id: str) -> tuple[Group, ...]:
        """The groups that the user is a direct member of."""
        return await self._groups(f"/users/{quote_id(user_id)}/memberOf")

    async def ownerships(self, user_id: str) -> tuple[Group, ...]:
        """The groups that the user owns, as far as Graph knows: not distribution lists, not synced ones."""
        return await self._groups(f"/users/{quote_id(user_id)}/ownedObjects")

    async def get(self, group_id: str) -> Group:
        """One group; NotFound when there is none."""
        return as_group(await self._wire.get(f"/groups/{quote_id(group_id)}", {"$select": _SELECT}))

    async def owners(self, group_id: str) -> tuple[Colleague, ...]:
        """The owners that are users; only those count towards the one owner that a group must have."""
        rows = await self._people(group_id, "owners", limit=None)
        return tuple(as_colleague(row) for row in rows)

    async def candidates(self, group_id: str, limit: int = 20) -> tuple[Colleague, ...]:
        """Members who could own the group: enabled users of this tenant."""
        rows = await self._people(group_id, "members", limit=max(100, limit))
        fit = [each for each in map(as_colleague, rows) if each.enabled and not each.guest]
        return tuple(fit[:limit])

    async def is_member(self, group_id: str, user_id: str) -> bool:
        """Whether the user is a direct member."""
        params = {"$filter": f"id eq {literal(user_id)}", "$select": "id", "$count": "true"}
        rows = await self._wire.pages(f"/groups/{quote_id(group_id)}/members", params, advanced=True)
        return any(text(row, "id").casefold() == user_id.casefold() for row in rows)

    async def add_member(self, group_id: str, user_id: str) -> None:
        """Put the leaver into a group; one who is in it is no error."""
        self._guard.only(user_id, "adding a member to a group")
        await self._add(group_id, "members", user_id)

    async def remove_member(self, group_id: str, user_id: str) -> None:
        """Take the leaver out of a group; one who is not in it is no error."""
        self._guard.only(user_id, "removing a member from a group")
        await self._remove(group_id, "members", user_id)

    async def add_owner(self, group_id: str, user_id: str) -> None:
        """Make the leaver or a successor an owner; one who owns it is no error."""
        self._guard.somebody()
        await self._add(group_id, "owners", user_id)

    async def remove_owner(self, group_id: str, user_id: str) -> None:
        """End the leaver's ownership; one who does not own it is no error.

        NotYet: Microsoft calls the leaver the last owner and shows another one, who may be a moment old.
        """
        self._guard.only(user_id, "removing an owner from a group")
        try:
            await self._remove(group_id, "owners", user_id)
        except Refused as error:
            if not says(error, *_LAST_OWNER):
                raise
            owners = await Groups(self._wire.fresh(), self._guard).owners(group_id)
            others = [owner.upn or owner.id for owner in owners if owner.id.casefold() != user_id.casefold()]
            if not others:
                raise
            shown = f"{error.message} Microsoft shows as owners besides: {', '.join(others)}."
            raise NotYet(**{**vars(error), "message": shown, "wait": 2.0}) from error

    async def remove_successor(self, group_id: str, user_id: str) -> None:
        """Take back an ownership that a successor was given, for undo; one who does not own it is no error.

        Only in a group that the leaver owns again: so it never takes an owner from any other group.
        """
        rows = await Groups(self._wire.fresh(), self._guard).owners(group_id)
        if self._guard.leaver_id not in {owner.id for owner in rows}:
            raise NotYet("The leaver does not own the group again yet.", code="not_owner_again", service="graph")
        await self._remove(group_id, "owners", user_id)

    async def _groups(self, path: str) -> tuple[Group, ...]:
        params = {"$select": _SELECT, "$top": "999", "$count": "true"}
        return tuple(as_group(row) for row in await related(self._wire, path, "group", params))

    async def _people(self, group_id: str, of: Literal["members", "owners"], limit: int | None) -> list[Row]:
        params = {"$select": _PEOPLE, "$count": "true"}
        return await related(self._wire, f"/groups/{quote_id(group_id)}/{of}", "user", params, limit=limit)

    async def _add(self, group_id: str, to: Literal["members", "owners"], user_id: str) -> None:
        body = {"@odata.id": self._wire.address(f"/directoryObjects/{quote_id(user_id)}")}
        try:
            await self._wire.post(reference(group_id, to), body, repeatable=True)
        except Refused as error:
            if not says(error, *_ALREADY_THERE):
                raise

    async def _remove(self, group_id: str, of: Literal["members", "owners"], user_id: str) -> None:
        if not user_id or not group_id:
            raise ValueError("A group and a user are needed to remove a reference.")
        try:
            await self._wire.delete(reference(group_id, of, user_id))
        except NotFound:
            return
        except Refused as error:
            if not says(error, *_NOT_THERE):
                raise


def as_group(row: Row) -> Group:
    """A group object as the group it describes."""
    types = row.get("groupTypes") or ()
    rule = text(row, "membershipRule")
    return Group(
        id=guid(row, "id"),
        display_name=text(row, "displayName"),
        mail=text(row, "mail"),
        kind=_kind(row),
        dynamic="DynamicMembership" in types or bool(rule),
        membership_rule=rule,
        synced=bool(row.get("onPremisesSyncEnabled")),
        role_assignable=bool(row.get("isAssignableToRole")),
        license_sku_ids=tuple(guid(license_, "skuId") for license_ in row.get("assignedLicenses") or ()),
        management_restricted=bool(row.get("isManagementRestricted")),
    )


def _kind(row: Row) -> GroupKind:
    if "Unified" in (row.get("groupTypes") or ()):
        return GroupKind.MICROSOFT_365
    if not row.get("mailEnabled"):
        return GroupKind.SECURITY
    return GroupKind.MAIL_ENABLED_SECURITY if row.get("securityEnabled") else GroupKind.DISTRIBUTION_LIST
