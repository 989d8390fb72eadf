"""Reads that lag behind writes: the old state of a user or group is served until the replicas have caught up."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from m365_simulator.state import State

T = TypeVar("T")


class Lag:
    """Old states, each kept until `read_after_write` seconds after the write that ended it."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._old: dict[tuple[str, str, str], list[tuple[float, object]]] = {}

    def writing(self, kind: str, tenant: str, key: str, before: object) -> None:
        """To be called before a write, with the object as it is (None when it does not exist)."""
        seconds = self._state.behaviour.read_after_write
        if seconds > 0:
            kept = copy.deepcopy(before)
            self._old.setdefault((kind, tenant, key), []).append((self._state.clock() + seconds, kept))

    def seen(self, kind: str, tenant: str, key: str, actual: T) -> T:
        """What a read sees of an object."""
        if not self._old:
            return actual
        old = self._old.get((kind, tenant, key))
        if not old:
            return actual
        now = self._state.clock()
        while old and old[0][0] <= now:
            old.pop(0)
        if not old:
            del self._old[kind, tenant, key]
            return actual
        return old[0][1]  # type: ignore[return-value]

    def keys(self, kind: str, tenant: str) -> list[str]:
        """The objects of this kind that have an old state, which may since have gone."""
        return [key for found, where, key in self._old if found == kind and where == tenant]

    @property
    def active(self) -> bool:
        """Whether any read may have to be shown an old state."""
        if self._old:
            now = self._state.clock()
            self._old = {key: old for key, old in self._old.items() if old[-1][0] > now}
        return bool(self._old)
