"""Directory roles, in the old form (directoryRoles) and the new (roleAssignments)."""

from __future__ import annotations

from m365_simulator.graph import privilege
from m365_simulator.graph.errors import bad_request, not_found
from m365_simulator.graph.filters import Filter
from m365_simulator.graph.group_references import find_role
from m365_simulator.graph.group_shape import DEFAULT, shape
from m365_simulator.graph.groups import role_shape
from m365_simulator.graph.router import GraphCall, route
from m365_simulator.graph.user_shape import reference
from m365_simulator.state import Answer
from m365_simulator.world import GLOBAL_ADMIN, Role

_READ = (
    "RoleManagement.Read.Directory",
    "RoleManagement.Read.All",
    "RoleManagement.ReadWrite.Directory",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
)


@route("GET", "/directoryRoles", *_READ)
def listed(call: GraphCall) -> Answer:
    """The activated roles."""
    found = list(call.world.roles.values())
    if "$filter" in call.query:
        wanted = Filter(call.query["$filter"])
        found = [role for role in found if wanted.matches(role_shape(role).get)]
    return Answer(body={"value": [role_shape(role) for role in found]})


@route("GET", "/directoryRoles/{}", *_READ, also=("/directoryRoles(roleTemplateId)/{}",))
def read(call: GraphCall) -> Answer:
    """One role."""
    return Answer(body=role_shape(find_role(call)))


@route("GET", "/directoryRoles/{}/members", *_READ, also=("/directoryRoles(roleTemplateId)/{}/members",))
def members(call: GraphCall) -> Answer:
    """Who holds a role: people, and role-assignable groups."""
    world = call.world
    rows = []
    for alias in sorted(find_role(call).members):
        if alias in world.users:
            rows.append(reference(world.users[alias]))
        elif alias in world.groups:
            rows.append(shape(call, world.groups[alias], list(DEFAULT)))
    return Answer(body={"value": rows})


@route("GET", "/roleManagement/directory/roleAssignments", *_READ)
def assignments(call: GraphCall) -> Answer:
    """Who holds which role, as objects of their own."""
    rows = [
        {
            "id": _assignment_id(call, role, alias),
            "principalId": holder.id,
            "roleDefinitionId": role.template_id,
            "directoryScopeId": "/",
        }
        for role in call.world.roles.values()
        for alias in sorted(role.members)
        if (holder := call.world.users.get(alias) or call.world.groups.get(alias)) is not None
    ]
    if "$filter" in call.query:
        wanted = Filter(call.query["$filter"])
        rows = [row for row in rows if wanted.matches(row.get)]
    return Answer(body={"value": rows})


@route("DELETE", "/roleManagement/directory/roleAssignments/{}", "RoleManagement.ReadWrite.Directory")
def assignment_deleted(call: GraphCall) -> Answer:
    """Takes a role away."""
    for role in call.world.roles.values():
        for alias in role.members:
            if _assignment_id(call, role, alias) == call.keys[0]:
                if role.template_id == GLOBAL_ADMIN and privilege.last_global_admin(call.world, alias):
                    raise bad_request("Removing the last Global Administrator of the directory is not allowed.")
                role.members.discard(alias)
                return Answer(204)
    raise not_found(call.keys[0])


def _assignment_id(call: GraphCall, role: Role, alias: str) -> str:
    return call.world.new_id("role assignment", role.template_id, alias)
