"""Deleted users: find, restore, delete for good."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from m365_simulator.graph import odata, privilege
from m365_simulator.graph.errors import not_found
from m365_simulator.graph.removal import restore_user
from m365_simulator.graph.router import GraphCall, route
from m365_simulator.graph.user_shape import DEFAULT, PROPERTIES
from m365_simulator.graph.user_writes import DELETE
from m365_simulator.graph.users import READ
from m365_simulator.state import Answer
from m365_simulator.world import User

_KEPT = timedelta(days=30)
_PROPERTIES = PROPERTIES | {"userPrincipalName": lambda call, user: user.id.replace("-", "") + user.upn}
"""The UPN is made free for others by the object id put before it."""
_READ = ("User.DeleteRestore.All", *READ)


@route("GET", "/directory/deletedItems/microsoft.graph.user", *_READ)
def listed(call: GraphCall) -> Answer:
    """All users that can still be restored."""
    found = odata.filtered(call, _all(call), _PROPERTIES)
    return odata.rows(call, odata.ordered(call, found, _PROPERTIES), lambda user: _shape(call, user))


@route("GET", "/directory/deletedItems/{}", *_READ, also=("/directory/deletedItems/{}/microsoft.graph.user",))
def read(call: GraphCall) -> Answer:
    """One of them."""
    return Answer(body={"@odata.type": "#microsoft.graph.user"} | _shape(call, _one(call)))


@route("POST", "/directory/deletedItems/{}/restore", *DELETE, also=("/users/{}/restore",))
def restored(call: GraphCall) -> Answer:
    """Brings a user back."""
    user = _actual(call)
    restore_user(call, user)
    return Answer(body={"@odata.type": "#microsoft.graph.user", "id": user.id, "userPrincipalName": user.upn})


@route("DELETE", "/directory/deletedItems/{}", *DELETE)
def deleted(call: GraphCall) -> Answer:
    """Deletes a user for good."""
    user = _actual(call)
    privilege.demand_power(call, user)
    del call.world.deleted_users[user.alias]
    call.world.mailboxes.pop(user.alias, None)
    return Answer(204)


def _shape(call: GraphCall, user: User) -> dict[str, Any]:
    names = odata.selected(call, _PROPERTIES, (*DEFAULT, "deletedDateTime"), "user")
    return {name: _PROPERTIES[name](call, user) for name in names}


def _all(call: GraphCall) -> list[User]:
    lag, world = call.state.lag, call.world
    held = {user.id: user for user in world.deleted_users.values() if _restorable(call, user)}
    if lag.active:
        for user_id in {*held, *lag.keys("deleted", world.id)}:
            seen = lag.seen("deleted", world.id, user_id, held.get(user_id))
            if seen is None:
                held.pop(user_id, None)
            else:
                held[user_id] = seen
    return list(held.values())


def _one(call: GraphCall) -> User:
    found = next((user for user in _all(call) if user.id == call.keys[0].lower()), None)
    if found is None:
        raise not_found(call.keys[0])
    return found


def _actual(call: GraphCall) -> User:
    key = call.keys[0].lower()
    found = next((u for u in call.world.deleted_users.values() if u.id == key and _restorable(call, u)), None)
    if found is None:
        raise not_found(call.keys[0])
    return found


def _restorable(call: GraphCall, user: User) -> bool:
    return user.deleted_at is None or call.state.now() - user.deleted_at <= _KEPT
