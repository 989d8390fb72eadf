"""Inbox rules, with the system's own among the hidden ones, and sweep rules."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from m365_simulator.exchange import errors
from m365_simulator.exchange.cmdlets import Invocation, Row, Rows, cmdlet
from m365_simulator.exchange.directory import Recipient
from m365_simulator.world import InboxRule, Mailbox

Found = tuple[Recipient, Mailbox, InboxRule]
LEGACY = "/o=ExchangeLabs/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn="
"""The beginning of a recipient's address in the old form that rules keep."""


def system_rules(recipient: Recipient, mailbox: Mailbox) -> list[InboxRule]:
    """Hidden rules that Exchange keeps for itself: junk mail, and the texts of automatic replies."""
    names = ["Junk E-mail Rule"]
    if mailbox.auto_reply.state != "Disabled":
        names += ["Microsoft.Exchange.OOF.InternalSenders.Global", "Microsoft.Exchange.OOF.AllExternalSenders.Global"]
    kept = {rule.name.lower() for rule in mailbox.rules}
    return [
        InboxRule(str(uuid.uuid5(uuid.NAMESPACE_OID, recipient.id + name).int >> 65), name, hidden=True, priority=0)
        for name in names
        if name.lower() not in kept
    ]


@cmdlet("Get-InboxRule", store=True)
def get_inbox_rule(call: Invocation) -> Sequence[Any]:
    """The rules of a mailbox; hidden ones only if asked for."""
    owner, wanted = _owner_and_rule(call)
    owners = [call.mailbox_of(owner)] if owner else call.every_mailbox()
    found: list[Found] = [
        (recipient, mailbox, rule)
        for recipient, mailbox in owners
        for rule in (*mailbox.rules, *system_rules(recipient, mailbox))
        if (call.on("IncludeHidden") or not rule.hidden) and (not wanted or _is(rule, wanted))
    ]
    if wanted and not found:
        raise _missing(wanted)
    return Rows(found, lambda each: _row(call, each[0], each[2]))


def _row(call: Invocation, recipient: Recipient, rule: InboxRule) -> Row:
    return {
        "Identity": f"{recipient.alias}\\{rule.id}",
        "RuleIdentity": rule.id,
        "MailboxOwnerId": recipient.alias,
        "Name": rule.name,
        "Enabled": rule.enabled,
        "Priority": rule.priority,
        "Description": _description(rule),
        "ForwardTo": _people(call, rule.forward_to),
        "ForwardAsAttachmentTo": None,
        "RedirectTo": _people(call, rule.redirect_to),
        "MoveToFolder": rule.move_to_folder,
        "CopyToFolder": None,
        "DeleteMessage": rule.delete_message,
        "SoftDeleteMessage": False,
        "MarkAsRead": False,
        "StopProcessingRules": False,
        "SubjectContainsWords": list(rule.subject_contains) or None,
        "From": None,
        "InError": False,
        "SupportedByTask": not rule.hidden,
        "Legacy": False,
        "IsValid": True,
    }


def _people(call: Invocation, addresses: list[str]) -> list[str] | None:
    """Recipients as a rule shows them: `"Grace" [EX:/o=…]` for one's own, `"x@y" [SMTP:x@y]` for others."""
    shown = []
    for address in addresses:
        known = call.directory.recipient(address)
        name = known.display_name if known else address
        shown.append(f'"{name}" [EX:{LEGACY}{known.id}-{known.alias}]' if known else f'"{name}" [SMTP:{address}]')
    return shown or None


def _description(rule: InboxRule) -> str:
    conditions = f"the subject includes {', '.join(rule.subject_contains)}" if rule.subject_contains else "it arrives"
    actions = [
        f"forward it to {', '.join(rule.forward_to)}" if rule.forward_to else "",
        f"redirect it to {', '.join(rule.redirect_to)}" if rule.redirect_to else "",
        f"move it to {rule.move_to_folder}" if rule.move_to_folder else "",
        "delete it" if rule.delete_message else "",
    ]
    return (
        f"If the message:\r\n\t{conditions}\r\nTake the following actions:\r\n\t{' and '.join(filter(None, actions))}"
    )


