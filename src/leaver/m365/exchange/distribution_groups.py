"""Distribution lists and mail-enabled security groups, which only Exchange can change."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from leaver.domain.errors import NotFound, NotYet, Refused, SignInRefused
from leaver.m365.exchange.values import added, guid, opath, removed, text, texts, truth
from leaver.m365.http import ExchangeWire
from leaver.m365.target import Addressed, Guard

_ALREADY_MEMBER = ("memberalreadyexists", "is already a member")


@dataclass(frozen=True)
class ManagedGroup:
    """A group with the people who manage it."""

    id: str
    display_name: str
    owners: tuple[str, ...] = ()
    """Names, as Exchange writes them."""
    synced: bool = False


class DistributionGroups:
    """Finds what a user manages; takes the leaver out and puts the leaver back.

    The application is no manager of these groups, so every write says that it knows and acts all the same.
    """

    def __init__(self, wire: ExchangeWire, guard: Guard) -> None:
        self._wire = wire
        self._guard = guard

    async def managed_by(self, user: Addressed) -> tuple[ManagedGroup, ...]:
        """The groups whose managers the user is among."""
        return await self._managed("Get-DistributionGroup", user)

    async def dynamic_managed_by(self, user: Addressed) -> tuple[ManagedGroup, ...] | None:
        """The dynamic lists whose manager the user is; None where Exchange does not say."""
        try:
            return await self._managed("Get-DynamicDistributionGroup", user)
        except SignInRefused:
            raise
        except Refused:
            return None

    async def sent_on_behalf_of(self, distinguished_name: str) -> tuple[ManagedGroup, ...]:
        """The groups that somebody, named as the directory does, may send on behalf of."""
        return await self._on_behalf("Get-DistributionGroup", distinguished_name)

    async def others_sent_on_behalf_of(self, distinguished_name: str) -> tuple[ManagedGroup, ...]:
        """The same for dynamic lists and Microsoft 365 groups."""
        dynamic, unified = await asyncio.gather(
            self._on_behalf("Get-DynamicDistributionGroup", distinguished_name),
            self._on_behalf("Get-UnifiedGroup", distinguished_name),
        )
        return *dynamic, *unified

    async def remove_send_on_behalf(self, group_id: str, user: Addressed) -> None:
        """End the leaver's right to send on behalf of a group; one that is gone is no error."""
        self._guard.only(user.id, "revoking send on behalf of a group")
        with suppress(NotFound):
            await self._run("Set-DistributionGroup", group_id, GrantSendOnBehalfTo=removed(user.id))

    async def add_send_on_behalf(self, group_id: str, user: Addressed) -> None:
        """Let the leaver send on behalf of a group, for undo."""
        self._guard.only(user.id, "granting send on behalf of a group")
        await self._run("Set-DistributionGroup", group_id, GrantSendOnBehalfTo=added(user.id))

    async def remove_member(self, group_id: str, user: Addressed) -> None:
        """Take the leaver out of a group; one who is not in it is no error."""
        self._guard.only(user.id, "removing a member from a distribution group")
        with suppress(NotFound):
            await self._run("Remove-DistributionGroupMember", group_id, Member=user.id)

    async def add_member(self, group_id: str, user: Addressed) -> None:
        """Put the leaver into a group; one who is in it is no error."""
        self._guard.only(user.id, "adding a member to a distribution group")
        try:
            await self._run("Add-DistributionGroupMember", group_id, Member=user.id)
        except Refused as error:
            if not any(words in f"{error.message} {error.code}".casefold() for words in _ALREADY_MEMBER):
                raise

    async def remove_owner(self, group_id: str, user: Addressed) -> None:
        """Take the leaver from a group's managers; the other managers stay."""
        self._guard.only(user.id, "removing a manager from a distribution group")
        await self._run("Set-DistributionGroup", group_id, ManagedBy=removed(user.id))

    async def add_owner(self, group_id: str, person: Addressed) -> None:
        """Put the leaver or a successor among a group's managers."""
        self._guard.somebody()
        await self._run("Set-DistributionGroup", group_id, ManagedBy=added(person.id))

    async def remove_successor(self, group_id: str, person: Addressed) -> None:
        """Take a successor from a group's managers again, for undo; only in a group that the leaver manages again."""
        leaver = self._guard.leaver
        again = DistributionGroups(self._wire.fresh(), self._guard)
        if leaver is None or group_id not in {group.id for group in await again.managed_by(leaver)}:
            self._guard.somebody()
            raise NotYet("The leaver does not manage the group again yet.", code="not_owner_again", service="exchange")
        await self._run("Set-DistributionGroup", group_id, ManagedBy=removed(person.id))

    async def _managed(self, cmdlet: str, user: Addressed) -> tuple[ManagedGroup, ...]:
        try:
            return _groups(await self._wire.read(cmdlet, ManagedBy=user.id, ResultSize="Unlimited"))
        except NotFound:
            # Somebody whom Exchange does not know manages nothing there.
            return ()

    async def _on_behalf(self, cmdlet: str, distinguished_name: str) -> tuple[ManagedGroup, ...]:
        if not distinguished_name.strip():
            return ()
        filtered = f"GrantSendOnBehalfTo -eq {opath(distinguished_name)}"
        return _groups(await self._wire.read(cmdlet, Filter=filtered, ResultSize="Unlimited"))

    async def _run(self, cmdlet: str, group_id: str, **parameters: Any) -> None:
        await self._wire.run(
            cmdlet,
            lane=f"group:{group_id}",
            Identity=group_id,
            BypassSecurityGroupManagerCheck=True,
            Confirm=False,
            **parameters,
        )


def _groups(rows: list[dict[str, Any]]) -> tuple[ManagedGroup, ...]:
    return tuple(
        ManagedGroup(
            id=guid(row, "ExternalDirectoryObjectId") or guid(row, "Guid"),
            display_name=text(row, "DisplayName"),
            owners=texts(row, "ManagedBy"),
            synced=truth(row, "IsDirSynced"),
        )
        for row in rows
    )
