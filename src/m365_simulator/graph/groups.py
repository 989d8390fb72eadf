"""Groups: list, read, who is in them, and which ones a user is in or owns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from m365_simulator.graph import odata, people
from m365_simulator.graph.errors import not_found
from m365_simulator.graph.group_shape import DEFAULT, PROPERTIES, READ, shape
from m365_simulator.graph.router import GraphCall, route
from m365_simulator.graph.user_shape import PROPERTIES as USER_PROPERTIES
from m365_simulator.graph.user_shape import reference
from m365_simulator.graph.users import READ as READ_USERS
from m365_simulator.state import Answer
from m365_simulator.world import Group, Role, User

_MEMBER_OF = (*READ, *READ_USERS)
_GROUP = "microsoft.graph.group"
_ROLE = "microsoft.graph.directoryRole"
_EXPANDED_AT_MOST = 20
_NOT_OWNED = ("distribution", "mail_security")
"""Kinds of groups made in Exchange, whose owners Graph does not show."""


@route("GET", "/groups", *READ)
def listed(call: GraphCall) -> Answer:
    """All groups, or those that are searched for."""
    found = odata.ordered(call, _chosen(call), PROPERTIES)
    names = odata.selected(call, PROPERTIES, DEFAULT, "group")
    expand = odata.expansions(call, "group", "members", "owners")
    return odata.rows(call, found, lambda group: _shown(call, group, names, expand))


@route("GET", "/groups/$count", *READ)
def counted(call: GraphCall) -> Answer:
    """How many groups there are."""
    return odata.count_only(call, len(_chosen(call)))


def _chosen(call: GraphCall) -> Sequence[Group]:
    """The groups that `$search` and `$filter` leave."""
    groups = [_seen(call, group) for group in call.world.groups.values()]
    if "$search" in call.query:
        text = odata.need_header_for_search(call).strip('"').partition(":")[2].strip('"').lower()
        groups = [g for g in groups if any(w.startswith(text) for w in g.display_name.lower().split())]
    return odata.filtered(call, groups, PROPERTIES)


def _shown(call: GraphCall, group: Group, names: Sequence[str], expand: dict[str, list[str]]) -> dict[str, Any]:
    """A group, with at most twenty of its members and owners where they are asked for."""
    found = {name: PROPERTIES[name](call, group) for name in names}
    for name in expand:
        aliases = sorted(group.members if name == "members" else group.owners)
        people = [user for alias in aliases if (user := _user(call, alias))]
        found[name] = [reference(user) for user in people[:_EXPANDED_AT_MOST]]
    return found


@route("GET", "/groups/{}", *READ)
def read(call: GraphCall) -> Answer:
    """One group."""
    names = odata.selected(call, PROPERTIES, DEFAULT, "group")
    expand = odata.expansions(call, "group", "members", "owners")
    body = {"@odata.context": f"{call.base}/$metadata#groups/$entity"}
    return Answer(body=body | _shown(call, find(call), names, expand))


@route("GET", "/groups/{}/members/$count", *READ, also=("/groups/{}/owners/$count",))
def people_counted(call: GraphCall) -> Answer:
    """How many people are in a group, or own it."""
    group = find(call)
    return odata.count_only(call, len(group.owners if "/owners/" in call.path.lower() else group.members))


@route(
    "GET",
    "/groups/{}/members",
    *READ,
    units=3,
    also=("/groups/{}/members/microsoft.graph.user", "/groups/{}/transitiveMembers"),
)
def members(call: GraphCall) -> Answer:
    """Who is in a group."""
    return _people(call, [_user(call, alias) for alias in sorted(find(call).members)])


@route("GET", "/groups/{}/owners", *READ, also=("/groups/{}/owners/microsoft.graph.user",))
def owners(call: GraphCall) -> Answer:
    """Who owns a group: users and, unless a cast says otherwise, apps."""
    group = find(call)
    users = [user for alias in sorted(group.owners) if (user := _user(call, alias))]
    if call.path.endswith("microsoft.graph.user") or "$filter" in call.query:
        return _people(call, list(users))
    apps: list[User | str] = [f"app {at}" for at in range(group.service_principal_owners)]
    return odata.rows(call, [*users, *apps], lambda owner: _owner(call, owner))


@route(
    "GET",
    "/users/{}/memberOf",
    *_MEMBER_OF,
    units=2,
    also=(
        f"/users/{{}}/memberOf/{_GROUP}",
        f"/users/{{}}/memberOf/{_ROLE}",
        "/users/{}/transitiveMemberOf",
        f"/users/{{}}/transitiveMemberOf/{_GROUP}",
        f"/users/{{}}/transitiveMemberOf/{_ROLE}",
    ),
)
def member_of(call: GraphCall) -> Answer:
    """The groups and directory roles that a user is in."""
    return _mixed(call, _memberships(call))


def _memberships(call: GraphCall) -> list[Group | Role]:
    alias = people.read(call).alias
    transitive = "/transitivememberof" in call.path.lower()
    found: list[Group | Role] = []
    if not call.path.endswith(_ROLE):
        found += [group for each in call.world.groups.values() if alias in (group := _seen(call, each)).members]
    if not call.path.endswith(_GROUP) and call.caller.may(*READ, "RoleManagement.Read.Directory"):
        found += roles_of(call, alias, through_groups=transitive)
    return found


@route(
    "GET",
    "/users/{}/memberOf/$count",
    *_MEMBER_OF,
    also=(
        f"/users/{{}}/memberOf/{_GROUP}/$count",
        f"/users/{{}}/memberOf/{_ROLE}/$count",
        "/users/{}/transitiveMemberOf/$count",
        f"/users/{{}}/transitiveMemberOf/{_GROUP}/$count",
        f"/users/{{}}/transitiveMemberOf/{_ROLE}/$count",
    ),
)
def memberships_counted(call: GraphCall) -> Answer:
    """How many groups and directory roles a user is in."""
    call.path = call.path.rstrip("/").rpartition("/")[0]
    return odata.count_only(call, len(_memberships(call)))


@route("GET", "/users/{}/ownedObjects", *READ_USERS, units=2, also=(f"/users/{{}}/ownedObjects/{_GROUP}",))
def owned(call: GraphCall) -> Answer:
    """The groups that a user owns, as far as Graph knows their owners."""
    alias = people.read(call).alias
    found: list[Group | Role] = [
        group
        for each in call.world.groups.values()
        if alias in (group := _seen(call, each)).owners and group.kind not in _NOT_OWNED and not group.synced
    ]
    return _mixed(call, found)


def find(call: GraphCall) -> Group:
    """The group in the path, as reads see it."""
    group = call.world.groups and call.directory.group(call.keys[0])
    if not group:
        raise not_found(call.keys[0])
    return _seen(call, group)


def roles_of(call: GraphCall, alias: str, *, through_groups: bool) -> list[Role]:
    """The directory roles of a user."""
    groups = call.world.groups
    return [
        role
        for role in call.world.roles.values()
        if alias in role.members
        or (through_groups and any(name in groups and alias in groups[name].members for name in role.members))
    ]


def _seen(call: GraphCall, group: Group) -> Group:
    return call.state.lag.seen("group", call.world.id, group.id, group)


def _user(call: GraphCall, alias: str) -> User | None:
    return call.world.users.get(alias)


def _people(call: GraphCall, users: list[User | None]) -> Answer:
    known = [user for user in users if user is not None]
    found = odata.filtered(call, known, USER_PROPERTIES, always_advanced=True)
    return odata.rows(call, found, lambda user: _person(call, user))


def _person(call: GraphCall, user: User) -> dict[str, Any]:
    if "$select" not in call.query:
        return reference(user)
    names = odata.selected(call, USER_PROPERTIES, (), "user")
    return {"@odata.type": "#microsoft.graph.user"} | {name: USER_PROPERTIES[name](call, user) for name in names}


def _owner(call: GraphCall, owner: User | str) -> dict[str, Any]:
    if isinstance(owner, User):
        return _person(call, owner)
    app_id = call.world.new_id("service principal owner", owner)
    return {"@odata.type": "#microsoft.graph.servicePrincipal", "id": app_id, "displayName": owner.title()}


def _mixed(call: GraphCall, found: list[Group | Role]) -> Answer:
    if "$filter" in call.query:
        groups = [each for each in found if isinstance(each, Group)]
        found = [*odata.filtered(call, groups, PROPERTIES, always_advanced=True)]
    cast = call.path.endswith(_GROUP)
    asked = call.query.get("$select", "").split(",") if call.query.get("$select") else []
    known = {name.lower() for name in PROPERTIES}
    names = [name for name in asked if name.strip().lower() in known]
    if cast or not asked:
        names = odata.selected(call, PROPERTIES, DEFAULT, "group")
    else:
        by_lower = {name.lower(): name for name in PROPERTIES}
        names = [by_lower[name.strip().lower()] for name in names]

    def shown(each: Group | Role) -> dict[str, Any]:
        return shape(call, each, names) if isinstance(each, Group) else role_shape(each)

    return odata.rows(call, found, shown)


def role_shape(role: Role) -> dict[str, Any]:
    """A directory role as Graph shows it."""
    return {
        "@odata.type": f"#{_ROLE}",
        "id": role.id,
        "displayName": role.display_name,
        "roleTemplateId": role.template_id,
        "description": role.display_name,
    }
