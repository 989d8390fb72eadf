"""Recipients of a tenant, found by any of the names that Exchange takes for them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from m365_simulator.world import Group, Mailbox, User, World

GROUP_TYPES = {
    "distribution": "MailUniversalDistributionGroup",
    "mail_security": "MailUniversalSecurityGroup",
    "microsoft365": "GroupMailbox",
    "security": "Group",
}
FOREST = "DC=EURPR01A001,DC=PROD,DC=OUTLOOK,DC=COM"


@dataclass(frozen=True)
class Recipient:
    """A user or a group, as Exchange sees it."""

    world: World
    alias: str
    user: User | None = None
    group: Group | None = None
    mailbox: Mailbox | None = None
    """The mailbox here in the cloud, if there is one that is not deleted."""

    @property
    def id(self) -> str:
        """The object id of Entra (`ExternalDirectoryObjectId`)."""
        return self.user.id if self.user else self.group.id if self.group else ""

    @property
    def guid(self) -> str:
        """The Guid of the recipient object, which is not the one of Entra."""
        return str(uuid.uuid5(uuid.NAMESPACE_OID, self.id))

    @property
    def display_name(self) -> str:
        """The name that people see; need not be unique."""
        return self.user.display_name if self.user else self.group.display_name if self.group else ""

    @property
    def upn(self) -> str:
        """The sign-in name; a group has none."""
        return self.user.upn if self.user else ""

    @property
    def smtp(self) -> str:
        """The primary address, or nothing."""
        held = self.user or self.group
        return (held.mail or "") if held else ""

    @property
    def addresses(self) -> list[str]:
        """All addresses with their prefix, `SMTP:` for the primary one."""
        if self.user and self.user.proxy_addresses:
            return list(self.user.proxy_addresses)
        return [f"SMTP:{self.smtp}"] if self.smtp else []

    @property
    def dn(self) -> str:
        """The distinguished name."""
        return distinguished_name(self.world, self.alias)

    @property
    def type(self) -> str:
        """RecipientTypeDetails; `User` and `Group` are no recipients."""
        if self.group:
            return GROUP_TYPES[self.group.kind]
        if self.mailbox:
            return self.mailbox.kind
        if self.user and self.user.user_type == "Guest":
            return "GuestMailUser" if self.user.mail else "User"
        held = self.world.mailboxes.get(self.alias)
        return "MailUser" if held is not None and held.on_premises else "User"

    @property
    def mail_enabled(self) -> bool:
        """Whether mail can be sent to it."""
        return self.type not in ("User", "Group")

    @property
    def synced(self) -> bool:
        """Whether it is mastered on-premises."""
        held = self.user or self.group
        return bool(held and held.synced)

    def known_as(self, key: str) -> bool:
        """Whether this (lower-case) text is one of its names, the display name aside."""
        if key in (self.id.lower(), self.alias.lower(), self.upn.lower(), self.smtp.lower(), self.dn.lower()):
            return bool(key)
        return any(address.lower().partition(":")[2] == key for address in self.addresses) or key in (
            self.guid,
            self.mailbox.guid.lower() if self.mailbox else "",
        )


def distinguished_name(world: World, alias: str) -> str:
    """The distinguished name of the recipient with this alias."""
    return f"CN={alias},OU={world.initial_domain},OU=Microsoft Exchange Hosted Organizations,{FOREST}"


class Directory:
    """Finds recipients without a walk over all of them, as long as they are known by something unique.

    The world is changed from all sides, so what the index says is checked, and a miss is followed by a walk.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self._aliases: dict[str, str] = {}
        self._counted = (-1, -1)

    def recipient(self, alias: str) -> Recipient | None:
        """The recipient with this alias of the world."""
        user = self.world.users.get(alias)
        if user is not None:
            held = self.world.mailboxes.get(alias)
            live = held is not None and held.soft_deleted_at is None and not held.on_premises
            return Recipient(self.world, alias, user=user, mailbox=held if live else None)
        group = self.world.groups.get(alias)
        return Recipient(self.world, alias, group=group) if group is not None else None

    def everyone(self) -> Iterator[Recipient]:
        """All users, then all groups."""
        for alias in (*self.world.users, *self.world.groups):
            found = self.recipient(alias)
            if found is not None:
                yield found

    def matches(self, identity: str) -> list[Recipient]:
        """All that this text may mean: the one with that id or address, else those with that display name."""
        key = identity.strip().lower()
        if not key:
            return []
        known = self._known(key)
        if known is None and self._counted != self._size():
            self._index()
            known = self._known(key)
        if known is not None:
            return [known]
        found = [each for each in self.everyone() if each.display_name.lower() == key or each.known_as(key)]
        exact = [each for each in found if each.known_as(key)]
        if exact:
            self._index()
        return exact or found

    def _known(self, key: str) -> Recipient | None:
        alias = self._aliases.get(key)
        found = self.recipient(alias) if alias is not None else None
        return found if found is not None and found.known_as(key) else None

    def _size(self) -> tuple[int, int]:
        return len(self.world.users), len(self.world.groups)

    def _index(self) -> None:
        self._counted = self._size()
        index: dict[str, str] = {}
        for each in self.everyone():
            keys = [each.alias, each.smtp, each.dn, each.guid, *(a.partition(":")[2] for a in each.addresses)]
            if each.mailbox:
                keys.append(each.mailbox.guid)
            for key in keys:
                index.setdefault(key.lower(), each.alias)
        for each in self.everyone():
            index[each.id.lower()] = index[each.upn.lower() or each.id.lower()] = each.alias
        index.pop("", None)
        self._aliases = index


def directory_of(world: World) -> Directory:
    """The directory of this world; kept on the world, so that it goes when the world goes."""
    found: Directory | None = world.__dict__.get("_exchange_directory")
    if found is None or found.world is not world:
        found = world.__dict__["_exchange_directory"] = Directory(world)
    return found
