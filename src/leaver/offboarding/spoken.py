"""What people read in place of values: of changes, of tasks in one line, of choices."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo

from leaver.domain.offboarding import TaskRecord
from leaver.domain.plan import Change, Json
from leaver.m365.exchange.auto_replies import plain
from leaver.offboarding import words
from leaver.tasks.catalogue import all_tasks

LONGEST = 80
EVIDENCE = 400
"""Characters of a value in the evidence; its JSON holds them all."""

VALUES: Mapping[str, Mapping[Json, str]] = {
    "accountEnabled": {True: "Enabled", False: "Blocked"},
    "hidden from address lists": {False: "Visible", True: "Hidden"},
    "mailbox type": {"UserMailbox": "User", "SharedMailbox": "Shared", "RoomMailbox": "Room"},
    "out-of-office message": {"Enabled": "On", "Disabled": "Off", "Scheduled": "On for a time"},
}
"""What Microsoft's values are called, by what they are a value of."""


NAMES = {"accountEnabled": "Sign-in", "onPremisesImmutableId": "Immutable ID"}
"""What Microsoft's properties are called."""


@dataclass(frozen=True)
class Choice:
    """A choice as it is offered."""

    label: str
    hint: str = ""


CHOICES = {
    "keep_exchange_license": Choice(
        "Keep the Exchange Online license", "The license that holds the mailbox stays assigned. Costs one seat."
    ),
    "keep_user_mailbox": Choice(
        "Do not convert, keep as a user mailbox with all licenses", "Turns off Remove licenses for this user."
    ),
    "convert_anyway": Choice("Convert anyway", "New mail is returned to the sender until the mailbox is below 50 GB."),
    "remove_anyway": Choice("Remove the license anyway", "What needs the license stops working."),
    "lose_mailbox": Choice("Give the mailbox up", "Microsoft deletes it 30 days after the license is gone."),
    "skip": Choice("Leave this task out", "It becomes a follow-up for a person."),
    "leave_out": Choice("Leave this task out", "The report says that it was not done."),
    "manager": Choice("The manager"),
    "leave": Choice("Leave the user in this group"),
    "keep": Choice("Keep what is there now"),
    "put_back": Choice("Put it back all the same"),
}

QUESTIONS = {
    "mailbox_over_50_gb": "Mailbox over 50 GB",
    "mailbox_would_be_lost": "Mailbox without a license",
    "mailbox_has_archive": "Mailbox with an archive",
    "mailbox_on_hold": "Mailbox on hold",
    "last_owner": "New owner",
    "changed_since": "Changed since",
}
"""What a question is called, by the code of its note."""


_DAYS = re.compile(r"\bthe next (\d+) days\b")


def choice(word: str) -> Choice:
    """A choice as it is offered; an address is offered as it is."""
    return CHOICES.get(word) or Choice(word if "@" in word else _capital(word.replace("_", " ")))


def question(code: str) -> str:
    """What a question is called."""
    return QUESTIONS.get(code) or _capital(code.replace("_", " "))


def was_and_is(change: Change, zone: tzinfo = UTC) -> tuple[str, str]:
    """The value before and the one after; where there is none it says so."""
    return _spoken(change, change.before, zone), _spoken(change, change.after, zone)


def in_full(change: Change, zone: tzinfo = UTC) -> tuple[str, str]:
    """The value before and the one after with all that is kept of them, as evidence shows them."""
    before, after = (
        VALUES.get(change.what, {}).get(item) if isinstance(item, (bool, str)) else None
        for item in (change.before, change.after)
    )
    return (
        before or words.value(change.before, EVIDENCE, zone) or "–",
        after or words.value(change.after, EVIDENCE, zone) or "–",
    )


def name_of(change: Change) -> str:
    """What it changes, as a line begins with it."""
    return NAMES.get(change.what) or _thing(change)


def before_and_after(change: Change, *, made: bool, zone: tzinfo = UTC) -> tuple[str, str]:
    """What a table shows before and after a change; for a thing that comes or goes, the thing."""
    if is_delta(change):
        was, now = was_and_is(change, zone)
        return was, now if made else was
    thing = name_of(change)
    kind = words.kind_of(change)
    told = aside(change, zone)
    named = f"{thing} ({told})" if told and kind == "add" else thing
    return ("", named if made else "") if kind == "add" else (named, "" if made else named)


