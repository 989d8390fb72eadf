"""The confirmation: friction in proportion to what cannot come back."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest

from leaver.cli.confirm import confirm, questions
from leaver.domain.errors import Unusable
from leaver.domain.offboarding import ChangeRecord, Offboarding, TaskRecord
from leaver.domain.people import Leaver, TenantName
from leaver.domain.plan import Change, Reversibility

NOW = datetime(2026, 6, 11, tzinfo=UTC)


def offboarding(name: str, *, permanent: bool) -> Offboarding:
    mark = Reversibility.PERMANENT if permanent else Reversibility.UNDO
    change = ChangeRecord(Change("meeting Weekly sales", "organized", None, reversibility=mark))
    return Offboarding(
        id=name,
        tenant=TenantName("t", "contoso.example", "Contoso"),
        user=Leaver(name, f"{name}@contoso.example", name.title()),
        settings={},
        requested_at=NOW,
        asked_at=NOW,
        tasks=[TaskRecord("cancel_meetings", "clear_out", "Cancel future meetings", changes=[change])],
    )


def test_without_a_permanent_change_it_is_yes_or_no() -> None:
    (question,) = questions([offboarding("ada", permanent=False)])

    assert question.expected == ""
    assert question.prompt == "Offboard 1 user of Contoso: Ada?"


def test_a_permanent_change_asks_for_the_name_and_says_what_cannot_be_undone() -> None:
    (question,) = questions([offboarding("ada", permanent=True)])

    assert question.expected == "Ada"
    assert question.lines == (
        "Confirm: part of this plan is permanent",
        "For Ada, this cannot be undone by anyone:",
        "  meeting Weekly sales (organized)",
    )


def test_each_user_with_a_permanent_change_is_typed() -> None:
    asked = questions(
        [offboarding("ada", permanent=True), offboarding("bob", permanent=False), offboarding("eve", permanent=True)]
    )

    assert [question.expected for question in asked] == ["Ada", "Eve"]


def test_more_than_three_are_typed_as_a_number_and_summed_up_by_task() -> None:
    asked = questions([offboarding(name, permanent=True) for name in ("ada", "bob", "eve", "joe")])

    assert asked[0].lines == (
        "Confirm: part of this plan is permanent",
        "For 4 users, these cannot be undone by anyone:",
        "  Cancel future meetings: 4 changes for 4 users",
    )

    assert [question.expected for question in asked] == ["offboard 4 users"]


def test_without_a_terminal_nobody_can_confirm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())

    with pytest.raises(Unusable, match="not a terminal"):
        confirm([offboarding("ada", permanent=False)], print)
