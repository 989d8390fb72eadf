"""Products the tenant subscribes to, and who holds them directly."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from leaver.domain.errors import Refused
from leaver.m365.graph.values import Row, guid, says, text
from leaver.m365.http import GraphWire, quote_id
from leaver.m365.target import Guard

_MAILBOX_PLANS = ("EXCHANGE_S_", "EXCHANGE_B_", "EXCHANGE_L_")
_NO_MAILBOX_PLANS = ("EXCHANGE_S_FOUNDATION", "EXCHANGE_S_ARCHIVE")
_NOT_HELD = ("does not have a corresponding license",)


@dataclass(frozen=True)
class Plan:
    """A service plan within a product."""

    id: str
    name: str


@dataclass(frozen=True)
class Sku:
    """A product the tenant subscribes to."""

    sku_id: str
    part_number: str
    enabled: int = 0
    consumed: int = 0
    plans: tuple[Plan, ...] = ()

    @property
    def gives_mailbox(self) -> bool:
        """Whether one of its plans is an Exchange Online mailbox; a product that shows no plans may have one."""
        return not self.plans or any(
            plan.name.upper().startswith(_MAILBOX_PLANS) and not plan.name.upper().startswith(_NO_MAILBOX_PLANS)
            for plan in self.plans
        )


class Licenses:
    """Reads the products; changes what the leaver holds directly."""

    def __init__(self, wire: GraphWire, guard: Guard) -> None:
        self._wire = wire
        self._guard = guard

    async def skus(self) -> tuple[Sku, ...]:
        """Every product the tenant subscribes to."""
        rows = await self._wire.pages(
            "/subscribedSkus", {"$select": "skuId,skuPartNumber,prepaidUnits,consumedUnits,servicePlans"}
        )
        return tuple(_sku(row) for row in rows)

    async def remove(self, user_id: str, sku_ids: Sequence[str]) -> None:
        """Take direct licenses away, all in one call, since one product may depend on another; not held is no error."""
        self._guard.only(user_id, "removing licenses")
        left = list(dict.fromkeys(sku_ids))
        try:
            await self._send(user_id, remove=left)
        except Refused as error:
            if not says(error, *_NOT_HELD):
                raise
            # One product that is not held refuses the whole call, so what is held must be asked for once more.
            held = await self._held_directly(user_id)
            left = [sku for sku in left if sku.casefold() in held]
            if left:
                await self._send(user_id, remove=left)

    async def assign(self, user_id: str, licenses: Iterable[tuple[str, Sequence[str]]]) -> None:
        """Give products directly, each with the plans that stay off."""
        self._guard.only(user_id, "assigning licenses")
        await self._send(user_id, add=[{"skuId": sku, "disabledPlans": list(off)} for sku, off in licenses])

    async def reprocess(self, user_id: str) -> None:
        """Ask Microsoft to work out the licenses that come from groups again."""
        self._guard.only(user_id, "reprocessing licenses")
        await self._wire.post(f"/users/{quote_id(user_id)}/reprocessLicenseAssignment", repeatable=True)

    async def _send(self, user_id: str, *, add: Sequence[dict[str, object]] = (), remove: Sequence[str] = ()) -> None:
        if add or remove:
            body = {"addLicenses": list(add), "removeLicenses": list(remove)}
            await self._wire.post(f"/users/{quote_id(user_id)}/assignLicense", body, repeatable=True)

    async def _held_directly(self, user_id: str) -> set[str]:
        row = await self._wire.fresh().get(f"/users/{quote_id(user_id)}", {"$select": "id,licenseAssignmentStates"})
        states = row.get("licenseAssignmentStates") or ()
        return {guid(state, "skuId").casefold() for state in states if not state.get("assignedByGroup")}


def _sku(row: Row) -> Sku:
    return Sku(
        sku_id=guid(row, "skuId"),
        part_number=text(row, "skuPartNumber"),
        enabled=int((row.get("prepaidUnits") or {}).get("enabled") or 0),
        consumed=int(row.get("consumedUnits") or 0),
        plans=tuple(
            Plan(guid(plan, "servicePlanId"), text(plan, "servicePlanName")) for plan in row.get("servicePlans") or ()
        ),
    )
