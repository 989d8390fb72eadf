"""How offboardings were shown last: lists that nothing has changed in are not read and written anew each time."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from leaver.api.plain import in_json
from leaver.domain.offboarding import Offboarding
from leaver.store.offboardings import Mark

MOST = 64_000_000
"""Bytes that are remembered; what has not been asked for the longest goes."""
Show = Callable[[Offboarding], Any]
Read = Callable[[Sequence[str]], Awaitable[list[Offboarding]]]


class Remembered:
    """Offboardings in JSON, by how they are shown; each for as long as its revision is the same."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Show, str], tuple[int, bytes]] = OrderedDict()
        self._size = 0

    async def shown(self, marks: Sequence[Mark], read: Read, show: Show) -> list[bytes]:
        """Each of the marked ones as `show` shows it, in JSON; `read` is asked for those that have changed."""
        found = {mark.id: self._of(show, mark) for mark in marks}
        missing = [each for each, text in found.items() if text is None]
        for record in await read(missing) if missing else ():
            found[record.id] = text = in_json(show(record))
            self._keep((show, record.id), (record.revision, text))
        return [text for text in found.values() if text is not None]

    def _of(self, show: Show, mark: Mark) -> bytes | None:
        revision, text = self._kept.get((show, mark.id), (-1, b""))
        if revision != mark.revision:
            return None
        self._kept.move_to_end((show, mark.id))
        return text

    def _keep(self, key: tuple[Show, str], what: tuple[int, bytes]) -> None:
        self._size += len(what[1]) - len(self._kept.pop(key, (0, b""))[1])
        self._kept[key] = what
        while self._size > MOST:
            _, (_, text) = self._kept.popitem(last=False)
            self._size -= len(text)
