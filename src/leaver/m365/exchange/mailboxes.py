"""Mailboxes of Exchange Online."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from leaver.domain.errors import NotFound, Refused, SignInRefused
from leaver.m365.exchange.identities import spellings
from leaver.m365.exchange.values import (
    Row,
    added,
    anchor,
    guid,
    mailbox_lane,
    opath,
    removed,
    size_in_bytes,
    text,
    texts,
    the_one,
    truth,
)
from leaver.m365.http import ExchangeWire
from leaver.m365.target import Addressed, Guard

WHO = (
    "ExternalDirectoryObjectId",
    "UserPrincipalName",
    "Guid",
    "DistinguishedName",
    "PrimarySmtpAddress",
    "DisplayName",
    "RecipientTypeDetails",
)
"""What tells mailboxes apart."""
_SEVERAL = re.compile(r"multiple|isn't unique|ambiguous", re.IGNORECASE)
"""What Exchange says of a name that several recipients have, where it does not show them all."""
_ALL = (
    *WHO,
    "HiddenFromAddressListsEnabled",
    "ForwardingAddress",
    "ForwardingSmtpAddress",
    "DeliverToMailboxAndForward",
    "GrantSendOnBehalfTo",
    "LitigationHoldEnabled",
    "InPlaceHolds",
    "ComplianceTagHoldApplied",
    "DelayHoldApplied",
    "RetentionHoldEnabled",
    "ArchiveStatus",
    "ArchiveGuid",
    "AutoExpandingArchiveEnabled",
    "IsDirSynced",
)


@dataclass(frozen=True)
class Mailbox:
    """A mailbox; `id` is the Entra id of the user it belongs to."""

    id: str
    upn: str
    guid: str = ""
    distinguished_name: str = ""
    primary_smtp: str = ""
    display_name: str = ""
    kind: str = "UserMailbox"
    """RecipientTypeDetails: `UserMailbox`, `SharedMailbox`, `RoomMailbox`, …"""
    hidden: bool = False
    forwarding_address: str = ""
    """A recipient of the tenant, as a name that need not be unique; it wins over `forwarding_smtp`."""
    forwarding_smtp: str = ""
    deliver_and_forward: bool = False
    send_on_behalf: tuple[str, ...] = ()
    """Names, as Exchange writes them."""
    litigation_hold: bool = False
    in_place_holds: tuple[str, ...] = ()
    compliance_hold: bool = False
    delay_hold: bool = False
    retention_hold: bool = False
    """Pauses the mailbox's own retention policy; it keeps nothing by itself."""
    archive: bool = False
    auto_expanding: bool = False
    synced: bool = False

    @property
    def is_shared(self) -> bool:
        """Whether it is a shared mailbox."""
        return self.kind == "SharedMailbox"

    @property
    def holds(self) -> tuple[str, ...]:
        """What keeps its contents from being deleted, in words."""
        # An entry that begins with `-` says that an organization-wide policy leaves this mailbox out.
        in_place = [hold for hold in self.in_place_holds if not hold.startswith("-")]
        found = {
            "litigation hold": self.litigation_hold,
            f"{len(in_place)} retention or eDiscovery hold{'s' if len(in_place) != 1 else ''}": bool(in_place),
            "retention label hold": self.compliance_hold,
            "delay hold": self.delay_hold,
        }
        return tuple(words for words, held in found.items() if held)


@dataclass(frozen=True)
class Recipient:
    """Anything that mail can be sent to."""

    id: str
    display_name: str
    smtp: str
    kind: str
    upn: str = ""
    """Empty for recipients that are not users; enough, with the id, to address its permissions."""
    guid: str = ""
    distinguished_name: str = ""
    name: str = ""
    """Its name in the directory, which is not the one that people see."""