def _thing(change: Change) -> str:
    """`group Sales Team` is `Sales Team` where the column says that it is about groups."""
    for noun in ("mobile device ", "MFA method ", "group ", "licenses "):
        if change.what.startswith(noun):
            return change.what.removeprefix(noun)
    return _capital(_DAYS.sub(_years, change.what))


def _years(found: re.Match[str]) -> str:
    years, over = divmod(int(found[1]), 365)
    return found[0] if over or not years else f"the next {words.counted(years, 'year') if years > 1 else 'year'}"


def aside(change: Change, zone: tzinfo = UTC) -> str:
    """What a list adds behind the name: the value that comes, or that goes."""
    kind = words.kind_of(change)
    if kind == "change":
        was, now = was_and_is(change, zone)
        return f"{was} → {now}"
    given = change.after if kind == "add" else change.before
    if isinstance(given, dict) and not _telling(given):
        return ""
    shown = _spoken(change, given, zone)
    return "" if shown.lower() in change.what.lower() else shown


def line(change: Change, zone: tzinfo = UTC) -> str:
    """A change in one line: the thing, and what it is or becomes."""
    told = aside(change, zone)
    return f"{name_of(change)}, {told}" if told else name_of(change)


def permanently(change: Change, zone: tzinfo = UTC) -> str:
    """What a person types their name for, in a sentence."""
    if _is_meetings(change):
        named = members(change)
        what = {0: f"{name_of(change)} are", 1: "1 future meeting is"}.get(
            len(named), f"{len(named)} future meetings are"
        )
        return f"{what} canceled and those who were invited are e-mailed{': ' if named else ''}{', '.join(named[:10])}."
    return f"{words.sentence(change, zone=zone)}."


def put_back(task: TaskRecord, changes: Sequence[Change], zone: tzinfo = UTC) -> str:
    """What undoing a task's changes would do, in short."""
    if len(changes) != 1:
        return words.counted(len(changes), _noun(task.task))
    if not is_delta(changes[0]):
        return line(changes[0], zone)
    return " → ".join(was_and_is(changes[0], zone))


def in_short(task: TaskRecord) -> str:
    """What a task with several changes is about: `3 methods`; what one without changes found, where that is short."""
    if task.changes:
        return words.counted(len(task.changes), _noun(task.task))
    info = next((note.text for note in task.notes if note.kind.value == "info"), "")
    return info if 0 < len(info) <= LONGEST else words.OUTCOMES[task.outcome]


def is_delta(change: Change) -> bool:
    """Whether before and after say more than the name of the thing does."""
    return (
        change.what in VALUES
        or words.kind_of(change) == "change"
        or change.what == "forwarding"
        or _is_meetings(change)
    )


def members(change: Change) -> list[str]:
    """The things that one change is about, where it is about several: the meetings that are canceled."""
    return [str(each) for each in change.before] if isinstance(change.before, list) and _is_meetings(change) else []


def texts(change: Change) -> list[tuple[str, str]]:
    """The messages that a change has somebody read, each with who reads it."""
    after = change.after
    if not (isinstance(after, dict) and "audience" in after and "internal" in after):
        return []
    inside, outside = plain(str(after["internal"])), plain(str(after["external"]))
    if after["audience"] == "None":
        return [("Inside", inside)]
    if inside == outside:
        return [("Inside and outside", inside)]
    return [("Inside", inside), ("Outside", outside)]


def _spoken(change: Change, item: Json, zone: tzinfo) -> str:
    values = VALUES.get(change.what, {})
    if isinstance(item, (bool, str)) and item in values:
        return values[item]
    if isinstance(item, dict):
        return _telling(item)
    if _is_meetings(change) and item is change.before:
        return words.counted(len(members(change)), "meeting") if item else "None listed"
    if item is None or item in ("", []):
        return "None"
    return words.value(item, LONGEST, zone)


def _telling(item: dict[str, Json]) -> str:
    """Records in a few words: a reply by its state, a forwarding by where it goes; nothing of what only undo needs."""
    if "state" in item and "audience" in item:
        state = VALUES["out-of-office message"].get(item["state"], str(item["state"]))
        if state == "Off":
            return state
        return f"{state}, inside only" if item["audience"] == "None" else f"{state}, inside and outside"
    if "inside" in item or "outside" in item:
        target = str(item.get("inside") or item.get("outside") or "None")
        return f"{target}, copy kept" if item.get("keeps_copy") else target
    return ""


def _noun(task: str) -> str:
    return next((each.option.noun for each in all_tasks() if each.name == task), "change")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _is_meetings(change: Change) -> bool:
    return change.what.startswith("meetings ")
