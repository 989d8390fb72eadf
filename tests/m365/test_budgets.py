"""Budgets."""

from __future__ import annotations

from leaver.m365.budgets import Budget


def test_grow_with_every_success_until_the_first_refusal() -> None:
    budget = Budget(10)

    for _ in range(30):
        budget.succeeded()

    assert budget.limit == 20


def test_grow_slowly_once_the_service_has_refused() -> None:
    budget = Budget(10)
    budget.refused(10)

    for _ in range(5):
        budget.succeeded()

    assert budget.limit == 6
