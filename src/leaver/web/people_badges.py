"""What a list of a tenant's users is marked with, remembered for some minutes: a search must not wait for it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from leaver.domain.errors import LeaverError
from leaver.m365.tenant import Tenant

KEPT = 300.0
PATIENCE = 2.0
"""Seconds for which the first page of a tenant waits; after that it is shown without, and the next one has them."""


@dataclass(frozen=True)
class Marks:
    """What is known of a tenant's people as a whole."""

    total: int | None = None
    """How many there are; None where it is not known."""
    admins: frozenset[str] = frozenset()
    """The ids of those who hold a directory role."""


class Badges:
    """The marks of each tenant, in this process."""

    def __init__(self) -> None:
        self._of: dict[str, tuple[float, asyncio.Task[Marks]]] = {}

    async def of(self, tenant: Tenant) -> Marks:
        """The marks of a tenant; empty while they are still being read."""
        at, task = self._of.get(tenant.id, (0.0, None))
        if task is None or time.monotonic() - at > KEPT:
            task = asyncio.ensure_future(_read(tenant))
            self._of[tenant.id] = (time.monotonic(), task)
        done, _ = await asyncio.wait([task], timeout=PATIENCE)
        return task.result() if done else Marks()


async def _read(tenant: Tenant) -> Marks:
    total, admins = await asyncio.gather(tenant.users.count(), tenant.roles.holders(), return_exceptions=True)
    for answer in (total, admins):
        if isinstance(answer, BaseException) and not isinstance(answer, LeaverError):
            raise answer
    return Marks(
        None if isinstance(total, BaseException) else total,
        frozenset() if isinstance(admins, BaseException) else admins,
    )
