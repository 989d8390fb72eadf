"""Devices of Entra."""

from __future__ import annotations

from typing import Any

from m365_simulator.graph import odata, people
from m365_simulator.graph.errors import GraphError, not_found
from m365_simulator.graph.router import GraphCall, route
from m365_simulator.graph.users import READ as READ_USERS
from m365_simulator.state import Answer
from m365_simulator.world import EntraDevice

_READ = ("Device.Read.All", "Device.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All")
_OF_USER = (*READ_USERS, *_READ)


@route(
    "GET",
    "/users/{}/registeredDevices",
    *_OF_USER,
    also=(
        "/users/{}/registeredDevices/microsoft.graph.device",
        "/users/{}/ownedDevices",
        "/users/{}/ownedDevices/microsoft.graph.device",
    ),
)
def of_user(call: GraphCall) -> Answer:
    """The devices of a user."""
    alias = people.read(call).alias
    return odata.rows(call, [device for device in call.world.entra_devices if device.owner == alias], _shape)


@route("GET", "/devices", *_READ)
def listed(call: GraphCall) -> Answer:
    """All devices."""
    return odata.rows(call, call.world.entra_devices, _shape)


@route("GET", "/devices/{}", *_READ, also=("/devices(deviceId)/{}",))
def read(call: GraphCall) -> Answer:
    """One device."""
    return Answer(body=_shape(_find(call)))


@route("PATCH", "/devices/{}", "Device.ReadWrite.All", "Directory.ReadWrite.All", also=("/devices(deviceId)/{}",))
def changed(call: GraphCall) -> Answer:
    """Switches a device on or off."""
    device, enabled = _find(call), call.given("accountEnabled")
    if not isinstance(enabled, bool):
        raise GraphError(400, "Request_BadRequest", "Only 'accountEnabled' can be updated.")
    device.enabled = enabled
    return Answer(204)


@route("DELETE", "/devices/{}", "Device.ReadWrite.All", "Directory.ReadWrite.All")
def deleted(call: GraphCall) -> Answer:
    """Deletes a device for good."""
    call.world.entra_devices.remove(_find(call))
    return Answer(204)


def _find(call: GraphCall) -> EntraDevice:
    by_device_id = "(deviceid" in call.path.lower()
    for device in call.world.entra_devices:
        if call.keys[0].lower() == (device.device_id if by_device_id else device.id):
            return device
    raise not_found(call.keys[0])


def _shape(device: EntraDevice) -> dict[str, Any]:
    return {
        "@odata.type": "#microsoft.graph.device",
        "id": device.id,
        "deviceId": device.device_id,
        "displayName": device.display_name,
        "accountEnabled": device.enabled,
        "operatingSystem": device.os,
        "trustType": "AzureAd",
        "isManaged": False,
    }