@cmdlet("New-InboxRule", store=True)
def new_inbox_rule(call: Invocation) -> Sequence[Any]:
    """A rule; it is enabled, and stands where `Priority` says or last."""
    recipient, mailbox = call.mailbox("Mailbox")
    acts = ("ForwardTo", "RedirectTo", "MoveToFolder", "DeleteMessage", "ForwardAsAttachmentTo", "CopyToFolder")
    more = ("MarkAsRead", "MarkImportance", "ApplyCategory", "PinMessage", "SoftDeleteMessage", "StopProcessingRules")
    if not any(call.given.get(name) for name in (*acts, *more)):
        raise errors.CmdletError(
            f"{errors.STORE}InboxRuleOperationException", "The rule must have at least one action specified."
        )
    rule = InboxRule(
        id=str(uuid.uuid4().int >> 65),
        name=call.text("Name"),
        forward_to=[_address(call, each) for each in call.texts("ForwardTo")],
        redirect_to=[_address(call, each) for each in call.texts("RedirectTo")],
        move_to_folder=call.text("MoveToFolder") or None,
        delete_message=call.on("DeleteMessage"),
        subject_contains=call.texts("SubjectContainsWords"),
    )
    if call.only_if_asked() or call.on("ValidateOnly"):
        return []
    at = int(call.given.get("Priority") or len(mailbox.rules) + 1)
    mailbox.rules.insert(max(at, 1) - 1, rule)
    _number(mailbox)
    return [_row(call, recipient, rule)]


def _address(call: Invocation, text: str) -> str:
    """What a rule keeps of a recipient: the alias of one's own, else the address."""
    bare = text.rpartition(":")[2].removesuffix("]").strip()
    if bare.lower().startswith(LEGACY.lower()):
        bare = bare[len(LEGACY) :][:36]
    found = call.resolve(bare)
    if found is None and "@" not in bare:
        raise errors.no_object(text)
    return found.alias if found else bare


@cmdlet("Remove-InboxRule", "Disable-InboxRule", "Enable-InboxRule", store=True)
def change_inbox_rule(call: Invocation) -> None:
    """Takes a rule away, or switches it."""
    owner, wanted = _owner_and_rule(call)
    recipient, mailbox = call.mailbox_of(owner)
    found = [rule for rule in (*mailbox.rules, *system_rules(recipient, mailbox)) if _is(rule, wanted)]
    if not found:
        raise _missing(wanted)
    if len(found) > 1:
        raise errors.ambiguous(wanted)
    if call.only_if_asked():
        return
    rule = found[0]
    if not call.name.startswith("Remove"):
        rule.enabled = call.name.startswith("Enable")
    elif rule in mailbox.rules:
        mailbox.rules.remove(rule)
        _number(mailbox)
    elif ".oof." in rule.name.lower():
        mailbox.auto_reply.state = "Disabled"


def _owner_and_rule(call: Invocation) -> tuple[str, str]:
    r"""Whose rule, and which: `Mailbox` and `Identity`, or both in `Identity` as `ada\167…`."""
    before, slash, after = call.text("Identity").rpartition("\\")
    if slash:
        return call.text("Mailbox") or before, after
    return call.text("Mailbox"), after


def _is(rule: InboxRule, wanted: str) -> bool:
    return wanted in (rule.id, rule.name)


def _missing(wanted: str) -> errors.CmdletError:
    return errors.CmdletError(
        f"{errors.TASKS}ManagementObjectNotFoundException",
        f"The Inbox rule '{wanted}' couldn't be found. Object couldn't be found on the mailbox.",
        status=404,
    )


def _number(mailbox: Mailbox) -> None:
    for number, rule in enumerate(mailbox.rules, 1):
        rule.priority = number


@cmdlet("Get-SweepRule", store=True)
def get_sweep_rule(call: Invocation) -> Sequence[Any]:
    """The sweep rules of a mailbox."""
    wanted = call.text("Identity").rpartition("\\")[2]
    found: list[Found] = [
        (recipient, mailbox, rule)
        for recipient, mailbox in call.mailboxes("Mailbox")
        for rule in mailbox.sweep_rules
        if not wanted or _is(rule, wanted)
    ]
    return Rows(
        found,
        lambda each: {
            "Identity": f"{each[0].alias}\\{each[2].id}",
            "RuleId": each[2].id,
            "Name": each[2].name,
            "Enabled": each[2].enabled,
            "DestinationFolder": each[2].move_to_folder,
        },
    )


@cmdlet("Remove-SweepRule", "Disable-SweepRule", store=True)
def change_sweep_rule(call: Invocation) -> None:
    """Takes a sweep rule away, or switches it off."""
    owner, wanted = _owner_and_rule(call)
    mailbox = call.mailbox_of(owner)[1]
    rule = next((rule for rule in mailbox.sweep_rules if _is(rule, wanted)), None)
    if rule is None:
        raise _missing(wanted)
    if call.only_if_asked():
        return
    if call.name.startswith("Remove"):
        mailbox.sweep_rules.remove(rule)
    else:
        rule.enabled = False
