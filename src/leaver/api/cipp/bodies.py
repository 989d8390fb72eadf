"""CIPP's loose shapes, read once: strings or `{label, value}`, one or a list, any letter case.

What callers send is listed in contracts/cipp-api.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from leaver.domain import news
from leaver.domain.plan import Json
from leaver.tasks.catalogue import all_tasks
from leaver.tasks.task import Switch

NO_AUTOMAP, AUTOMAP, KEEP_COPY = "accessnoautomap", "accessautomap", "keepcopy"
WIPE = "wipemobile"
GRANTS = "grant_mailbox_access"
FORWARD = "forward_mail"
OUT_OF_OFFICE = "set_out_of_office"
MEETINGS = "cancel_meetings"
ONE_VALUE = frozenset({FORWARD, OUT_OF_OFFICE})


FIELDS = {task.option.api_field.lower(): task.name for task in all_tasks()}
"""CIPP's name in lower case, and the task that it chooses."""
SWITCHES = frozenset(
    task.option.api_field.lower() for task in all_tasks() if task.option.setting is Switch or task.name == MEETINGS
)
NAMES = frozenset({"tenantfilter", "user", "reference", NO_AUTOMAP, AUTOMAP}) | (FIELDS.keys() - SWITCHES)
"""Keys whose values are texts: people, and what is said."""
EARLIEST = 1_000_000_000
"""Seconds: an earlier date (2001) is a zero or a count of something else, never the moment that somebody chose."""
DEEPEST = 8
FLAGS = {"true": True, "1": True, "false": False, "0": False}
NAMING = ("value", "userprincipalname", "defaultdomainname", "customerid", "id")
"""Where an object says whom it means: as a choice of CIPP's own lists, or as a row of `ListUsers` and `ListTenants`."""
ENVELOPE = frozenset({"tenantfilter", "user", "scheduled", "postexecution", "reference"})
MEANT = {
    "userid": "user",
    "id": "user",
    "users": "user",
    "username": "user",
    "disableuser": "DisableSignIn",
    "removefromgroups": "RemoveGroups",
    "revokeaccess": "RevokeSessions",
    "resetpassword": "ResetPass",
    "forwardto": "forward",
    "autoreply": "OOO",
    "tenant": "tenantFilter",
    "tenantid": "tenantFilter",
    "time": "Scheduled.date",
}
"""Keys that callers have invented, and what they meant (contracts/cipp-api.md)."""


@dataclass
class Read:
    """A request as Leaver understands it, and what it could not understand."""

    tenant: str = ""
    users: list[str] = field(default_factory=list)
    settings: dict[str, Json] = field(default_factory=dict)
    at: datetime | None = None
    reference: str = ""
    notify: list[str] = field(default_factory=list)
    """How to tell of the end."""
    warnings: list[str] = field(default_factory=list)
    """Every key that is ignored, and what was meant by it."""
    reasons: list[str] = field(default_factory=list)
    """Why nothing can be done with it."""


def read_offboarding(body: object) -> Read:
    """The body of `POST /api/ExecOffboardUser`."""
    read = Read()
    if not isinstance(body, Mapping):
        read.reasons.append("The body is not a JSON object.")
        return read
    given = _folded(body, read)
    read.tenant = _only("tenantfilter", given, read)
    if not read.tenant and not read.reasons:
        read.reasons.append("tenantFilter is missing.")
    read.users = texts_of(given.get("user", ("", None))[1])
    if not read.users:
        read.reasons.append("user is missing.")
    read.reference = _only("reference", given, read)
    for folded in NAMES & given.keys():
        if _holds_more(given[folded][1]):
            read.reasons.append(f"{given[folded][0]} holds what is neither a text nor an object with a value.")
    _read_settings(given, read)
    _read_schedule(given.get("scheduled", ("", None))[1], read)
    _read_notifications(given.get("postexecution", ("", None))[1], read)
    known = ENVELOPE | FIELDS.keys() | {NO_AUTOMAP, AUTOMAP, KEEP_COPY}
    for folded, (key, value) in given.items():
        if folded not in known and not (folded == WIPE and flag_of(value) is False):
            read.warnings.append(_ignored(key, folded))
    if not read.settings and not read.reasons:
        read.reasons.append("No task is chosen, so nothing would be done.")
    if read.reasons:
        read.reasons += [text for text in read.warnings if "meant" in text]
    return read


