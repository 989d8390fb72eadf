"""The simulator as a process of its own, and its control address."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LATENCY = {"graph": 120, "exchange": 350, "sharepoint": 250}
"""Milliseconds for each request, as the services usually take them."""


@dataclass(frozen=True)
class Running:
    """A simulator that is running."""

    ready: dict[str, Any]
    """What it said when it was ready."""

    @property
    def environment(self) -> dict[str, str]:
        """The configuration that points Leaver at it; nothing that it would do by itself beside what is measured."""
        return {**self.ready["environment"], "LEAVER_RIGHTS_INDEX_HOURS": "0", "LEAVER_HEALTH_SECONDS": "0"}

    def control(self, path: str, body: Any = None) -> Any:
        """Ask the control address; with a body, tell it something."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.ready['control']}/{path}", data, {"Content-Type": "application/json"})
        context = ssl.create_default_context(cafile=self.ready["ca_file"])
        with urllib.request.urlopen(request, context=context, timeout=60) as answer:
            return json.loads(answer.read() or b"null")


@contextmanager
def running(scenario: str, **latency: int) -> Iterator[Running]:
    """A simulator with this scenario over HTTPS, ended at the end."""
    with tempfile.TemporaryDirectory() as folder:
        slow = ",".join(f"{service}={ms}" for service, ms in latency.items())
        command = [sys.executable, "-m", "m365_simulator", "--port", "0", "--scenario", scenario, "--tls-dir", folder]
        command += ["--latency", slow] if slow else []
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            yield Running(json.loads(process.stdout.readline()))
        finally:
            process.terminate()
            process.wait(10)


def data_folder() -> tempfile.TemporaryDirectory[str]:
    """A data folder for one measurement."""
    return tempfile.TemporaryDirectory(prefix="leaver-bench-")


def root() -> Path:
    """The folder of the repository."""
    return Path(__file__).parent.parent
