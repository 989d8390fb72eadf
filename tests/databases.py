"""Both databases for tests, PostgreSQL started by the tests themselves; and a disk that can be filled."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tools import postgresql

from leaver.store.database import Database


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL server that lives as long as the tests; skipped where none is installed."""
    if postgresql.binaries() is None:
        if os.environ.get("CI"):
            pytest.fail("CI needs PostgreSQL: install the package postgresql.")
        pytest.skip("PostgreSQL is not installed")
    with postgresql.running(fsync=False) as server:
        yield server


@pytest.fixture(scope="session")
def made_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file as a first start leaves it, to be copied: that takes a fifth of the time."""

    async def make(address: str) -> None:
        database = Database(address)
        await database.upgrade()
        await database.close()

    path = tmp_path_factory.mktemp("made") / "leaver.db"
    asyncio.run(make(f"sqlite:///{path}"))
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    """Each kind of database in turn."""
    return str(request.param)


@pytest.fixture
def address(request: pytest.FixtureRequest, kind: str, tmp_path: Path) -> str:
    """The address of an empty database."""
    return _empty(request, kind, tmp_path / "leaver.db")


@pytest.fixture
def other_address(request: pytest.FixtureRequest, kind: str, tmp_path: Path) -> str:
    """The address of another empty one, of the same kind."""
    return _empty(request, kind, tmp_path / "other.db")


def _empty(request: pytest.FixtureRequest, kind: str, file: Path) -> str:
    if kind == "sqlite":
        return f"sqlite:///{file}"
    server = request.getfixturevalue("postgres")
    import psycopg

    name = f"t{uuid.uuid4().hex}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return f"{server}/{name}"


@dataclass(frozen=True)
class SmallDisk:
    """A disk of a few megabytes."""

    path: Path

    def fill(self) -> None:
        """Leave not one byte of it."""
        with (self.path / "ballast").open("wb", buffering=0) as ballast, contextlib.suppress(OSError):
            while ballast.write(b"\0" * 4096):
                pass

    def make_room(self) -> None:
        """Take away what fills it."""
        (self.path / "ballast").unlink()


@pytest.fixture
def small_disk() -> Iterator[SmallDisk]:
    """A disk that can be filled; skipped where none can be mounted."""
    path = Path(tempfile.mkdtemp(prefix="leaver-disk-", dir="/tmp"))
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m,mode=755", "tmpfs", str(path)], check=False, capture_output=True
    )
    if not mounted or mounted.returncode:
        path.rmdir()
        if os.environ.get("CI"):
            pytest.fail("CI needs to mount a tmpfs: run it as root.")
        pytest.skip("only root can mount a disk to fill")
    try:
        yield SmallDisk(path)
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)
        path.rmdir()


@pytest.fixture(params=["sqlite", "postgresql"])
def address_on_small_disk(request: pytest.FixtureRequest, small_disk: SmallDisk) -> Iterator[str]:
    """The address of an empty database whose tables are on the small disk."""
    if request.param == "sqlite":
        yield f"sqlite:///{small_disk.path / 'leaver.db'}"
        return
    server = request.getfixturevalue("postgres")
    import psycopg

    name, place = f"t{uuid.uuid4().hex}", small_disk.path / "tables"
    place.mkdir(mode=0o700)
    if os.geteuid() == 0:
        shutil.chown(place, postgresql.somebody())
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE TABLESPACE \"{name}\" LOCATION '{place}'")
        connection.execute(f'CREATE DATABASE "{name}" TABLESPACE "{name}"')
        yield f"{server}/{name}"
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        connection.execute(f'DROP TABLESPACE "{name}"')
