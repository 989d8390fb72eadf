"""The docs tell what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from leaver.tasks.catalogue import all_tasks

ROOT = Path(__file__).parent.parent


def test_the_permissions_page_names_what_every_task_needs() -> None:
    page = (ROOT / "docs" / "permissions.md").read_text()
    for task in all_tasks():
        (row,) = re.findall(rf"^\| `{task.name}` \|.*$", page, re.MULTILINE)
        assert all(f"`{scope}`" in row for scope in task.scopes)
        assert all(role in row for role in task.roles)


def test_every_field_failure_is_a_test_or_has_a_reason() -> None:
    page = (ROOT / "docs" / "field-failures.md").read_text()
    told = dict(re.findall(r"^\| ([A-I]\d+) \| (.*) \|$", page, re.MULTILINE))
    tested = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        for docstring in re.findall(r'"""([A-I]\d+\b[^"]*)"""', path.read_text()):
            tested |= set(re.findall(r"\b[A-I]\d+\b", docstring))

    assert {code for code, how in told.items() if how.startswith("tested")} <= tested
    assert all(how.startswith("tested") or len(how) > 20 for how in told.values())
