"""Groups: put people in, take them out, as members and as owners.

`DELETE …/members/{id}` without `/$ref` deletes the user, as the documentation warns.
"""

from __future__ import annotations

from m365_simulator.graph import people, privilege
from m365_simulator.graph.errors import GraphError, bad_request, denied, not_found, synced
from m365_simulator.graph.removal import delete_user
from m365_simulator.graph.router import GraphCall, route
from m365_simulator.group_licenses import membership_changed
from m365_simulator.state import Answer
from m365_simulator.world import GLOBAL_ADMIN, Group, Role, User

_MEMBERS = ("GroupMember.ReadWrite.All", "Group.ReadWrite.All", "Directory.ReadWrite.All")
_OWNERS = ("Group.ReadWrite.All", "Directory.ReadWrite.All")
_ROLES = ("RoleManagement.ReadWrite.Directory",)
_DELETE_USER = ("User.DeleteRestore.All", "User.ReadWrite.All")


@route("DELETE", "/groups/{}/members/{}/$ref", *_MEMBERS)
def member_removed(call: GraphCall) -> Answer:
    """Takes a member out."""
    group = _writable(call)
    user = call.directory.user(call.keys[1])
    if user is None or user.alias not in group.members:
        if user is not None and call.state.behaviour.not_a_member_status == 400:
            raise bad_request(
                "One or more removed object references do not exist for the following modified properties: 'members'."
            )
        raise not_found(call.keys[1])
    _about_to_change(call, group)
    group.members.discard(user.alias)
    membership_changed(call.state, call.world, group, user.alias)
    return Answer(204)


@route("POST", "/groups/{}/members/$ref", *_MEMBERS)
def member_added(call: GraphCall) -> Answer:
    """Puts a member in."""
    group = _writable(call)
    _add_members(call, group, [str(call.given("@odata.id") or "")])
    return Answer(204)


@route("PATCH", "/groups/{}", *_MEMBERS)
def changed(call: GraphCall) -> Answer:
    """Puts up to 20 members in at once."""
    group = _writable(call)
    references = call.given("members@odata.bind") or []
    if len(references) > 20:
        raise bad_request("The number of references in the request is greater than 20.")
    _add_members(call, group, [str(reference) for reference in references])
    return Answer(204)


@route("DELETE", "/groups/{}/owners/{}/$ref", *_OWNERS)
def owner_removed(call: GraphCall) -> Answer:
    """Takes an owner away, but never the last user among them."""
    group = _writable(call)
    user = call.directory.user(call.keys[1])
    if user is None or user.alias not in group.owners:
        raise not_found(call.keys[1])
    if len([alias for alias in group.owners if alias in call.world.users]) == 1:
        raise bad_request("The group must have at least one owner, hence this owner cannot be removed.")
    _about_to_change(call, group)
    group.owners.discard(user.alias)
    return Answer(204)


@route("POST", "/groups/{}/owners/$ref", *_OWNERS)
def owner_added(call: GraphCall) -> Answer:
    """Makes somebody an owner."""
    group = _writable(call)
    user = _referred(call, str(call.given("@odata.id") or ""))
    if user.alias in group.owners:
        raise _already("owners")
    _about_to_change(call, group)
    group.owners.add(user.alias)
    return Answer(204)


@route("DELETE", "/groups/{}/members/{}", *_DELETE_USER, also=("/groups/{}/owners/{}",))
def user_deleted(call: GraphCall) -> Answer:
    """Deletes the user object itself: `/$ref` was forgotten."""
    user = people.actual(call, 1)
    delete_user(call, user)
    return Answer(204)


@route(
    "DELETE",
    "/directoryRoles/{}/members/{}/$ref",
    *_ROLES,
    also=("/directoryRoles(roleTemplateId)/{}/members/{}/$ref",),
)
def role_removed(call: GraphCall) -> Answer:
    """Takes a directory role away, but never from the last Global Administrator."""
    role, user = find_role(call), people.actual(call, 1)
    if user.alias not in role.members:
        raise not_found(call.keys[1])
    if role.template_id == GLOBAL_ADMIN and privilege.last_global_admin(call.world, user.alias):
        raise bad_request("Removing the last Global Administrator of the directory is not allowed.")
    role.members.discard(user.alias)
    return Answer(204)


@route("POST", "/directoryRoles/{}/members/$ref", *_ROLES, also=("/directoryRoles(roleTemplateId)/{}/members/$ref",))
def role_given(call: GraphCall) -> Answer:
    """Gives somebody a directory role."""
    role = find_role(call)
    user = _referred(call, str(call.given("@odata.id") or ""))
    if user.alias in role.members:
        raise _already("members")
    role.members.add(user.alias)
    return Answer(204)


def find_role(call: GraphCall) -> Role:
    """The activated role in the path, by its id or its template's."""
    key = call.keys[0].lower()
    by_template = "roletemplateid" in call.path.lower()
    for role in call.world.roles.values():
        if key == (role.template_id if by_template else role.id):
            return role
    raise not_found(call.keys[0])


def _writable(call: GraphCall) -> Group:
    group = call.directory.group(call.keys[0])
    if group is None:
        raise not_found(call.keys[0])
    if group.synced:
        raise synced()
    if group.kind in ("distribution", "mail_security"):
        raise bad_request("Cannot Update a mail-enabled security groups and or distribution list.")
    if group.dynamic_rule and "/owners/" not in call.path:
        if call.state.behaviour.dynamic_group_status == 400:
            raise bad_request("The members of a dynamic membership group cannot be changed.")
        raise denied()
    if group.role_assignable and not call.caller.may(*_ROLES):
        raise denied()
    if group.management_restricted:
        raise denied()
    return group


def _about_to_change(call: GraphCall, group: Group) -> None:
    call.state.lag.writing("group", call.world.id, group.id, group)


def _add_members(call: GraphCall, group: Group, references: list[str]) -> None:
    users = [_referred(call, reference) for reference in references]
    if any(user.alias in group.members for user in users):
        raise _already("members")
    _about_to_change(call, group)
    for user in users:
        group.members.add(user.alias)
        membership_changed(call.state, call.world, group, user.alias)


def _referred(call: GraphCall, reference: str) -> User:
    """The user at the end of an `@odata.id` address."""
    key = reference.rstrip("/").rpartition("/")[2]
    if not reference.startswith("https://") and "://" not in reference:
        raise GraphError(400, "Request_BadRequest", "Invalid URL format specified in payload.")
    user = call.directory.user(key)
    if user is None:
        raise not_found(key)
    return user


def _already(what: str) -> GraphError:
    return bad_request(
        f"One or more added object references already exist for the following modified properties: '{what}'."
    )
