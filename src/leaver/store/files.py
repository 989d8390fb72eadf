"""Files that are whole or not there: written beside their place, then moved into it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from leaver.domain.errors import StoreAway


def write_private(path: Path, text: str) -> None:
    """Replace a file by a new one that only the owner may read, in one move."""
    make_private_folder(path.parent)
    write_whole(path, text.encode(), mode=0o600)


def make_private_folder(path: Path) -> None:
    """Make a folder, and those above it, unless it is there."""
    with _said(path):
        path.mkdir(parents=True, exist_ok=True, mode=0o700)


def write_whole(path: Path, data: bytes, *, mode: int = 0o666) -> None:
    """Replace a file in one move; what cannot be written to the end leaves what was there before.

    What is no file (a terminal, a pipe) is written to as it is.
    """
    with writing_whole(path, mode=mode) as put:
        put(data)


@contextlib.contextmanager
def writing_whole(path: Path, *, mode: int = 0o666) -> Iterator[Callable[[bytes], object]]:
    """Replace a file in one move at the end of the block, piece by piece until then; for what may be large."""
    if path.exists() and not path.is_file():
        with _said(path), path.open("wb") as there:
            yield there.write
        return
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with _said(path):
            handle = os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, mode)
            with os.fdopen(handle, "wb") as file:
                yield file.write
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise


def remove(path: Path) -> None:
    """Take a file away; one that is not there is no error."""
    with _said(path):
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def _said(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _away(path, error) from error


def _away(path: Path, error: OSError) -> StoreAway:
    return StoreAway(
        f"{path} cannot be written: {error.strerror}.",
        "unwritable_file",
        advice="Make room on its disk, or correct who may write there.",
    )
