"""Finding the user whom a call is about, as a read or a write sees them."""

from __future__ import annotations

from m365_simulator.graph.errors import not_found
from m365_simulator.graph.router import GraphCall
from m365_simulator.world import User


def read(call: GraphCall, position: int = 0) -> User:
    """The user in the path, in the state that reads see."""
    key = call.keys[position]
    lag, tenant = call.state.lag, call.world.id
    actual = call.directory.user(key)
    seen = lag.seen("user", tenant, actual.id, actual) if actual else _gone(call, key)
    if seen is None:
        raise not_found(key)
    return seen


def _gone(call: GraphCall, key: str) -> User | None:
    """A user who is deleted, but whom the replicas still show."""
    for user_id in call.state.lag.keys("user", call.world.id):
        old: User | None = call.state.lag.seen("user", call.world.id, user_id, None)
        if old is not None and key.lower() in (old.id, old.upn.lower()):
            return old
    return None


def write(call: GraphCall, position: int = 0) -> User:
    """The user in the path as they are, about to be changed; readers will lag behind."""
    user = call.directory.user(call.keys[position])
    if user is None:
        raise not_found(call.keys[position])
    call.state.lag.writing("user", call.world.id, user.id, user)
    return user


def actual(call: GraphCall, position: int = 0) -> User:
    """The user in the path as they are."""
    user = call.directory.user(call.keys[position])
    if user is None:
        raise not_found(call.keys[position])
    return user
