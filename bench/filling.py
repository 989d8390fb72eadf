"""A database as an MSP's is after a while: thousands of offboardings, hundreds of tenants, their audit trail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from leaver.config import Config
from leaver.domain.people import Leaver
from leaver.store.tenants import KnownTenant
from leaver.wiring import open_house


async def fill(environment: Mapping[str, str], ids: Sequence[str], *, offboardings: int, tenants: int) -> None:
    """Copies of offboardings that were really carried out, each of a user of its own; and tenants that nobody asks."""
    async with open_house(Config.from_environment(environment)) as house:
        real = await house.offboardings.several(ids)
        for number in range(offboardings - len(real)):
            pattern = real[number % len(real)]
            user = Leaver(f"{number:032x}", f"user.{number}@contoso.example", f"User {number}")
            earlier = pattern.requested_at - timedelta(minutes=number + 1)
            copy = replace(pattern, id=f"{number:016x}", user=user, reference=f"T-{number}", requested_at=earlier)
            await house.offboardings.add(copy)
        for number in range(tenants - 1):
            domain = f"customer-{number}.example"
            known = KnownTenant(f"{number:08x}-0000-4000-8000-000000000000", domain, f"Customer {number}", [domain])
            await house.tenants.save(known)
