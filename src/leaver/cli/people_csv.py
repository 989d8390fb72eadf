"""Reads the people of a CSV file: one offboarding a line, each line judged on its own.

Files come from editors and from spreadsheets: UTF-8 with or without a mark, UTF-16, or Western Windows' code page; with
commas, semicolons or tabs, which the heading or a line `sep=;` shows.
"""

from __future__ import annotations

import codecs
import csv
import io
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leaver.cli.options import parse_json
from leaver.domain.errors import LeaverError, Unusable

COLUMNS = ("user", "at", "reference", "settings")
SEPARATORS = (",", ";", "\t")
WORKBOOK = b"PK\x03\x04"
"""What a workbook begins with."""


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
    """The good and the bad lines; a file that cannot be read at all is unusable. `-` is standard input."""
    name = "on standard input" if file == "-" else file
    rows = _rows(_text(file, name), name)
    _, heading = next(rows, (1, []))
    names = [str(cell).strip().lower() for cell in heading] if isinstance(heading, list) else []
    unknown = [each for each in names if each not in COLUMNS]
    if "user" not in names or unknown or len(set(names)) != len(names):
        wrong = f"unknown: {', '.join(map(repr, unknown))}" if unknown else f"found: {', '.join(names) or 'none'}"
        raise Unusable(
            f"The first line of the file {name} must name the columns: user, and optionally at, reference, settings "
            f"({wrong}).",
            "malformed_csv",
        )
    good: list[Line] = []
    bad: list[BadLine] = []
    seen: dict[str, int] = {}
    for number, cells in rows:
        if isinstance(cells, Unusable):
            bad.append(BadLine(number, "", cells))
            continue
        if not any(cell.strip() for cell in cells):
            continue
        values = dict(zip(names, (cell.strip() for cell in cells), strict=False))
        user = values.get("user", "")
        try:
            good.append(_line(number, values, seen, surplus=any(cell.strip() for cell in cells[len(names) :])))
        except Unusable as error:
            bad.append(BadLine(number, user, error))
    if not good and not bad:
        raise Unusable(f"The file {name} names nobody.", "malformed_csv")
    return good, bad


def _text(file: str, name: str) -> str:
    try:
        raw = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise Unusable(f"The file {name} cannot be read: {error.strerror}.", "malformed_csv") from error
    try:
        if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            text = raw.decode("utf-16")
        else:
            text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("cp1252", errors="replace")  # a spreadsheet that was asked for "CSV" and no more
    if "\0" in text or raw.startswith(WORKBOOK):
        raise Unusable(
            f"The file {name} cannot be read: it is no text.",
            "malformed_csv",
            advice="Save it as CSV UTF-8; a workbook (.xlsx) is not read.",
        )
    return text


def _rows(text: str, name: str) -> Iterator[tuple[int, list[str] | Unusable]]:
    """Each row with the line that it begins on, the heading first; a row that is no CSV is its error."""
    lines = io.StringIO(text, newline="").readlines()
    skipped = 0
    separator = ""
    if lines and (first := lines[0].strip('"\r\n')).lower().startswith("sep=") and len(first) == 5:
        separator, skipped = first[4], 1
    if not separator:
        heading = lines[0] if lines else ""
        separator = max(SEPARATORS, key=heading.count)
    rows = csv.reader(lines[skipped:], delimiter=separator, strict=True)
    number = 1 + skipped
    while True:
        try:
            cells = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            if "unexpected end" in str(error):
                raise Unusable(
                    f"The file {name} cannot be read: a quotation mark that opens on line {number} is never closed.",
                    "malformed_csv",
                    advice='In a quoted cell, a quotation mark is written twice: "{""remove_groups"": true}".',
                ) from error
            text_of = "It is no CSV: after a cell in quotation marks something else stands before the separator."
            if "field larger" in str(error):
                text_of = f"A cell has more than {csv.field_size_limit():,} characters."
            advice = 'In a quoted cell, a quotation mark is written twice: "{""remove_groups"": true}".'
            yield number, Unusable(text_of, "malformed_line", advice=advice)
        else:
            yield number, cells
        number = rows.line_num + skipped + 1


def _line(number: int, values: Mapping[str, str], seen: dict[str, int], *, surplus: bool) -> Line:
    user = values.get("user", "")
    if surplus:
        raise Unusable(
            "The line has more cells than the heading.",
            "malformed_line",
            advice="A cell that holds the separator must be in quotation marks.",
        )
    if not user:
        raise Unusable("The line names no user.", "malformed_line")
    if user.lower() in seen:
        raise Unusable(f"{user} stands on line {seen[user.lower()]} already.", "duplicate_user")
    seen[user.lower()] = number
    own = _settings(values.get("settings", ""))
    return Line(number, user, values.get("at", ""), values.get("reference", ""), own)


def _settings(text: str) -> Mapping[str, Any] | None:
    if not text:
        return None
    document = parse_json(text, "The cell settings")
    if not isinstance(document, dict):
        raise Unusable("The cell settings must hold a JSON object.", "malformed_settings")
    return document