def read_switches(body: Mapping[str, Any]) -> tuple[dict[str, bool], list[str]]:
    """The switches of tenant defaults, by task; and the keys that are none."""
    read = Read()
    switches = {}
    for folded, (key, value) in _folded(body, read).items():
        flag = flag_of(value)
        if folded not in SWITCHES:
            if flag is not False:  # an empty field of a form, or what would be off anyway
                read.warnings.append(_ignored(key, folded))
        elif flag is None:
            read.warnings.append(f"{key} is ignored: it is neither true nor false.")
        else:
            switches[FIELDS[folded]] = flag
    return switches, read.warnings + read.reasons


def _folded(body: Mapping[Any, Any], read: Read) -> dict[str, tuple[str, Any]]:
    given: dict[str, tuple[str, Any]] = {}
    for key, value in body.items():
        folded = str(key).strip().lower()
        if folded in given and given[folded][1] != value:
            read.reasons.append(f"{key} is given twice with different values.")
        given[folded] = (str(key), value)
    return given


def _read_settings(given: Mapping[str, tuple[str, Any]], read: Read) -> None:
    grants: list[Json] = []
    for folded, automapping in ((NO_AUTOMAP, False), (AUTOMAP, True)):
        people = texts_of(given.get(folded, ("", None))[1])
        grants += [{"user": person, "automapping": automapping} for person in people]
    if grants:
        read.settings[GRANTS] = grants
    for task in all_tasks():
        folded = task.option.api_field.lower()
        if task.name == GRANTS or folded not in given:
            continue
        key, value = given[folded]
        if task.name in ONE_VALUE:
            _read_text(task.name, texts_of(value), key, given, read)
        elif folded in SWITCHES:
            flag = flag_of(value)
            if flag is None:
                read.reasons.append(f"{key} is neither true nor false.")
            elif flag:
                read.settings[task.name] = True
        elif people := texts_of(value):
            read.settings[task.name] = list(people)
    if KEEP_COPY in given and FORWARD not in read.settings and flag_of(given[KEEP_COPY][1]):
        read.warnings.append(f"{given[KEEP_COPY][0]} does nothing without forward.")


def _read_text(name: str, texts: list[str], key: str, given: Mapping[str, tuple[str, Any]], read: Read) -> None:
    if not texts:
        return
    if len(texts) > 1:
        read.reasons.append(f"{key} takes one value.")
    elif name == OUT_OF_OFFICE:
        read.settings[name] = {"internal": texts[0]}
    else:
        keep = flag_of(given.get(KEEP_COPY, ("", False))[1])
        if keep is None:
            read.reasons.append("KeepCopy is neither true nor false.")
        read.settings[name] = {"to": texts[0], "keep_copy": bool(keep)}


def _read_schedule(value: Any, read: Read) -> None:
    if value in (None, "", []):
        return
    if not isinstance(value, Mapping):
        read.reasons.append("Scheduled is not an object with enabled and date.")
        return
    given = _folded(value, read)
    enabled = flag_of(given.get("enabled", ("", False))[1])
    if enabled is None:
        read.reasons.append("Scheduled.enabled is neither true nor false.")
    for folded, (key, _) in given.items():
        if folded not in ("enabled", "date"):
            read.warnings.append(_ignored(f"Scheduled.{key}", folded))
    if not enabled:
        return
    date = given.get("date", ("", None))[1]
    try:
        seconds = float(str(_one(date) or date)) if not isinstance(date, bool) else float("nan")
        read.at = datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        read.reasons.append("Scheduled.date is not a moment in Unix seconds (nor are milliseconds).")
        return
    if seconds < EARLIEST:
        read.reasons.append(
            "Scheduled.date names no moment of this century; it is in Unix seconds. Nothing starts now."
        )
        return
    if read.at.year > datetime.now(UTC).year + 10:
        read.reasons.append("Scheduled.date is more than ten years away; it is in seconds, not in milliseconds.")
    if read.at <= datetime.now(UTC):
        read.warnings.append(f"Scheduled.date has passed ({read.at:%Y-%m-%d %H:%M} UTC), so it starts at once.")
        read.at = None


