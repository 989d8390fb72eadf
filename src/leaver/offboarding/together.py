"""Work side by side that ends together: when one part breaks off, the others are cancelled and not left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


async def together(*work: Coroutine[Any, Any, object]) -> None:
    """Run everything at once; the first exception is raised after all the rest has ended."""
    try:
        async with asyncio.TaskGroup() as group:
            for part in work:
                group.create_task(part)
    except BaseExceptionGroup as problems:
        raise problems.exceptions[0] from None
