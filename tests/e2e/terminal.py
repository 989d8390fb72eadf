"""A terminal in which Leaver is configured for a simulator of its own."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from leaver.access.roles import Role
from leaver.access.tokens import Tokens
from leaver.config import Config
from leaver.domain.actor import Actor
from leaver.offboarding.connecting import connect
from leaver.wiring import Store, open_house, open_store

Kept = TypeVar("Kept")

SETTINGS = {
    "disable_sign_in": True,
    "reset_password": True,
    "revoke_sessions": True,
    "remove_groups": True,
    "convert_to_shared": True,
    "remove_licenses": True,
    "grant_onedrive_access": ["manager"],
}


class Terminal:
    """A shell in which Leaver is configured for the simulator."""

    def __init__(self, ready: dict[str, Any], folder: Path) -> None:
        self.ready = ready
        self.folder = folder
        self.tenant = ready["tenants"][0]
        self.settings = self.write("settings.json", SETTINGS)

    def write(self, name: str, content: Any) -> str:
        """A file in the terminal's folder."""
        path = self.folder / name
        path.write_text(json.dumps(content), encoding="utf-8")
        return str(path)

    def around(self, more: dict[str, str]) -> dict[str, str]:
        """The environment of a command."""
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("LEAVER_")},
            **self.ready["environment"],
            "LEAVER_DATA_DIR": str(self.folder / "data"),
            **more,
        }

    def start(self, *words: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start a command and let it run; what it says goes to a file."""
        with (self.folder / "log.txt").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "leaver", *words],
                env=self.around(environment),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def kept(self, question: Callable[[Store], Awaitable[Kept]], **environment: str) -> Kept:
        """What is in Leaver's memory, for who asks again and again: no process is started for it."""

        async def asked() -> Kept:
            async with open_store(Config.from_environment(self.around(environment), dotenv_path=None)) as store:
                return await question(store)

        return _done(asked())

    def connect(self) -> None:
        """As `leaver tenant add`, which has tests of its own."""

        async def connected() -> None:
            async with open_house(Config.from_environment(self.around({}), dotenv_path=None)) as house:
                await connect(house, self.tenant["id"], self.tenant["domain"], Actor("test"))

        _done(connected())

    def token(self) -> str:
        """As `leaver token create`, which has tests of its own: an administrator's token."""

        async def made(store: Store) -> str:
            _, secret = await Tokens(store.papers, store.audit).create("test", Role.ADMINISTRATOR, Actor("test"))
            return secret

        return self.kept(made)

    def leaver(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "leaver", *words],
            env=self.around(environment),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )


def _done(work: Coroutine[Any, Any, Kept]) -> Kept:
    """In a thread of its own: in this one Playwright's loop may be running."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()
