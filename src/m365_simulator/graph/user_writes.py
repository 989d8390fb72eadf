"""Users: change, set the password, revoke sessions, delete."""

from __future__ import annotations

import hashlib
from typing import Any

from m365_simulator.graph import people, privilege
from m365_simulator.graph.errors import GraphError, bad_request, denied, not_found, synced
from m365_simulator.graph.removal import delete_user
from m365_simulator.graph.router import GraphCall, route
from m365_simulator.state import Answer
from m365_simulator.world import User

DELETE = ("User.DeleteRestore.All", "User.ReadWrite.All")
_WRITE = ("User.ReadWrite.All", "Directory.ReadWrite.All")
_ALLOWED: dict[str, tuple[str, ...]] = {
    "accountEnabled": ("User.EnableDisableAccount.All", *_WRITE),
    "passwordProfile": ("User-PasswordProfile.ReadWrite.All", "User.ReadWrite.All"),
    "onPremisesImmutableId": ("User.ReadWrite.All",),
}
"""Permissions of single properties; the others need one of `_WRITE`."""
_SENSITIVE = {
    "accountEnabled",
    "passwordProfile",
    "userPrincipalName",
    "otherMails",
    "mobilePhone",
    "businessPhones",
    "onPremisesImmutableId",
}
_FIELDS = {
    "accountEnabled": "enabled",
    "displayName": "display_name",
    "userPrincipalName": "upn",
    "usageLocation": "usage_location",
    "department": "department",
    "onPremisesImmutableId": "immutable_id",
    "userType": "user_type",
}
_MORE = {
    "jobTitle",
    "mobilePhone",
    "officeLocation",
    "companyName",
    "givenName",
    "surname",
    "businessPhones",
    "otherMails",
    "city",
    "country",
    "passwordPolicies",
    "employeeId",
}
"""Properties that may be written and read back, and that nothing depends on."""
_CLOUD_PROPERTIES = {"usageLocation", "passwordPolicies"}
"""What stays writable in the cloud when a user is mastered on premises."""


@route("PATCH", "/users/{}", *{name for names in _ALLOWED.values() for name in names})
def changed(call: GraphCall) -> Answer:
    """Changes properties: all of them, or on any refusal none."""
    user = people.actual(call)
    if not isinstance(call.body, dict) or not call.body:
        raise bad_request("Write requests (excluding DELETE) must contain the Content-Type header declaration.")
    body = {name: value for name, value in call.body.items() if not name.startswith("@")}
    for name, value in body.items():
        _check(call, user, name, value)
    people.write(call)
    for name, value in body.items():
        if name == "passwordProfile":
            _set_password(call, user, value)
        elif name in _FIELDS:
            setattr(user, _FIELDS[name], value)
        else:
            user.more = {**user.more, name: value}
    if "userPrincipalName" in body or "displayName" in body:
        call.directory.changed()
    return Answer(204)


def _check(call: GraphCall, user: User, name: str, value: Any) -> None:
    if name not in _FIELDS and name not in _MORE and name != "passwordProfile":
        message = f"One or more property values specified are invalid: '{name}'."
        raise bad_request(message)
    if not call.caller.may(*_ALLOWED.get(name, _WRITE)):
        raise denied()
    if user.management_restricted:
        raise denied()
    if name == "passwordProfile":
        privilege.demand_password_power(call, user)
    elif name in _SENSITIVE:
        privilege.demand_power(call, user)
    if user.synced and name not in _CLOUD_PROPERTIES:
        accepted = name == "accountEnabled" and call.state.behaviour.synced_disable == "accept"
        if not accepted:
            raise synced()
    if name == "accountEnabled" and not isinstance(value, bool):
        raise bad_request("Invalid value specified for property 'accountEnabled' of resource 'User'.")
    if name == "passwordProfile":
        _check_password(user, value)


def _check_password(user: User, profile: Any) -> None:
    password = profile.get("password") if isinstance(profile, dict) else None
    if not isinstance(profile, dict):
        raise bad_request("Invalid value specified for property 'passwordProfile' of resource 'User'.")
    if password is None:
        return
    classes = sum(
        any(found)
        for found in (
            [letter.islower() for letter in password],
            [letter.isupper() for letter in password],
            [letter.isdigit() for letter in password],
            [not letter.isalnum() for letter in password],
        )
    )
    name = user.upn.partition("@")[0].lower()
    weak = "password" in password.lower() or (len(name) > 3 and name in password.lower())
    if not 8 <= len(password) <= 256 or classes < 3 or weak:
        raise bad_request(
            "The specified password does not comply with password complexity requirements. "
            "Please provide a different password."
        )


def _set_password(call: GraphCall, user: User, profile: dict[str, Any]) -> None:
    if "forceChangePasswordNextSignIn" in profile:
        user.force_change = profile["forceChangePasswordNextSignIn"]
    if profile.get("password") is not None:
        user.password_sha256 = hashlib.sha256(profile["password"].encode()).hexdigest()
        user.last_password_change = call.state.now()


@route(
    "POST",
    "/users/{}/revokeSignInSessions",
    "User.RevokeSessions.All",
    *_WRITE,
    also=("/users/{}/microsoft.graph.revokeSignInSessions", "/users/{}/invalidateAllRefreshTokens"),
)
def sessions_revoked(call: GraphCall) -> Answer:
    """Moves the moment from which sessions are valid."""
    user = people.write(call)
    if call.state.behaviour.revoke_moves_time:
        user.sessions_valid_from = call.state.now()
    return Answer(body={"@odata.context": f"{call.base}/$metadata#Edm.Boolean", "value": True})


@route("DELETE", "/users/{}", *DELETE)
def deleted(call: GraphCall) -> Answer:
    """Soft-deletes a user, if the caller may do that to them."""
    delete_user(call, people.actual(call))
    return Answer(204)


@route("DELETE", "/users/{}/manager/$ref", *_WRITE)
def manager_removed(call: GraphCall) -> Answer:
    """The user has no manager any more."""
    user = people.actual(call)
    if user.manager is None:
        raise not_found("manager")
    people.write(call).manager = None
    return Answer(204)


@route("PUT", "/users/{}/manager/$ref", *_WRITE)
def manager_set(call: GraphCall) -> Answer:
    """Makes somebody the manager."""
    reference = str(call.given("@odata.id") or "")
    manager = call.directory.user(reference.rstrip("/").rpartition("/")[2])
    if manager is None:
        raise not_found(reference)
    if people.actual(call).synced:
        raise synced()
    people.write(call).manager = manager.alias
    return Answer(204)


@route("POST", "/users/{}/authentication/methods/{}/resetPassword", "")
def password_reset(call: GraphCall) -> Answer:
    """Password writeback, which an app cannot use: only a signed-in administrator can."""
    raise GraphError(403, "accessDenied", "Request Authorization failed")
