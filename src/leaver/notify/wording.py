"""An event as a message for people: a title and a few lines of plain text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from leaver.domain import news

_UNSEEN = re.compile(r"[\x00-\x1f\x7f\u200b-\u200f\u2028-\u202e\u2066-\u2069]+")
_MARKUP = str.maketrans({"<": "‹", ">": "›", "[": "(", "]": ")", "`": "'", "*": "∗", "|": "/", "\\": "/"})
"""Signs with which a chat service makes links, mentions and markup out of text that a tenant holds."""
_MENTION = re.compile(r"(?<![\w.+-])@")
MOST_LINES = 20
SUBJECTS = {
    news.ACCEPTED: "accepted",
    news.FINISHED: "finished",
    news.FAILED: "failed",
    news.FOLLOW_UP_DUE: "something is left for a person",
    news.APPROVAL_NEEDED: "waits for approval",
}
STATES = {
    "completed": "Everything was done and read back.",
    "follow_up": "Done; something is left for a person.",
    "failed": "At least one task failed or could not be proved.",
    "blocked": "It was stopped before the first change, because something must be decided.",
    "cancelled": "It was canceled. What was done stays.",
    "scheduled": "It is scheduled.",
    "planned": "It starts at once.",
}


@dataclass(frozen=True)
class Message:
    """What people read."""

    title: str
    body: str
    grave: bool = False


def message(type_: str, data: Mapping[str, Any]) -> Message:
    """The words for an event."""
    if type_ == news.TEST:
        return Message("Leaver: a test", "This is a test. Nothing happened to anybody.")
    if type_ == news.REPORT:
        return _report(data)
    user, tenant = data["user"], data["tenant"]
    what = "Undo" if data["kind"] == "undo" else "Offboarding"
    title = f"{what} of {_name(user['display_name'])}: {SUBJECTS.get(type_, type_)}"
    lines = [
        f"{_name(user['display_name'])} ({_plain(user['upn'])}), {_name(tenant['name'] or tenant['domain'])}",
        _how(type_, data),
    ]
    if data["reference"]:
        lines.append(f"Reference: {_plain(data['reference'])}")
    if data["asked_by"]:
        lines.append(f"Asked for by: {_plain(data['asked_by'])}")
    lines += [_plain(reason) for reason in data["approval_needed"]]
    lines += _listed("What went wrong:", data["problems"])
    lines += _listed("Left for a person:", data["follow_ups"])
    if data["url"].startswith("http"):
        lines += ["", data["url"]]
    return Message(title[:200], "\n".join(lines), grave=type_ == news.FAILED)


def _report(data: Mapping[str, Any]) -> Message:
    """The words that go with a report. Who reads them need not know Leaver."""
    user, tenant = data["user"], data["tenant"]
    what = "Undo" if data["kind"] == "undo" else "Offboarding"
    name, where = _name(user["display_name"]), _name(tenant["name"] or tenant["domain"])
    lines = [f"{what} of {name} ({_plain(user['upn'])}), {where}", STATES.get(data["state"], str(data["state"]))]
    if data["reference"]:
        lines.append(f"Reference: {_plain(data['reference'])}")
    lines += ["", "The evidence report is attached as PDF: what was changed, when, by whom, and how it was verified."]
    if data["sent_by"]:
        lines.append(f"{_name(data['sent_by'])} had it sent to you.")
    return Message(f"Offboarding report: {name}, {where}"[:200], "\n".join(lines))


def _listed(heading: str, items: list[dict[str, Any]]) -> list[str]:
    if not items:
        return []
    lines = [f"- {_plain(item['label'] + ': ' if item['label'] else '')} {_plain(item['text'])}" for item in items]
    rest = [f"- and {len(lines) - MOST_LINES} more"] if len(lines) > MOST_LINES else []
    return ["", heading, *[line.replace("-  ", "- ") for line in lines[:MOST_LINES]], *rest]


def _how(type_: str, data: Mapping[str, Any]) -> str:
    if data["approval_needed"]:
        return "It stands still until a second person has agreed."
    if type_ == news.ACCEPTED and data["at"]:
        return f"It is scheduled for {data['at'][:16].replace('T', ' ')} UTC."
    return STATES.get(data["state"], str(data["state"]))


def _plain(text: str) -> str:
    """A tenant's text without line breaks, hidden signs and markup."""
    return _MENTION.sub("(at) ", _UNSEEN.sub(" ", text).translate(_MARKUP)).strip()[:500]


def _name(text: str) -> str:
    """A name, which is no link either."""
    return _plain(text.replace("://", " "))
