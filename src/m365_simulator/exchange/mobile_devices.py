"""Mobile device partnerships."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from m365_simulator.exchange import errors
from m365_simulator.exchange.cmdlets import Invocation, Row, Rows, cmdlet
from m365_simulator.exchange.directory import Recipient
from m365_simulator.world import Mailbox, MobileDevice

Found = tuple[Recipient, Mailbox, MobileDevice]


@cmdlet("Get-MobileDevice")
def get_mobile_device(call: Invocation) -> Sequence[Any]:
    """The devices of a mailbox, one device, or all of the tenant."""
    if call.text("Identity"):
        return Rows([_the(call)], _row)
    return Rows(list(_devices(call, call.text("Mailbox"))), _row)


@cmdlet("Get-MobileDeviceStatistics", store=True)
def get_mobile_device_statistics(call: Invocation) -> Sequence[Any]:
    """The same with the state of a wipe."""
    found = [_the(call)] if call.text("Identity") else list(_devices(call, call.text("Mailbox")))
    return Rows(found, lambda each: _statistics(call, each))


@cmdlet("Remove-MobileDevice")
def remove_mobile_device(call: Invocation) -> None:
    """Ends the partnership; nothing happens on the device, which may make another one."""
    _, mailbox, device = _the(call)
    if not call.only_if_asked():
        mailbox.devices.remove(device)


@cmdlet("Clear-MobileDevice")
def clear_mobile_device(call: Invocation) -> None:
    """Asks the device to wipe itself when it next connects, all of it unless told `AccountOnly`."""
    device = _the(call)[2]
    if not call.only_if_asked():
        device.wipe = "" if call.on("Cancel") else "account" if call.on("AccountOnly") else "full"


def _devices(call: Invocation, mailbox: str) -> Iterator[Found]:
    owners = [call.mailbox_of(mailbox)] if mailbox else call.every_mailbox()
    for recipient, held in owners:
        for device in held.devices:
            yield recipient, held, device


def _the(call: Invocation) -> Found:
    identity = call.text("Identity")
    for recipient, mailbox, device in _devices(call, ""):
        names = (device.id, _identity(recipient, device), _dn(recipient, device))
        if identity.lower() in (name.lower() for name in names):
            return recipient, mailbox, device
    raise errors.not_found(identity)


def _name(device: MobileDevice) -> str:
    return f"ExchangeActiveSync§{device.type}§{_device_id(device)}"


def _device_id(device: MobileDevice) -> str:
    return device.id.replace("-", "").upper()[:32]


def _identity(recipient: Recipient, device: MobileDevice) -> str:
    return f"{recipient.alias}\\ExchangeActiveSyncDevices\\{_name(device)}"


def _dn(recipient: Recipient, device: MobileDevice) -> str:
    return f"CN={_name(device)},CN=ExchangeActiveSyncDevices,{recipient.dn}"


def _row(found: Found) -> Row:
    recipient, _, device = found
    return {
        "Identity": _identity(recipient, device),
        "Guid": device.id,
        "Name": _name(device),
        "DistinguishedName": _dn(recipient, device),
        "FriendlyName": device.name,
        "DeviceId": _device_id(device),
        "DeviceType": device.type,
        "DeviceModel": device.model,
        "DeviceOS": device.os,
        "ClientType": "EAS",
        "DeviceAccessState": "Allowed",
        "FirstSyncTime": "2024-03-01T08:00:00.000000Z",
        "UserDisplayName": recipient.display_name,
    }


def _statistics(call: Invocation, found: Found) -> Row:
    row = _row(found)
    assert isinstance(row, dict)
    pending = found[2].wipe
    return row | {
        "Status": "DeviceWipePending" if pending else "DeviceOk",
        "IsRemoteWipeSupported": True,
        "DeviceWipeSentTime": None,
        "DeviceWipeRequestTime": call.now.isoformat() if pending else None,
        "DeviceWipeAckTime": None,
        "LastSuccessSync": "2025-01-01T08:00:00.000000Z",
    }
