"""Arguments and options that several commands share, and how their files are read."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import click

from leaver.domain.errors import Unusable

Command = TypeVar("Command", bound=Callable[..., Any])


def tenant_argument(command: Command) -> Command:
    """TENANT: an id or any domain."""
    return click.argument("tenant")(command)


def json_option(command: Command) -> Command:
    """Print one JSON document on standard output and nothing else."""
    return click.option(
        "--json", "wants_json", is_flag=True, help="Print one JSON document, and nothing else, on standard output."
    )(command)


def settings_option(command: Command) -> Command:
    """Where the settings come from."""
    return click.option(
        "--settings",
        "settings_file",
        metavar="FILE",
        help='JSON: {"disable_sign_in": true, …} or {"settings": {…}, "decisions": {…}}; - reads standard input.',
    )(command)


def decide_option(command: Command) -> Command:
    """Answers to blockers."""
    return click.option(
        "--decide",
        "decide",
        metavar="CODE=CHOICE",
        multiple=True,
        help="Answer a blocker of the plan; may be repeated.",
    )(command)


def full_scan_option(command: Command) -> Command:
    """Whether the index of rights is gone by."""
    return click.option(
        "--full-scan",
        is_flag=True,
        help="Look through every mailbox for the users' rights, whatever the rights index says.",
    )(command)


@dataclass(frozen=True)
class Wish:
    """What a settings file asks for."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    decisions: Mapping[str, str] = field(default_factory=dict)
    full_scan: bool = False


def read_wish(file: str | None, decide: tuple[str, ...], *, full_scan: bool = False) -> Wish:
    """The settings of a file, and its decisions overlaid with those of the command line."""
    written = _read(file) if file is not None else Wish()
    return Wish(written.settings, {**written.decisions, **_decisions(decide)}, full_scan)


def parse_json(text: str, where: str) -> Any:
    """JSON, or a sentence that says where it breaks."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise Unusable(
            f"{where} is no valid JSON: {error.msg} (line {error.lineno}, column {error.colno}).", "malformed_settings"
        ) from error


def _read(file: str) -> Wish:
    where = "The settings on standard input" if file == "-" else f"The settings file {file}"
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise Unusable(f"{where} cannot be read: {reason}.", "malformed_settings") from error
    document = parse_json(text, where)
    if not isinstance(document, dict):
        raise Unusable(f"{where} must hold a JSON object.", "malformed_settings")
    if not document.keys() or not document.keys() <= {"settings", "decisions"}:
        return Wish(document)
    settings, decisions = document.get("settings", {}), document.get("decisions", {})
    if not isinstance(settings, dict) or not isinstance(decisions, dict):
        raise Unusable(f'In {where}, "settings" and "decisions" must be JSON objects.', "malformed_settings")
    if not all(isinstance(choice, str) for choice in decisions.values()):
        raise Unusable(f"In {where}, each decision must be a string.", "malformed_settings")
    return Wish(settings, decisions)


def _decisions(decide: tuple[str, ...]) -> dict[str, str]:
    decisions = {}
    for text in decide:
        code, equals, choice = text.rpartition("=")
        if not equals or not code.strip() or not choice.strip():
            raise Unusable(f"--decide {text!r} is not of the form CODE=CHOICE.", "malformed_decision")
        decisions[code.strip()] = choice.strip()
    return decisions
