"""Automatic replies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from m365_simulator.exchange import errors
from m365_simulator.exchange.cmdlets import Invocation, Row, Rows, cmdlet
from m365_simulator.exchange.directory import Recipient
from m365_simulator.world import AutoReply, Mailbox


@cmdlet("Get-MailboxAutoReplyConfiguration", store=True)
def get_auto_reply(call: Invocation) -> Sequence[Any]:
    """What is answered, and whether."""
    return Rows(call.mailboxes(), lambda each: _row(*each))


def _row(recipient: Recipient, mailbox: Mailbox) -> Row:
    reply = mailbox.auto_reply
    return {
        "AutoReplyState": reply.state,
        "InternalMessage": reply.internal,
        "ExternalMessage": reply.external,
        "ExternalAudience": reply.audience,
        "StartTime": "2025-01-01T09:00:00",
        "EndTime": "2025-01-02T09:00:00",
        "AutoDeclineFutureRequestsWhenOOF": False,
        "CreateOOFEvent": False,
        "DeclineAllEventsForScheduledOOF": False,
        "DeclineEventsForScheduledOOF": False,
        "DeclineMeetingMessage": "",
        "EventsToDeleteIDs": None,
        "OOFEventSubject": "",
        "MailboxOwnerId": recipient.alias,
        "Identity": recipient.alias,
        "IsValid": True,
    } | mailbox.settings.get("AutoReply", {})


@cmdlet("Set-MailboxAutoReplyConfiguration", store=True)
def set_auto_reply(call: Invocation) -> None:
    """Changes it; a state that answers needs texts to answer with."""
    mailbox = call.mailbox()[1]
    old = mailbox.auto_reply
    new = AutoReply(
        state=call.text("AutoReplyState") or old.state,
        internal=_html(call.given["InternalMessage"]) if call.has("InternalMessage") else old.internal,
        external=_html(call.given["ExternalMessage"]) if call.has("ExternalMessage") else old.external,
        audience=call.text("ExternalAudience") or old.audience,
    )
    if new.state != "Disabled" and (not new.internal or (new.audience != "None" and not new.external)):
        raise errors.CmdletError(
            f"{errors.STORE}InvalidOperationException",
            f"An InternalMessage, and an ExternalMessage for the audience {new.audience}, are required when the state "
            f"is {new.state}.",
        )
    if call.only_if_asked():
        return
    mailbox.auto_reply = new
    ours = ("Identity", "AutoReplyState", "InternalMessage", "ExternalMessage", "ExternalAudience", "Confirm", "WhatIf")
    if rest := {name: value for name, value in call.given.items() if name not in ours}:
        mailbox.settings.setdefault("AutoReply", {}).update(rest)


def _html(value: Any) -> str:
    """Plain text is wrapped; what has a body of its own stays."""
    text = "" if value is None else str(value)
    if not text.strip() or "<html" in text.lower():
        return text
    return f"<html>\n<body>\n{text}\n</body>\n</html>\n"
