"""What joining or leaving a licensing group does to a user, after the directory has got round to it.

Whoever changes the members of a group, in Graph or in Exchange, calls `membership_changed`.
"""

from __future__ import annotations

from m365_simulator.exchange import mailbox_life
from m365_simulator.state import State
from m365_simulator.world import Group, LicenseState, World


def membership_changed(state: State, world: World, group: Group, alias: str) -> None:
    """Has the group's licenses come or go, `group_license_delay` seconds from now."""
    if group.license_skus:
        state.later(state.behaviour.group_license_delay, lambda: process(state, world, group, alias))


def process(state: State, world: World, group: Group, alias: str) -> None:
    """Brings a user's licenses from this group in line with the membership."""
    user = world.users.get(alias)
    if user is None:
        return
    held = [each for each in user.licenses if each.by_group == group.id]
    if alias in group.members:
        missing = [sku for sku in group.license_skus if sku not in {each.sku_id for each in held}]
        changed = bool(missing)
        if changed:
            state.lag.writing("user", world.id, user.id, user)
        user.licenses += [LicenseState(sku, by_group=group.id) for sku in missing]
    else:
        changed = bool(held)
        if changed:
            state.lag.writing("user", world.id, user.id, user)
        user.licenses = [each for each in user.licenses if each.by_group != group.id]
    if changed:
        mailbox_life.license_changed(world, alias, state.now())
