"""OneDrive: where a user's is, or why there is none."""

from __future__ import annotations

from typing import Any

from m365_simulator.graph import people
from m365_simulator.graph.errors import GraphError
from m365_simulator.graph.router import GraphCall, route
from m365_simulator.state import Answer
from m365_simulator.world import Drive, User

_READ = ("Files.Read.All", "Files.ReadWrite.All", "Sites.Read.All", "Sites.ReadWrite.All", "Sites.FullControl.All")


@route("GET", "/users/{}/drive", *_READ)
def read(call: GraphCall) -> Answer:
    """The user's drive; its `webUrl` is the library's, the site's stands in `sharePointIds`."""
    user = people.read(call)
    drive = _drive(call, user)
    return _shown(call, _shape(call, user, drive))


@route("GET", "/users/{}/drives", *_READ)
def listed(call: GraphCall) -> Answer:
    """Every drive, the preservation hold library too."""
    user = people.read(call)
    drive = _drive(call, user)
    main = _shape(call, user, drive)
    site = call.state.site_address(call.origin, drive.site_url)
    hold = main | {"id": f"b!{drive.site_id}hold", "name": "PreservationHold", "webUrl": f"{site}/PreservationHold"}
    return Answer(body={"value": [hold, main]})


@route("GET", "/users/{}/drive/root", *_READ)
def root(call: GraphCall) -> Answer:
    """The topmost folder of the drive."""
    user = people.read(call)
    drive = _drive(call, user)
    site = call.state.site_address(call.origin, drive.site_url)
    folder = {
        "id": f"01{drive.site_id}",
        "name": "root",
        "webUrl": f"{site}/Documents",
        "sharepointIds": _ids(call, drive),
        "folder": {"childCount": 3},
    }
    return _shown(call, folder)


@route("GET", "/sites/root", *_READ)
def root_site(call: GraphCall) -> Answer:
    """The tenant's root site, which tells the SharePoint name."""
    _demand_sharepoint(call)
    host = _host(call)
    site_id = f"{host}.sharepoint.com,{call.world.new_id('site', 'root')},{call.world.new_id('web', 'root')}"
    return Answer(body={"id": site_id, "webUrl": f"{call.origin}/sp/{host}", "displayName": "Home"})


def _shown(call: GraphCall, row: dict[str, Any]) -> Answer:
    asked = {name.strip().lower() for name in call.query.get("$select", "").split(",") if name}
    return Answer(body={name: value for name, value in row.items() if not asked or name.lower() in asked})


def _drive(call: GraphCall, user: User) -> Drive:
    _demand_sharepoint(call)
    if user.drive is None:
        if call.state.behaviour.no_drive_error == "bad_request":
            raise GraphError(400, "BadRequest", "Unable to retrieve user's mysite URL.")
        raise GraphError(404, "ResourceNotFound", "User's mysite not found.")
    if user.drive.locked == "NoAccess":
        raise GraphError(423, "notAllowed", "Access to this site has been blocked.")
    return user.drive


def _demand_sharepoint(call: GraphCall) -> None:
    if not call.world.sharepoint:
        raise GraphError(400, "BadRequest", "Tenant does not have a SPO license.")


def _shape(call: GraphCall, user: User, drive: Drive) -> dict[str, Any]:
    site = call.state.site_address(call.origin, drive.site_url)
    return {
        "id": f"b!{drive.site_id}",
        "driveType": "business",
        "name": "OneDrive",
        "webUrl": f"{site}/Documents",
        "owner": {"user": {"id": user.id, "displayName": user.display_name, "email": user.mail}},
        "quota": {"total": 1099511627776, "used": 2147483648, "state": "normal"},
        "sharePointIds": _ids(call, drive),
    }


def _ids(call: GraphCall, drive: Drive) -> dict[str, str]:
    return {
        "siteUrl": call.state.site_address(call.origin, drive.site_url),
        "siteId": drive.site_id,
        "tenantId": call.world.id,
    }


def _host(call: GraphCall) -> str:
    return call.world.initial_domain.removesuffix(".onmicrosoft.com") or call.world.domain.split(".")[0]
