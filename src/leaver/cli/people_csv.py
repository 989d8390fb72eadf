"""Reads the people of a CSV file: one offboarding a line, each line judged on its own."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leaver.cli.options import parse_json
from leaver.domain.errors import LeaverError, Unusable

COLUMNS = ("user", "at", "reference", "settings")


@dataclass(frozen=True)
class Line:
    """One person of the file."""

    number: int
    """As an editor counts, the heading being line 1."""
    user: str
    at: str = ""
    reference: str = ""
    settings: Mapping[str, Any] | None = None
    """The line's own settings; None where the command's settings count."""


@dataclass(frozen=True)
class BadLine:
    """A line that was not accepted, and why."""

    number: int
    user: str
    error: LeaverError


def read_people(file: str) -> tuple[list[Line], list[BadLine]]:
    """The good and the bad lines; a file that cannot be read at all is unusable."""
    try:
        text = Path(file).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise Unusable(f"The file {file} cannot be read: {reason}.", "malformed_csv") from error
    heading = text.split("\n", 1)[0]
    rows = csv.reader(io.StringIO(text), delimiter=";" if ";" in heading and "," not in heading else ",")
    names = [name.strip().lower() for name in next(rows, [])]
    unknown = [name for name in names if name not in COLUMNS]
    if "user" not in names or unknown or len(set(names)) != len(names):
        wrong = f"unknown: {', '.join(map(repr, unknown))}" if unknown else f"found: {', '.join(names) or 'none'}"
        raise Unusable(
            f"The first line of {file} must name the columns: user, and optionally at, reference, settings ({wrong}).",
            "malformed_csv",
        )
    good: list[Line] = []
    bad: list[BadLine] = []
    seen: dict[str, int] = {}
    for cells in rows:
        number = rows.line_num
        if not any(cell.strip() for cell in cells):
            continue
        values = dict(zip(names, (cell.strip() for cell in cells), strict=False))
        user = values.get("user", "")
        try:
            if len(cells) > len(names):
                raise Unusable("The line has more cells than the heading.", "malformed_line")
            if not user:
                raise Unusable("The line names no user.", "malformed_line")
            if user.lower() in seen:
                raise Unusable(f"{user} stands on line {seen[user.lower()]} already.", "duplicate_user")
            seen[user.lower()] = number
            own = _settings(values.get("settings", ""), number)
            good.append(Line(number, user, values.get("at", ""), values.get("reference", ""), own))
        except Unusable as error:
            bad.append(BadLine(number, user, error))
    if not good and not bad:
        raise Unusable(f"The file {file} names nobody.", "malformed_csv")
    return good, bad


def _settings(text: str, number: int) -> Mapping[str, Any] | None:
    if not text:
        return None
    document = parse_json(text, f"The cell settings of line {number}")
    if not isinstance(document, dict):
        raise Unusable("The cell settings must hold a JSON object.", "malformed_settings")
    return document