def _read_notifications(value: Any, read: Read) -> None:
    if value in (None, "", []):
        return
    if not isinstance(value, Mapping):
        read.warnings.append("PostExecution is ignored: it is not an object with webhook, email and psa.")
        return
    for folded, (key, flag) in _folded(value, read).items():
        wanted = flag_of(flag)
        if wanted is None:
            read.warnings.append(f"PostExecution.{key} is ignored: it is neither true nor false.")
        elif wanted and folded in news.CHANNELS:
            read.notify.append(folded)
        elif folded not in news.CHANNELS:
            read.warnings.append(_ignored(f"PostExecution.{key}", folded))
    if "psa" in read.notify:
        read.warnings.append("PostExecution.psa tells the webhooks; Leaver opens no ticket by itself.")


def _ignored(key: str, folded: str) -> str:
    if folded == WIPE:
        return f"{key} is ignored: Leaver wipes no devices. RemoveMobile takes the mailbox's devices away."
    if folded == KEEP_COPY:
        return f"{key} is ignored: it goes with forward, which has no default."
    if folded in FIELDS:
        return f"{key} is ignored: it has no default, since it names people or holds a text."
    meant = MEANT.get(folded)
    if meant is None:
        compact = folded.replace("_", "")
        meant = next((task.option.api_field for task in all_tasks() if task.name.replace("_", "") == compact), None)
    return f"{key} is ignored" + (f"; {meant} was probably meant." if meant else ": it is not known.")


def flag_of(value: Any) -> bool | None:
    """True or false, also as a word; what is empty is false. None for anything else."""
    if isinstance(value, Mapping):
        value = _folded(value, Read()).get("value", ("", None))[1]
    if isinstance(value, (list, tuple)) and len(value) < 2:
        value = value[0] if value else None
    if value is None or value == "":
        return False
    if isinstance(value, bool):
        return value
    return FLAGS.get(str(value).strip().lower()) if isinstance(value, (str, int, float)) else None


def _only(folded: str, given: Mapping[str, tuple[str, Any]], read: Read) -> str:
    key, value = given.get(folded, ("", None))
    if len(texts_of(value)) > 1:
        read.reasons.append(f"{key} takes one value.")
    return _one(value)


def _one(value: Any) -> str:
    texts = texts_of(value)
    return texts[0] if len(texts) == 1 else ""


def _holds_more(value: Any, depth: int = 0) -> bool:
    """Whether there is something in it that `texts_of` does not read; it must not be lost without a word."""
    if depth > DEEPEST or value is True or (isinstance(value, str) and value.strip().lower() == "true"):
        return True
    if isinstance(value, (list, tuple)):
        return any(_holds_more(item, depth + 1) for item in value)
    if isinstance(value, Mapping):
        given = _folded(value, Read())
        name = next((name for name in NAMING if name in given), "")
        return _holds_more(given[name][1], depth + 1) if name else any(value.values())
    return False


def texts_of(value: Any, depth: int = 0) -> list[str]:
    """Every text in a string, a `{value}` or a list of either; what is empty is absent."""
    if depth > DEEPEST:
        return []
    if isinstance(value, (list, tuple)):
        found = [text for item in value for text in texts_of(item, depth + 1)]
        return list(dict.fromkeys(found))
    if isinstance(value, Mapping):
        given = _folded(value, Read())
        return texts_of(next((given[name][1] for name in NAMING if name in given), None), depth + 1)
    text = "" if value is None else str(value).strip()
    return [text] if text and text.lower() not in ("false", "true") else []
