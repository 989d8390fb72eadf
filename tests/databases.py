"""Both databases for tests, PostgreSQL started by the tests themselves; and a disk that can be filled."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from leaver.store.database import Database


def _binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    by_name = shutil.which("initdb")
    return found[-1].parent if found else Path(by_name).parent if by_name else None


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL server that lives as long as the tests; skipped where none is installed."""
    folder = _binaries()
    if folder is None:
        if os.environ.get("CI"):
            pytest.fail("CI needs PostgreSQL: install the package postgresql.")
        pytest.skip("PostgreSQL is not installed")
    home = Path(tempfile.mkdtemp(prefix="leaver-pg-", dir="/tmp"))
    as_somebody: dict[str, object] = {}
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        user = next((name for name in ("postgres", "nobody") if _exists(name)), "nobody")
        shutil.chown(home, user)
        as_somebody = {"user": user, "group": pwd.getpwnam(user).pw_gid}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data = home / "data"

    def _run(command: list[str]) -> None:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=home, **as_somebody)  # type: ignore[call-overload]

    make = [str(folder / "initdb"), "-D", str(data), "-U", "leaver", "-A", "trust", "-E", "UTF8", "--no-sync"]
    _run(make)
    control = [str(folder / "pg_ctl"), "-D", str(data), "-w", "-l", str(home / "log")]
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={home} -c fsync=off"
    _run([*control, "-o", options, "start"])
    try:
        yield f"postgresql://leaver@127.0.0.1:{port}"
    finally:
        _run([*control, "-m", "immediate", "stop"])
        shutil.rmtree(home, ignore_errors=True)


def _exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


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
        shutil.chown(place, next((name for name in ("postgres", "nobody") if _exists(name)), "nobody"))
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE TABLESPACE \"{name}\" LOCATION '{place}'")
        connection.execute(f'CREATE DATABASE "{name}" TABLESPACE "{name}"')
        yield f"{server}/{name}"
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        connection.execute(f'DROP TABLESPACE "{name}"')
