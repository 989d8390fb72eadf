"""A PostgreSQL server for tests and measurements, from the system's own package, which ends with whoever started it."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def binaries() -> Path | None:
    """Where PostgreSQL's programs are; None where it is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    by_name = shutil.which("initdb")
    return found[-1].parent if found else Path(by_name).parent if by_name else None


def somebody() -> str:
    """A user for the server where we are root, as whom PostgreSQL refuses to run."""
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    return "nobody"


@contextmanager
def running(*, fsync: bool) -> Iterator[str]:
    """The address of an empty server; without `fsync` it is quicker, and loses everything with the power."""
    folder = binaries()
    if folder is None:
        raise FileNotFoundError("PostgreSQL is not installed: install the package postgresql.")
    home = Path(tempfile.mkdtemp(prefix="leaver-pg-", dir="/tmp"))
    as_somebody: dict[str, object] = {}
    if os.geteuid() == 0:
        shutil.chown(home, somebody())
        as_somebody = {"user": somebody(), "group": pwd.getpwnam(somebody()).pw_gid}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data = home / "data"

    def _run(command: list[str]) -> None:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=home, **as_somebody)  # type: ignore[call-overload]

    _run([str(folder / "initdb"), "-D", str(data), "-U", "leaver", "-A", "trust", "-E", "UTF8", "--no-sync"])
    control = [str(folder / "pg_ctl"), "-D", str(data), "-w", "-l", str(home / "log")]
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={home}"
    _run([*control, "-o", options + ("" if fsync else " -c fsync=off"), "start"])
    try:
        yield f"postgresql://leaver@127.0.0.1:{port}"
    finally:
        _run([*control, "-m", "immediate", "stop"])
        shutil.rmtree(home, ignore_errors=True)
