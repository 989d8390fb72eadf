"""Deleting and restoring a user, with all that goes and comes back with them."""

from __future__ import annotations

from m365_simulator.exchange import mailbox_life
from m365_simulator.graph import privilege
from m365_simulator.graph.errors import bad_request, denied, synced
from m365_simulator.graph.router import GraphCall
from m365_simulator.world import User


def delete_user(call: GraphCall, user: User) -> None:
    """Soft-deletes a user: memberships, licenses and mailbox are kept aside for 30 days."""
    state, world, alias = call.state, call.world, user.alias
    if not call.caller.may("User.DeleteRestore.All", "User.ReadWrite.All"):
        raise denied()
    privilege.demand_power(call, user)
    if user.synced:
        raise synced()
    if privilege.last_global_admin(world, alias):
        raise bad_request("The last Global Administrator of the directory cannot be deleted.")
    state.lag.writing("user", world.id, user.id, user)
    state.lag.writing("deleted", world.id, user.id, None)
    mailbox_life.user_deleted(world, alias, state.now())
    kept = state.kept_memberships[world.id, user.id] = []
    for group in world.groups.values():
        for role, people in (("members", group.members), ("owners", group.owners)):
            if alias in people:
                kept.append((role, group.alias))
                people.discard(alias)
    for template, directory_role in world.roles.items():
        if alias in directory_role.members:
            kept.append(("roles", template))
            directory_role.members.discard(alias)
    user.deleted_at = state.now()
    world.deleted_users[alias] = world.users.pop(alias)
    call.directory.changed()


def restore_user(call: GraphCall, user: User) -> None:
    """Brings a user back; the mailbox follows after its own delay."""
    state, world, alias = call.state, call.world, user.alias
    privilege.demand_power(call, user)
    upn = user.upn.lower()
    if alias in world.users or any(upn == other.upn.lower() for other in world.users.values()):
        raise bad_request(
            "Another object with the same value for property userPrincipalName already exists. "
            "(ObjectConflict: userPrincipalName, proxyAddresses)"
        )
    state.lag.writing("user", world.id, user.id, None)
    state.lag.writing("deleted", world.id, user.id, user)
    user.deleted_at = None
    world.users[alias] = world.deleted_users.pop(alias)
    for kind, name in state.kept_memberships.pop((world.id, user.id), []):
        if kind == "roles" and name in world.roles:
            world.roles[name].members.add(alias)
        elif name in world.groups:
            (world.groups[name].members if kind == "members" else world.groups[name].owners).add(alias)
    call.directory.changed()
    now = state.now
    state.later(state.behaviour.restore_mailbox_delay, lambda: mailbox_life.user_restored(world, alias, now()))