class Mailboxes:
    """Reads any mailbox; changes the leaver's, and on others only whether the leaver sends on their behalf."""

    def __init__(self, wire: ExchangeWire, guard: Guard) -> None:
        self._wire = wire
        self._guard = guard

    async def get(self, user: Addressed) -> Mailbox | None:
        """The user's mailbox in Exchange Online."""
        try:
            rows = await self._wire.read("Get-Mailbox", anchor=anchor(user), select=_ALL, Identity=user.id)
        except NotFound:
            return None
        row = the_one(rows, user)
        return as_mailbox(row) if row else None

    async def on_premises(self, user: Addressed) -> bool:
        """Whether the user is known to Exchange Online only as somebody whose mailbox is elsewhere."""
        try:
            rows = await self._wire.read("Get-MailUser", Identity=user.id, select=WHO)
        except SignInRefused:
            raise
        except Refused:
            # Not there; or not to be read by this app, and then all that is known is that there is none in the cloud.
            return False
        return bool(rows)

    async def size(self, user: Addressed) -> int | None:
        """Bytes in the primary mailbox; None where Exchange has no figure, as for one that was never opened."""
        try:
            rows = await self._wire.read(
                "Get-MailboxStatistics", anchor=anchor(user), select=("TotalItemSize",), Identity=user.id
            )
        except NotFound:
            return None
        return size_in_bytes(text(rows[0], "TotalItemSize")) if rows else None

    async def all(self) -> tuple[Mailbox, ...]:
        """Every mailbox of the tenant, with its names only."""
        # A copy of its own: the list of a large tenant must not stay in the memory of reads.
        rows = await self._wire.fresh().read("Get-Mailbox", select=WHO, ResultSize="Unlimited")
        return tuple(as_mailbox(row) for row in rows)

    async def recipient(self, identity: str) -> Recipient | None:
        """The recipient with this id, address or name; None where there is none, or the name is not unique."""
        found = await self.recipients(identity)
        return found[0] if len(found) == 1 else None

    async def recipients(self, identity: str) -> tuple[Recipient, ...]:
        """Everybody whom an entry, as Exchange wrote it, can mean: names for people need not be unique."""
        for name in spellings(identity):
            try:
                rows = await self._wire.read("Get-Recipient", Identity=name, select=RECIPIENT)
            except NotFound:
                continue
            except Refused as error:
                if not _SEVERAL.search(error.message):
                    raise
                rows = await self._wire.read(
                    "Get-Recipient", select=RECIPIENT, Filter=f"DisplayName -eq {opath(name)}", ResultSize="Unlimited"
                )
            if rows:
                return tuple(as_recipient(row) for row in rows)
        return ()

    async def security_id(self, person: Addressed) -> str:
        """The id by which access lists know an account; empty where Exchange does not tell it."""
        try:
            rows = await self._wire.read("Get-User", Identity=person.id, select=("Sid", "SecurityIdentifier"))
        except SignInRefused:
            raise
        except Refused:
            return ""
        return text(rows[0], "Sid") or text(rows[0], "SecurityIdentifier") if len(rows) == 1 else ""

    async def set_type(self, user: Addressed, kind: Literal["Shared", "Regular"]) -> None:
        """Start the conversion; Exchange finishes it later, and shows it in `Mailbox.kind`."""
        await self._set(user, Type=kind)

    async def set_hidden(self, user: Addressed, hidden: bool) -> None:
        """Hide the mailbox from address lists, or show it."""
        await self._set(user, HiddenFromAddressListsEnabled=hidden)

    async def set_forwarding(
        self, user: Addressed, address: str | None = None, smtp: str | None = None, keep_copy: bool = False
    ) -> None:
        """Forward to a recipient of the tenant (its id), or to an outside address, or (neither) not at all.

        The one that is not given is cleared: if both were set, Exchange would ignore the outside address.
        """
        await self._set(
            user, ForwardingAddress=address, ForwardingSmtpAddress=smtp, DeliverToMailboxAndForward=keep_copy
        )

    async def add_send_on_behalf(self, mailbox: Addressed, person: Addressed) -> None:
        """Let a person send on behalf of a mailbox; one of the two is the leaver."""
        self._guard.either(mailbox.id, person.id, "granting send on behalf")
        await self._write(mailbox, GrantSendOnBehalfTo=added(person.id))

    async def remove_send_on_behalf(self, mailbox: Addressed, person: Addressed) -> None:
        """End it; one of the two is the leaver. A mailbox or entry that is gone is no error."""
        self._guard.either(mailbox.id, person.id, "revoking send on behalf")
        with suppress(NotFound):
            await self._write(mailbox, GrantSendOnBehalfTo=removed(person.id))

    async def remove_send_on_behalf_raw(self, user: Addressed, entry: str) -> None:
        """Take an entry, as Exchange wrote it, from the leaver's own list."""
        await self._set(user, GrantSendOnBehalfTo=removed(entry))

    async def _set(self, user: Addressed, **parameters: Any) -> None:
        self._guard.only(user.id, "changing a mailbox")
        await self._write(user, **parameters)

    async def _write(self, mailbox: Addressed, **parameters: Any) -> None:
        await self._wire.run(
            "Set-Mailbox", anchor=anchor(mailbox), lane=mailbox_lane(mailbox.id), Identity=mailbox.id, **parameters
        )


