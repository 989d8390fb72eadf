"""Who may be touched by whom: an administrator only by an app that holds a high enough role.

Source: Microsoft Graph, working with users: who can perform sensitive actions.
"""

from __future__ import annotations

from m365_simulator.graph.errors import denied
from m365_simulator.graph.router import GraphCall
from m365_simulator.world import GLOBAL_ADMIN, PRIVILEGED_AUTH_ADMIN, USER_ADMIN, User, World

LIMITED_ROLES = frozenset(
    {
        "88d8e3e3-8f55-4a1e-953a-9b9898b8876b",  # Directory Readers
        "95e79109-95c0-4d8e-aee3-d01accf2d47b",  # Guest Inviter
        "729827e3-9c14-49f7-bb1b-9608f156bbb8",  # Helpdesk Administrator
        "790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b",  # Message Center Reader
        "4a5d8f65-41da-4de4-8968-e035b65339cf",  # Reports Reader
        "75934031-6c7e-415a-99d7-48dbd49e875e",  # Usage Summary Reports Reader
        "fdd7a751-b60b-444a-984c-02652fe8fa1c",  # Groups Administrator
        USER_ADMIN,
    }
)
"""Roles whose holders a User Administrator may touch."""
HIGH = frozenset({GLOBAL_ADMIN, PRIVILEGED_AUTH_ADMIN})


def role_templates(world: World, alias: str) -> set[str]:
    """The template ids of the directory roles that a user holds, directly or by a group."""
    return {
        role.template_id
        for role in world.roles.values()
        if alias in role.members
        or any(name in world.groups and alias in world.groups[name].members for name in role.members)
    }


def demand_power(call: GraphCall, target: User) -> None:
    """Refuses a sensitive action on an administrator unless the app's own role is as high."""
    if target.management_restricted:
        raise denied()
    if call.caller.roles & HIGH:
        return
    world, alias = call.world, target.alias
    if any(g.role_assignable and (alias in g.members or alias in g.owners) for g in world.groups.values()):
        raise denied()
    held = role_templates(world, alias)
    if not held or (held <= LIMITED_ROLES and USER_ADMIN in call.caller.roles):
        return
    raise denied()


def demand_password_power(call: GraphCall, target: User) -> None:
    """A password needs User Administrator even for an ordinary user."""
    if not call.caller.roles & (HIGH | {USER_ADMIN}):
        raise denied()
    demand_power(call, target)


def last_global_admin(world: World, alias: str) -> bool:
    """Whether nobody else is Global Administrator."""
    role = world.roles.get(GLOBAL_ADMIN)
    return role is not None and role.members == {alias}
