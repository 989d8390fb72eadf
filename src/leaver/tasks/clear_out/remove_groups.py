"""Remove from groups."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

from leaver.domain.errors import NotFound
from leaver.domain.people import Colleague
from leaver.domain.plan import Change, Json, Note, PlanItem, follow_up, info, warning
from leaver.m365.exchange.distribution_groups import ManagedGroup
from leaver.m365.graph.groups import Group, GroupKind
from leaver.tasks.colleagues import from_ticket, shown, ticket
from leaver.tasks.mailbox import in_exchange
from leaver.tasks.task import Option, Section, Task

_LAST_OWNER, _LICENSING = "last_owner", "licensing_group"
_OFFERED = 5


@dataclass(frozen=True)
class Owned:
    """A group that the leaver owns."""

    group: Group
    others: int
    """Other owners who are people: of applications as owners the one that a group needs cannot be made up."""
    candidates: tuple[Colleague, ...] = ()
    """Members who could take over; only looked for where there is no other owner."""
    successor: Colleague | None = None
    """Who was chosen to take over, if that person can."""


@dataclass(frozen=True)
class Memberships:
    """The groups that the leaver is in or owns."""

    groups: tuple[Group, ...]
    owned: tuple[Owned, ...]
    manager: Colleague | None = None
    """The leaver's manager, where that person can take over a group."""
    access_packages: tuple[str, ...] | None = ()
    """Packages that would bring memberships back; None where they cannot be read."""
    dynamic_lists: tuple[ManagedGroup, ...] | None = ()
    """Dynamic distribution lists whose manager the leaver is; None where Exchange does not say."""


