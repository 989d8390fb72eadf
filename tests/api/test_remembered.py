"""Lists that nothing has changed in are not read again, and what has changed is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from leaver.api import remembered
from leaver.api.remembered import Remembered
from leaver.domain.offboarding import Offboarding
from leaver.domain.people import Leaver, TenantName
from leaver.store.offboardings import Mark

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def name_of(record: Offboarding) -> dict[str, str]:
    """One way to show it."""
    return {"name": record.user.display_name}


def id_of(record: Offboarding) -> str:
    """Another one."""
    return record.id


class Shelf:
    """Offboardings, and which of them were read."""

    def __init__(self, *names: str) -> None:
        self.records = {name: one(name) for name in names}
        self.read: list[list[str]] = []

    async def several(self, ids: Sequence[str]) -> list[Offboarding]:
        """Those with these ids."""
        self.read.append(list(ids))
        return [self.records[each] for each in ids if each in self.records]

    def marks(self, *names: str) -> list[Mark]:
        """Which of them are on a page."""
        return [Mark(name, self.records[name].revision) for name in names or self.records]


def one(name: str) -> Offboarding:
    """An offboarding."""
    return Offboarding(name, TenantName("t", "t", "t"), Leaver("u", f"{name}@t", name.upper()), {}, NOW, NOW)


async def test_what_is_as_it_was_is_not_read_again() -> None:
    shelf, kept = Shelf("a", "b", "c"), Remembered()
    first = await kept.shown(shelf.marks("a", "b"), shelf.several, name_of)

    again = await kept.shown(shelf.marks("c", "b", "a"), shelf.several, name_of)

    assert [json.loads(item) for item in again] == [{"name": "C"}, {"name": "B"}, {"name": "A"}]
    assert first == again[:0:-1]
    assert shelf.read == [["a", "b"], ["c"]]


async def test_what_has_changed_is_read_and_shown_as_it_is() -> None:
    shelf, kept = Shelf("a", "b"), Remembered()
    await kept.shown(shelf.marks(), shelf.several, name_of)
    shelf.records["a"] = replace(one("a"), user=Leaver("u", "a@t", "Anna"), revision=1)

    again = await kept.shown(shelf.marks(), shelf.several, name_of)

    assert [json.loads(item)["name"] for item in again] == ["Anna", "B"]
    assert shelf.read[-1] == ["a"]


async def test_each_way_to_show_it_is_remembered_by_itself() -> None:
    shelf, kept = Shelf("a"), Remembered()

    shown = [await kept.shown(shelf.marks(), shelf.several, show) for show in (name_of, id_of, name_of)]

    assert shown == [[b'{"name":"A"}'], [b'"a"'], [b'{"name":"A"}']]
    assert shelf.read == [["a"], ["a"]]


async def test_what_was_not_asked_for_the_longest_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "MOST", 30)
    shelf, kept = Shelf("a", "b", "c"), Remembered()
    for name in ("a", "b", "a", "c"):
        await kept.shown(shelf.marks(name), shelf.several, name_of)

    await kept.shown(shelf.marks(), shelf.several, name_of)

    assert shelf.read[-1] == ["b"]


async def test_what_is_gone_when_it_is_read_is_left_out() -> None:
    shelf, kept = Shelf("a", "b"), Remembered()
    marks = shelf.marks()
    del shelf.records["a"]

    assert await kept.shown(marks, shelf.several, id_of) == [b'"b"']
