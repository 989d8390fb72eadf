"""Opens the house for one command and closes it afterwards."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rich.console import Console

    from leaver.config import Config
    from leaver.wiring import House, Store

Result = TypeVar("Result")


def in_house(work: Callable[[House], Awaitable[Result]], config: Config | None = None) -> Result:
    """Run something with the real objects, built from the environment unless a configuration is given."""
    import asyncio

    from leaver.config import Config
    from leaver.offboarding.products import use_cached
    from leaver.wiring import open_house

    async def inside() -> Result:
        chosen = config or Config.from_environment()
        use_cached(chosen.data_dir)
        async with open_house(chosen) as house:
            return await work(house)

    return asyncio.run(inside())


def in_store(work: Callable[[Store], Awaitable[Result]]) -> Result:
    """Run something that needs only Leaver's own memory."""
    import asyncio

    from leaver.config import Config
    from leaver.wiring import open_store

    async def inside() -> Result:
        async with open_store(Config.from_environment()) as store:
            return await work(store)

    return asyncio.run(inside())


def console(*, err: bool = False) -> Console:
    """Where text for people goes; colours only where a person can see them (NO_COLOR is obeyed)."""
    from rich.console import Console

    return Console(stderr=err, highlight=False, markup=False, emoji=False)
