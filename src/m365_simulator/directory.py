"""An index of a tenant: people and groups by id, UPN or address, and by the words of their names."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable

from m365_simulator.world import Group, User, World

SMALL = 1000
"""A tenant of up to so many users is indexed anew whenever that might be needed."""
_WORD = re.compile(r"[^\W_]+")


def words(text: str) -> list[str]:
    """The words that a search matches from their beginnings."""
    return _WORD.findall(text.lower())


class Directory:
    """Finds people and groups without a walk over all of them. The index follows the world when it changes."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._counted = -1
        self._aliases: dict[str, str] = {}
        self._groups_counted = -1
        self._group_aliases: dict[str, str] = {}
        self._words: dict[str, list[tuple[str, str]]] = {}
        self._order: list[str] | None = None
        self._rank: dict[str, int] | None = None

    def user(self, key: str) -> User | None:
        """The user with this object id, UPN or primary address, if there is one that is not deleted."""
        lowered = key.lower()
        found = self._known(lowered)
        if found is None and (len(self.world.users) != self._counted or self._counted <= SMALL):
            self._index()
            found = self._known(lowered)
        return found

    def _known(self, key: str) -> User | None:
        user = self.world.users.get(self._aliases.get(key, ""))
        if user is None:
            return None
        return user if key in (user.id, user.upn.lower(), (user.mail or "").lower()) else None

    def _index(self) -> None:
        self._counted = len(self.world.users)
        self._words, self._order, self._rank = {}, None, None
        aliases = self._aliases = {}
        for alias, user in self.world.users.items():
            if user.mail:
                aliases.setdefault(user.mail.lower(), alias)
        for alias, user in self.world.users.items():
            aliases[user.id] = alias
            aliases[user.upn.lower()] = alias

    def _follow(self) -> None:
        """Small tenants are changed by hand in tests, names included; large ones only grow and shrink."""
        if self._counted != len(self.world.users) or self._counted <= SMALL:
            self._index()

    def group(self, key: str) -> Group | None:
        """The group with this object id or address."""
        lowered = key.lower()
        found = self.world.groups.get(self._group_aliases.get(lowered, ""))
        if found is None or lowered not in (found.id, (found.mail or "").lower()):
            self._group_aliases = {}
            for alias, group in self.world.groups.items():
                if group.mail:
                    self._group_aliases[group.mail.lower()] = alias
                self._group_aliases[group.id] = alias
            found = self.world.groups.get(self._group_aliases.get(lowered, ""))
        return found

    def changed(self) -> None:
        """To be called when names or addresses of users have changed."""
        self._counted = -1

    def in_order(self) -> list[str]:
        """The aliases of all users by display name, as the portal lists them."""
        self._follow()
        if self._order is None:
            users = self.world.users
            self._order = sorted(users, key=lambda alias: (users[alias].display_name.lower(), users[alias].id))
        return self._order

    def rank(self) -> dict[str, int]:
        """The place of each alias in that order."""
        order = self.in_order()
        if self._rank is None:
            self._rank = {alias: at for at, alias in enumerate(order)}
        return self._rank

    def beginning_with(self, prefix: str, name: str) -> set[str]:
        """The aliases of users of whom a word of this property (name in lower case) begins so."""
        self._follow()
        entries = self._words.get(name)
        if entries is None:
            users = self.world.users.items()
            entries = self._words[name] = sorted(
                {(word, alias) for alias, user in users for word in words(_TEXTS[name](user))}
            )
        start = bisect_left(entries, (prefix, ""))
        return {alias for _, alias in entries[start : bisect_left(entries, (prefix + chr(0x10FFFF), ""))]}


_TEXTS: dict[str, Callable[[User], str]] = {
    "displayname": lambda user: user.display_name,
    "givenname": lambda user: user.display_name.partition(" ")[0],
    "surname": lambda user: user.display_name.partition(" ")[2],
    "mail": lambda user: user.mail or "",
    "userprincipalname": lambda user: user.upn,
    "mailnickname": lambda user: user.upn.partition("@")[0],
}
