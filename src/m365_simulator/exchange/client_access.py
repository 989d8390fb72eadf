"""The protocols by which a mailbox can be opened."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from m365_simulator.exchange import opath
from m365_simulator.exchange.cmdlets import Invocation, Row, Rows, cmdlet
from m365_simulator.exchange.directory import Recipient
from m365_simulator.exchange.mailboxes import FILTERS, filtered
from m365_simulator.world import Mailbox

PROTOCOLS = (
    "ActiveSyncEnabled",
    "EwsEnabled",
    "ImapEnabled",
    "MAPIEnabled",
    "OWAEnabled",
    "OWAforDevicesEnabled",
    "OneWinNativeOutlookEnabled",
    "OutlookMobileEnabled",
    "PopEnabled",
    "UniversalOutlookEnabled",
)


@cmdlet("Get-CASMailbox")
def get_cas_mailbox(call: Invocation) -> Sequence[Any]:
    """Which protocols are on."""
    found = call.mailboxes()
    if call.text("Filter"):
        test = opath.parse(call.text("Filter"), FILTERS)
        found = [each for each in found if test(partial(filtered, *each))]
    return Rows(found, lambda each: _row(*each))


def _row(recipient: Recipient, mailbox: Mailbox) -> Row:
    return (
        {
            "Identity": recipient.alias,
            "Name": recipient.alias,
            "DisplayName": recipient.display_name,
            "ExternalDirectoryObjectId": recipient.id,
            "Guid": recipient.guid,
            "PrimarySmtpAddress": recipient.smtp,
            "SmtpClientAuthenticationDisabled": None,
            "HasActiveSyncDevicePartnership": bool(mailbox.devices),
        }
        | dict.fromkeys(PROTOCOLS, True)
        | mailbox.settings.get("CASMailbox", {})
    )


@cmdlet("Set-CASMailbox")
def set_cas_mailbox(call: Invocation) -> None:
    """Switches protocols."""
    recipient, mailbox = call.mailbox()
    before = _row(recipient, mailbox)
    assert isinstance(before, dict)
    wanted = {name: value for name, value in call.given.items() if name not in ("Identity", "Confirm", "WhatIf")}
    if all(name in before and before[name] == value for name, value in wanted.items()):
        call.unchanged(recipient)
    elif not call.only_if_asked():
        mailbox.settings.setdefault("CASMailbox", {}).update(wanted)
