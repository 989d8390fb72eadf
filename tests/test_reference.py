"""The pages that list commands and tasks say what the program says."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def _pages() -> dict[str, Callable[[], str]]:
    spec = importlib.util.spec_from_file_location("reference", ROOT / "tools" / "reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {"cli.md": module.cli_page, "tasks.md": module.tasks_page}


@pytest.mark.parametrize("page", ["cli.md", "tasks.md"])
def test_the_page_is_what_the_program_says(page: str) -> None:
    written = (ROOT / "docs" / page).read_text()

    assert written == _pages()[page](), "run `.venv/bin/python tools/reference.py`"
