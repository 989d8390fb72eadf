"""A simulator in a process of its own, over HTTPS; a server on it; Chromium."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from e2e.portal import Server, browsing, serving
from e2e.terminal import Terminal


@contextmanager
def sitting(folder: Path, *words: str) -> Iterator[Terminal]:
    """A terminal in this folder, with a fresh simulator and its first tenant known to Leaver."""
    command = [sys.executable, "-m", "m365_simulator", "--port", "0", "--tls-dir", str(folder / "tls"), *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        terminal = Terminal(json.loads(process.stdout.readline()), folder)
        terminal.connect()
        yield terminal
    finally:
        process.terminate()
        process.wait(10)
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """A fresh simulator, and Contoso known to Leaver."""
    with sitting(tmp_path) as terminal:
        yield terminal


@pytest.fixture
def server(terminal: Terminal) -> Iterator[Server]:
    """A server on a simulator of its own."""
    with serving(terminal) as server:
        yield server


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for tests of one file that do not get into each other's way."""
    with sitting(tmp_path_factory.mktemp("shared")) as terminal, serving(terminal) as server:
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium."""
    with browsing() as browser:
        yield browser