class RemoveGroups(Task[Memberships]):
    """End memberships and ownerships, each through the service that manages the group, ownership first.

    Groups that assign licenses are left to the task that removes licenses: leaving one takes the license, and with it
    a mailbox that is not converted yet.
    """

    option = Option(
        "RemoveGroups",
        label="Remove from all groups",
        short="Groups",
        section=Section.GROUPS,
        place=1,
        text="Microsoft 365, security and distribution groups. Dynamic and AD-synced groups are listed, not changed.",
        noun="group change",
    )
    drift_matters = True
    scopes = ("GroupMember.ReadWrite.All", "Group.ReadWrite.All", "Exchange.ManageAsApp")
    roles = ("Exchange Administrator",)
    usual_seconds = 1.5

    async def inspect(self) -> Memberships:
        """All groups, with every owner of those that the leaver owns; distribution lists are known to Exchange only."""
        groups, owned, managed, packages, dynamic_lists = await asyncio.gather(
            self.tenant.groups.memberships(self.leaver.id),
            self.tenant.groups.ownerships(self.leaver.id),
            in_exchange(self.tenant, self.tenant.distribution_groups.managed_by(self.leaver), ()),
            self.tenant.access_packages.of(self.leaver.id),
            in_exchange(self.tenant, self.tenant.distribution_groups.dynamic_managed_by(self.leaver), ()),
        )
        through_graph = [group for group in owned if not group.through_exchange]
        owners = await asyncio.gather(*(self.tenant.groups.owners(group.id) for group in through_graph))
        found = [
            Owned(group, sum(each.id != self.leaver.id for each in people))
            for group, people in zip(through_graph, owners, strict=True)
        ]
        found += [
            Owned(
                Group(each.id, each.display_name, kind=GroupKind.DISTRIBUTION_LIST, synced=each.synced),
                len(each.owners) - 1,
            )
            for each in managed
        ]
        manager = await self.tenant.users.manager(self.leaver.id) if any(not each.others for each in found) else None
        return Memberships(
            groups,
            tuple(await asyncio.gather(*(self._with_successor(each) for each in found))),
            manager if manager is not None and self._can_own(manager) else None,
            packages,
            dynamic_lists,
        )

    def plan(self, facts: Memberships) -> Iterable[PlanItem]:
        """For each group: hand the ownership over if it must be, end it, leave; or say what a person must do."""
        kept = set()
        for owned in facts.owned:
            items = list(self._ownership(owned, facts.manager))
            if owned.group.kind is GroupKind.MICROSOFT_365 and not any(isinstance(item, Change) for item in items):
                kept.add(owned.group.id)
            yield from items
        for group in facts.groups:
            if group.id not in kept:
                yield from self._membership(group)
        for managed in facts.dynamic_lists or ():
            text = (
                f"{self.leaver.display_name} manages the dynamic distribution list {managed.display_name}: name "
                "another owner (Exchange admin center > Recipients > Groups > Dynamic distribution list)."
            )
            yield follow_up("dynamic_list_manager", text)
        for package in facts.access_packages or ():
            text = (
                f"{self.leaver.display_name} holds the access package {package}, which can bring memberships back: "
                "remove the assignment (Entra admin center > Identity Governance > Entitlement management)."
            )
            yield follow_up("access_package", text)

    async def apply(self, change: Change) -> None:
        """Make one step: a successor becomes owner, the leaver stops being one, the leaver leaves."""
        group_id = str(change.ref["group"])
        graph, exchange = self.tenant.groups, self.tenant.distribution_groups
        match change.ref["step"], change.ref["service"]:
            case "hand over", "graph":
                await graph.add_owner(group_id, from_ticket(change.ref).id)
            case "hand over", _:
                await exchange.add_owner(group_id, from_ticket(change.ref))
            case "disown", "graph":
                await graph.remove_owner(group_id, self.leaver.id)
            case "disown", _:
                await exchange.remove_owner(group_id, self.leaver)
            case _, "graph":
                await graph.remove_member(group_id, self.leaver.id)
            case _:
                await exchange.remove_member(group_id, self.leaver)

    async def undo(self, change: Change) -> None:
        """Take the step back; the last one made is the first to be taken back."""
        group_id = str(change.ref["group"])
        graph, exchange = self.tenant.groups, self.tenant.distribution_groups
        match change.ref["step"], change.ref["service"]:
            case "hand over", "graph":
                await graph.remove_successor(group_id, from_ticket(change.ref).id)
            case "hand over", _:
                await exchange.remove_successor(group_id, from_ticket(change.ref))
            case "disown", "graph":
                await graph.add_owner(group_id, self.leaver.id)
            case "disown", _:
                await exchange.add_owner(group_id, self.leaver)
            case _, "graph":
                await graph.add_member(group_id, self.leaver.id)
            case _:
                await exchange.add_member(group_id, self.leaver)

    def _ownership(self, owned: Owned, manager: Colleague | None) -> Iterator[PlanItem]:
        group, successor = owned.group, owned.successor
        if (note := _out_of_reach(group)) is not None:
            yield note
        elif group.assigns_licenses and group.kind is GroupKind.MICROSOFT_365:
            # Ending an ownership here can end the membership too, and with it the license.
            text = f"{self.leaver.display_name} owns {group.display_name}, which assigns licenses: end that by hand."
            yield follow_up("licensing_group_owner", text)
        elif owned.others:
            yield self._step("disown", group)
        elif successor is None:
            yield self._needs_owner(owned, manager)
        else:
            text = f"{shown(successor)} takes over {group.display_name}, as decided."
            yield info(_LAST_OWNER, text, *self._offered(owned, manager), about=group.display_name)
            yield self._step("hand over", group, successor)
            yield self._step("disown", group)

    def _membership(self, group: Group) -> Iterator[PlanItem]:
        name = group.display_name
        if (note := _out_of_reach(group)) is not None:
            yield note
        elif group.dynamic:
            rule = f" ({group.membership_rule})" if group.membership_rule else ""
            text = f"{name} is dynamic: {self.leaver.display_name} leaves by itself once the rule{rule} no longer fits."
            yield follow_up("dynamic_group", text)
        elif group.assigns_licenses and "remove_licenses" in self.context.chosen:
            yield info(_LICENSING, f"{name} assigns licenses; it is left when the licenses are removed.")
        elif group.assigns_licenses:
            text = f"{name} assigns licenses, so leaving it takes them. Choose “Remove licenses”, or do it by hand."
            yield follow_up(_LICENSING, text)
        else:
            if group.role_assignable:
                text = f"{name} can carry admin roles; the app needs RoleManagement.ReadWrite.Directory to change it."
                yield warning("role_assignable_group", text)
            yield self._step("leave", group)

    def _step(self, step: str, group: Group, successor: Colleague | None = None) -> Change:
        ref: dict[str, Json] = {
            "step": step,
            "group": group.id,
            "service": "exchange" if group.through_exchange else "graph",
        }
        if group.role_assignable:
            ref["if_forbidden"] = (
                f"{group.display_name} can carry admin roles, so this matters for security: have a Privileged Role "
                f"Administrator remove {self.leaver.display_name} by hand, or give the app "
                "RoleManagement.ReadWrite.Directory and run this again."
            )
        name = group.display_name
        if successor is not None:
            what = f"owner of group {name}: {shown(successor)}"
            return Change(what, after="owner", ref={**ref, **ticket(successor)}, lane=group.id)
        if step == "disown":
            return Change(f"owner of group {name}", before="owner", ref=ref, lane=group.id)
        return Change(f"group {name}", before="member", ref=ref, lane=group.id)

    def _needs_owner(self, owned: Owned, manager: Colleague | None) -> Note:
        chosen = self._chosen_successor(owned.group)
        why = f" {chosen} cannot take over." if chosen not in ("", "leave") else ""
        return follow_up(
            _LAST_OWNER,
            f"{self.leaver.display_name} is the last owner of {owned.group.display_name}, and a group needs one.{why} "
            "Choose who takes over, or name another owner by hand.",
            *self._offered(owned, manager),
            about=owned.group.display_name,
        )

    def _offered(self, owned: Owned, manager: Colleague | None) -> tuple[str, ...]:
        offered = [each.upn for each in owned.candidates if self._can_own(each)][:_OFFERED]
        return (*(["manager"] if manager else []), *offered, "leave")

    async def _with_successor(self, owned: Owned) -> Owned:
        if owned.others > 0 or owned.group.synced:
            return owned
        candidates = await self.tenant.groups.candidates(owned.group.id, _OFFERED + 1)
        return replace(owned, candidates=candidates, successor=await self._successor(owned.group))

    async def _successor(self, group: Group) -> Colleague | None:
        chosen, found = self._chosen_successor(group), None
        if chosen == "manager":
            found = await self.tenant.users.manager(self.leaver.id)
        elif chosen not in ("", "leave"):
            with suppress(NotFound):
                found = await self.tenant.users.colleague(chosen)
        return found if found is not None and self._can_own(found) else None

    def _chosen_successor(self, group: Group) -> str:
        by_name = self.context.decisions.get(f"{_LAST_OWNER}:{group.display_name}", "")
        return by_name or self.decision(_LAST_OWNER, group.id)

    def _can_own(self, person: Colleague) -> bool:
        return person.enabled and not person.guest and person.id != self.leaver.id


def _out_of_reach(group: Group) -> Note | None:
    """What a person must do for a group that cannot be changed from here."""
    name = group.display_name
    if group.synced:
        text = f"{name} is synced from Active Directory and cannot be changed in the cloud: remove the leaver there."
        return follow_up("synced_group", text)
    if group.management_restricted:
        text = f"{name} is in a restricted administrative unit: an administrator of that unit must remove the leaver."
        return follow_up("management_restricted_group", text)
    return None
