"""The audit trail as people read it: each entry as a title, a sentence and a result."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from leaver.domain.outcome import Outcome
from leaver.offboarding import words
from leaver.store.audit import About
from leaver.tasks.catalogue import all_tasks

ACTIONS: Mapping[str, tuple[str, Sequence[str]]] = {
    "": ("All actions", ()),
    "changes": ("Changes in tenants", ("offboarding.ended", "undo.ended", "task.")),
    "confirmations": (
        "Confirmations",
        tuple(
            f"{kind}.{what}"
            for kind in ("offboarding", "undo")
            for what in ("accepted", "approved", "refused", "awaits_approval", "retried", "rescheduled", "cancel")
        ),
    ),
    "undo": ("Undo", ("undo.",)),
    "sign-ins": ("Sign-ins", ("sign_in", "password.", "code.", "recovery_code.", "sessions.")),
    "defaults": ("Defaults", ("defaults.",)),
    "settings": (
        "Settings",
        tuple(
            f"{kind}."
            for kind in (
                *("account", "approval_rule", "audit", "defaults", "email", "preset"),
                *("service", "tenant", "token", "user", "webhook"),
            )
        ),
    ),
}
"""What entries can be chosen by: a title, and what their `what` begins with."""

_TITLES = {
    "offboarding.accepted": "Plan confirmed",
    "undo.accepted": "Undo confirmed",
    "sign_in": "Signed in",
    "sign_in.refused": "Sign-in refused",
    "user.protected": "Account protected",
    "user.unprotected": "Account no longer protected",
    "code.set_up": "One-time code turned on",
    "code.removed": "One-time code turned off",
    "account.created": "Person added",
    "account.removed": "Person removed",
    "account.changed": "Role changed",
    "approval_rule.changed": "Approval by a second person changed",
    "email.created": "Mail address added",
    "service.created": "Channel added",
    "audit.exported": "Audit log exported",
}
_STATES = {"completed": "completed", "follow_up": "completed", "failed": "failed", "blocked": "blocked"}
_LARGE = 3


@dataclass(frozen=True)
class Result:
    """How it came out."""

    tone: str
    icon: str
    word: str


DONE = Result("c-ok", "check", "Done")
_ENDED = {
    "completed": Result("c-ok", "check-double", "Verified"),
    "follow_up": Result("c-warn", "user", "Follow-up"),
    "failed": Result("c-bad", "stop", "Failed"),
    "blocked": Result("c-bad", "stop", "Blocked"),
    "cancelled": Result("c-mute", "x-circle", "Canceled"),
}
_RESULTS = {
    "sign_in.refused": Result("c-bad", "blocked", "Refused"),
    "offboarding.refused": Result("c-bad", "blocked", "Refused"),
    "undo.refused": Result("c-bad", "blocked", "Refused"),
    "offboarding.retried": Result("c-warn", "retry", "Retrying"),
    "undo.retried": Result("c-warn", "retry", "Retrying"),
    "offboarding.awaits_approval": Result("c-warn", "users", "Waits"),
    "undo.awaits_approval": Result("c-warn", "users", "Waits"),
    "task.skipped": Result("c-warn", "user", "Follow-up"),
}


@dataclass(frozen=True)
class Line:
    """An entry as it is shown."""

    number: int
    at: datetime
    who: str
    title: str
    text: str
    tenant_id: str
    offboarding_id: str
    reference: str
    result: Result


def line(entry: Mapping[str, Any], about: Mapping[str, About]) -> Line:
    """An entry of the trail, in words."""
    found = about.get(entry["offboarding_id"])
    who = "Leaver" if entry["via"] == "engine" else entry["actor"]
    return Line(
        entry["number"],
        datetime.fromisoformat(entry["at"]),
        who,
        _title(entry),
        _text(entry, found),
        entry["tenant_id"],
        entry["offboarding_id"] if found else "",
        found.reference if found else "",
        _result(entry),
    )


def as_csv(entry: Mapping[str, Any] | None) -> str:
    """An entry as a line of a table, or its head for none. No cell is taken for a formula."""
    names = ("number", "at", "actor", "via", "address", "what", "tenant_id", "user_id", "offboarding_id")
    cells = [*names, "before", "after", "hash"]
    if entry is not None:
        values = [json.dumps(entry[name], ensure_ascii=False) if entry[name] is not None else "" for name in _VALUES]
        cells = [_harmless(str(cell)) for cell in (*(entry[name] for name in names), *values, entry["hash"])]
    written = io.StringIO()
    csv.writer(written).writerow(cells)
    return written.getvalue()


_VALUES = ("before", "after")


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def _title(entry: Mapping[str, Any]) -> str:
    what = entry["what"]
    kind, _, happened = what.partition(".")
    if happened == "ended" and kind in ("offboarding", "undo"):
        return f"{kind.capitalize()} {_STATES.get(_of(entry['after'], 'state'), 'ended')}"
    return _TITLES.get(what) or f"{kind} {happened}".replace("_", " ").strip().capitalize()


def _text(entry: Mapping[str, Any], about: About | None) -> str:
    before, after, what = entry["before"], entry["after"], entry["what"]
    upn = about.user_upn if about else _of(after, "user")
    if what == "defaults.changed":
        return _changed(before, after)
    if what.endswith(".ended") and isinstance(_of(after, "outcomes"), Mapping):
        return _led(upn, _outcomes(after["outcomes"]))
    if what.endswith(".accepted"):
        tasks = _of(after, "tasks")
        return _led(upn, words.counted(len(tasks), "task") if isinstance(tasks, list) else "")
    if what == "task.skipped":
        return _led(upn, f"{_label(_of(after, 'task'))}: {_of(after, 'note')}")
    if what.startswith("sign_in"):
        return ", ".join(filter(None, (_of(after, "provider") or "Local account", entry["address"])))
    if what == "token.created":
        until = _of(after, "expires_at")
        return f"{_of(after, 'name')}: {_of(after, 'role')}. {f'Expires {until[:10]}' if until else 'Never expires'}"
    if upn:
        return _led(upn, _of(after, "note") or _plain(after))
    name = _of(after, "name") or _of(before, "name") or _of(after, "upn") or _of(before, "upn")
    role = _of(after, "role")
    return _led(name, role) if name else _plain(after if after is not None else before)


def _outcomes(outcomes: Mapping[str, str]) -> str:
    counts = Counter(outcomes.values())
    return ", ".join(
        f"{words.counted(counts[outcome], 'task') if first else counts[outcome]} {words.OUTCOMES[outcome].lower()}"
        for first, outcome in zip(
            [True] + [False] * len(Outcome), [each for each in Outcome if counts[each]], strict=False
        )
    )


def _changed(before: Any, after: Any) -> str:
    was, now = (value if isinstance(value, Mapping) else {} for value in (before, after))
    found = [
        f"{_label(task)}: {_preset(was.get(task))} → {_preset(now.get(task))}"
        for task in sorted({*was, *now})
        if was.get(task) != now.get(task)
    ]
    more = f" and {len(found) - _LARGE} more" if len(found) > _LARGE else ""
    return "; ".join(found[:_LARGE]) + more


def _preset(said: Any) -> str:
    if not isinstance(said, Mapping) or said.get("value") is None:
        return "Inherit"
    return ("On" if said["value"] is not False else "Off") + (", locked" if said.get("locked") else "")


def _result(entry: Mapping[str, Any]) -> Result:
    if entry["what"].endswith(".ended"):
        return _ENDED.get(str(_of(entry["after"], "state")), DONE)
    if entry["what"].endswith(".switched_off"):
        return _ENDED["failed"]
    return _RESULTS.get(entry["what"], DONE)


def _label(task: Any) -> str:
    return next((each.option.label for each in all_tasks() if each.name == task), str(task))


def _of(value: Any, key: str) -> Any:
    return value.get(key, "") if isinstance(value, Mapping) else ""


def _led(who: Any, text: Any) -> str:
    return ": ".join(str(part) for part in (who, text) if part)


def _plain(value: Any) -> str:
    return words.value(value, 160) if value not in (None, {}, []) else ""
