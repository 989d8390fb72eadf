"""A simulator in a process of its own, over HTTPS."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.terminal import Terminal


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """A fresh simulator, and Contoso known to Leaver."""
    command = [sys.executable, "-m", "m365_simulator", "--port", "0", "--tls-dir", str(tmp_path / "tls")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        terminal = Terminal(json.loads(process.stdout.readline()), tmp_path)
        added = terminal.leaver("tenant", "add", terminal.tenant["id"], "--domain", terminal.tenant["domain"])
        assert added.returncode == 0, added.stderr
        yield terminal
    finally:
        process.terminate()
        process.wait(10)
        assert process.stdout is not None
        process.stdout.close()
