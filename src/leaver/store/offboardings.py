"""Every offboarding, one JSON document each; written whole and atomically, so that a crash leaves the last good one."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from leaver.domain.errors import Unusable
from leaver.domain.offboarding import Offboarding


class Offboardings:
    """The offboardings in a data folder. They hold personal data, so only the owner may read them."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / "offboardings"
        self._locks = data_dir / "locks"

    def save(self, offboarding: Offboarding) -> None:
        """Keep it as it stands."""
        write_private(self._folder / f"{offboarding.id}.json", json.dumps(offboarding.to_store(), indent=1))

    def get(self, offboarding_id: str) -> Offboarding:
        """The one with this id, or whose id begins so."""
        found = [path for path in self._paths() if path.stem.startswith(offboarding_id)]
        if len(found) != 1 or not offboarding_id:
            problem = "More than one offboarding begins" if found and offboarding_id else "There is no offboarding"
            raise Unusable(
                f"{problem} with the id {offboarding_id!r}.",
                "unknown_offboarding",
                advice="`leaver status` lists them.",
            )
        return _read(found[0])

    def all(self) -> list[Offboarding]:
        """Every offboarding, the latest first."""
        return sorted((_read(path) for path in self._paths()), key=lambda item: item.requested_at, reverse=True)

    def of_user(self, tenant_id: str, user_id: str) -> list[Offboarding]:
        """The offboardings of one user, the latest first."""
        return [item for item in self.all() if item.tenant.id == tenant_id and item.user.id == user_id]

    @contextmanager
    def only_one(self, offboarding: Offboarding) -> Iterator[None]:
        """Hold the user while the offboarding runs; a second one at the same time is unusable.

        The operating system lets go of the hold when the process dies, however it dies.
        """
        self._locks.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._locks / f"{offboarding.tenant.id}.{offboarding.user.id}"
        handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise Unusable(
                    f"Another offboarding of {offboarding.user.display_name} ({offboarding.user.upn}) is running.",
                    "already_running",
                    advice="Wait until it has ended, then run this one again; it does only what is still missing.",
                ) from error
            yield
        finally:
            os.close(handle)

    def _paths(self) -> list[Path]:
        return list(self._folder.glob("*.json"))


def write_private(path: Path, text: str) -> None:
    """Replace a file by a new one that only the owner may read, in one move."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    handle = os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _read(path: Path) -> Offboarding:
    return Offboarding.from_store(json.loads(path.read_text(encoding="utf-8")))
