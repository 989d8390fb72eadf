"""What the leaver is licensed for, and by what: directly, or by groups."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from leaver.domain.errors import NotFound
from leaver.domain.products import product_name
from leaver.m365.graph.groups import Group
from leaver.m365.graph.licenses import Sku
from leaver.m365.graph.users import LicenseState, User
from leaver.m365.tenant import Tenant


@dataclass(frozen=True)
class Licensing:
    """The user's licenses, the tenant's products, and the licensing groups that the user is in."""

    user: User
    products: Mapping[str, Sku] = field(default_factory=dict)
    """By sku id, in lower case."""
    groups: tuple[Group, ...] = ()

    @property
    def direct(self) -> tuple[LicenseState, ...]:
        """Licenses that only the user's own assignment gives; the others cannot be removed from the user."""
        return tuple(state for state in self.user.license_states if not state.by_group)

    @property
    def left_behind(self) -> tuple[LicenseState, ...]:
        """Licenses of groups that the user is no longer in: Microsoft takes them away in its own time."""
        groups = {group.id for group in self.groups}
        return tuple(state for state in self.user.license_states if state.by_group and state.by_group not in groups)

    def gives_mailbox(self, sku_ids: Iterable[str]) -> bool:
        """Whether a mailbox may hang on one of these products; one that is not known may be such a product."""
        found = (self.products.get(sku_id.casefold()) for sku_id in sku_ids)
        return any(sku is None or sku.gives_mailbox for sku in found)

    def plans(self, sku_ids: Iterable[str]) -> set[str]:
        """The names of the service plans in these products."""
        found = (self.products.get(sku_id.casefold()) for sku_id in sku_ids)
        return {plan.name for sku in found if sku is not None for plan in sku.plans}

    def names(self, sku_ids: Iterable[str]) -> list[str]:
        """The products' names, as they are sold."""
        return [self._name(sku_id) for sku_id in sku_ids]

    def _name(self, sku_id: str) -> str:
        sku = self.products.get(sku_id.casefold())
        return product_name(sku.part_number if sku else sku_id, sku_id)


async def licensing_of(tenant: Tenant, user_id: str) -> Licensing:
    """Read it; a group that the user's list leaves out is asked itself, since that list may hide some, or lag."""
    user, skus, memberships = await asyncio.gather(
        tenant.users.get(user_id), tenant.licenses.skus(), tenant.groups.memberships(user_id)
    )
    listed = {group.id for group in memberships}
    unlisted = dict.fromkeys(
        state.by_group for state in user.license_states if state.by_group and state.by_group not in listed
    )
    asked = await asyncio.gather(*(_group_if_member(tenant, group_id, user_id) for group_id in unlisted))
    groups = (*(group for group in memberships if group.assigns_licenses), *(group for group in asked if group))
    return Licensing(user, {sku.sku_id.casefold(): sku for sku in skus}, groups)


async def _group_if_member(tenant: Tenant, group_id: str, user_id: str) -> Group | None:
    try:
        group = await tenant.groups.get(group_id)
        return group if await tenant.groups.is_member(group_id, user_id) else None
    except NotFound:
        return None