RECIPIENT = (
    "ExternalDirectoryObjectId",
    "Guid",
    "DisplayName",
    "PrimarySmtpAddress",
    "RecipientTypeDetails",
    "WindowsLiveID",
    "DistinguishedName",
    "Name",
)
"""What `as_recipient` reads."""


def as_recipient(row: Row) -> Recipient:
    """A row of Get-Recipient; one without an Entra id (a contact) goes by its Exchange GUID."""
    return Recipient(
        id=guid(row, "ExternalDirectoryObjectId") or guid(row, "Guid"),
        display_name=text(row, "DisplayName"),
        smtp=text(row, "PrimarySmtpAddress"),
        kind=text(row, "RecipientTypeDetails"),
        upn=text(row, "WindowsLiveID"),
        guid=guid(row, "Guid"),
        distinguished_name=text(row, "DistinguishedName"),
        name=text(row, "Name"),
    )


def as_mailbox(row: Row) -> Mailbox:
    """A row of Get-Mailbox."""
    return Mailbox(
        # A mailbox of the system may have no user; it goes by its own id then.
        id=guid(row, "ExternalDirectoryObjectId") or text(row, "Guid"),
        upn=text(row, "UserPrincipalName"),
        guid=text(row, "Guid"),
        distinguished_name=text(row, "DistinguishedName"),
        primary_smtp=text(row, "PrimarySmtpAddress"),
        display_name=text(row, "DisplayName"),
        kind=text(row, "RecipientTypeDetails"),
        hidden=truth(row, "HiddenFromAddressListsEnabled"),
        forwarding_address=text(row, "ForwardingAddress"),
        forwarding_smtp=_without_prefix(text(row, "ForwardingSmtpAddress")),
        deliver_and_forward=truth(row, "DeliverToMailboxAndForward"),
        send_on_behalf=texts(row, "GrantSendOnBehalfTo"),
        litigation_hold=truth(row, "LitigationHoldEnabled"),
        in_place_holds=texts(row, "InPlaceHolds"),
        compliance_hold=truth(row, "ComplianceTagHoldApplied"),
        delay_hold=truth(row, "DelayHoldApplied"),
        retention_hold=truth(row, "RetentionHoldEnabled"),
        archive=bool(guid(row, "ArchiveGuid")) or text(row, "ArchiveStatus") == "Active",
        auto_expanding=truth(row, "AutoExpandingArchiveEnabled"),
        synced=truth(row, "IsDirSynced"),
    )


def _without_prefix(address: str) -> str:
    return address[5:] if address[:5].casefold() == "smtp:" else address
