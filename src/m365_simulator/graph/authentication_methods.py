"""Authentication methods: list them, and delete each by the collection of its type."""

from __future__ import annotations

from typing import Any

from m365_simulator.graph import people, privilege
from m365_simulator.graph.errors import GraphError, denied
from m365_simulator.graph.router import GraphCall, Handler, route
from m365_simulator.state import Answer
from m365_simulator.world import AuthMethod, User

PASSWORD_METHOD = "28c10230-6103-485e-b985-444c60001490"
_READ = ("UserAuthenticationMethod.Read.All", "UserAuthenticationMethod.ReadWrite.All")
_ALL = "UserAuthenticationMethod.ReadWrite.All"
COLLECTIONS: dict[str, tuple[str, str, str]] = {
    "phone": ("phoneMethods", "UserAuthMethod-Phone.ReadWrite.All", ""),
    "microsoftAuthenticator": ("microsoftAuthenticatorMethods", "UserAuthMethod-MicrosoftAuthApp.ReadWrite.All", ""),
    "fido2": ("fido2Methods", "UserAuthMethod-Passkey.ReadWrite.All", ""),
    "windowsHelloForBusiness": (
        "windowsHelloForBusinessMethods",
        "UserAuthMethod-WindowsHello.ReadWrite.All",
        "",
    ),
    "softwareOath": ("softwareOathMethods", "UserAuthMethod-SoftwareOATH.ReadWrite.All", ""),
    "email": ("emailMethods", "UserAuthMethod-Email.ReadWrite.All", ""),
    "temporaryAccessPass": ("temporaryAccessPassMethods", "UserAuthMethod-TAP.ReadWrite.All", ""),
    "platformCredential": ("platformCredentialMethods", "UserAuthMethod-PlatformCred.ReadWrite.All", ""),
    "external": ("externalAuthenticationMethods", "UserAuthMethod-External.ReadWrite.All", ""),
    "resourceAccountKey": (
        "resourceAccountKeyAuthenticationMethods",
        "UserAuthMethod-ResourceKey.ReadWrite.All",
        "",
    ),
    "hardwareOath": ("hardwareOathMethods", "UserAuthMethod-HardwareOATH.ReadWrite.All", "beta"),
}
"""Kind of method to its collection, the narrower permission, and the version that alone has it."""


@route("GET", "/users/{}/authentication/methods", *_READ)
def listed(call: GraphCall) -> Answer:
    """Every method of a user, the password first."""
    user = people.read(call)
    rows = [_password(user), *(_shape(method) for method in user.methods)]
    return Answer(body={"@odata.context": f"{call.base}/$metadata#authentication/methods", "value": rows})


@route("GET", "/users/{}/authentication/passwordMethods", *_READ)
def passwords(call: GraphCall) -> Answer:
    """The password, which is a method that cannot be deleted."""
    return Answer(body={"value": [_password(people.read(call))]})


@route("DELETE", "/users/{}/authentication/qrCodePinMethod", _ALL, "UserAuthMethod-QR.ReadWrite.All")
def qr_code_deleted(call: GraphCall) -> Answer:
    """The one method that stands alone: beta, and without an id."""
    _only_in(call, "beta", "qrCodePinMethod")
    return _deleted(call, "qrCodePin", "")


@route("GET", "/users/{}/authentication/signInPreferences", *_READ)
def preferences(call: GraphCall) -> Answer:
    """Which method is the default (beta)."""
    _only_in(call, "beta", "signInPreferences")
    default = next((method for method in people.read(call).methods if method.default), None)
    names = {"phone": "sms", "microsoftAuthenticator": "push", "softwareOath": "oath", "fido2": "fido2"}
    body = {
        "isSystemPreferredAuthenticationMethodEnabled": False,
        "userPreferredMethodForSecondaryAuthentication": names.get(default.kind) if default else None,
    }
    return Answer(body=body)


def _register(kind: str, collection: str, permission: str, version: str) -> None:
    path = f"/users/{{}}/authentication/{collection}"

    def listing(call: GraphCall) -> Answer:
        _only_in(call, version, collection)
        return Answer(body={"value": [_shape(each) for each in people.read(call).methods if each.kind == kind]})

    def reading(call: GraphCall) -> Answer:
        _only_in(call, version, collection)
        return Answer(body=_shape(_find(people.read(call), kind, call.keys[1])))

    def deleting(call: GraphCall) -> Answer:
        _only_in(call, version, collection)
        return _deleted(call, kind, call.keys[1])

    handlers: list[tuple[str, str, Handler]] = [
        ("GET", path, listing),
        ("GET", f"{path}/{{}}", reading),
        ("DELETE", f"{path}/{{}}", deleting),
    ]
    for method, where, handler in handlers:
        route(method, where, *((_ALL, permission) if method == "DELETE" else (*_READ, permission)))(handler)


for _kind, (_collection, _permission, _version) in COLLECTIONS.items():
    _register(_kind, _collection, _permission, _version)


def _deleted(call: GraphCall, kind: str, method_id: str) -> Answer:
    user = people.actual(call)
    if call.state.behaviour.privileged_methods == "refuse":
        privilege.demand_power(call, user)
    if user.management_restricted:
        raise denied()
    method = _find(user, kind, method_id)
    others = [each for each in user.methods if each is not method and each.kind != "email"]
    if method.default and others:
        raise GraphError(
            400,
            "badRequest",
            "Cannot delete default method with other methods configured. Please change default method before deletion.",
        )
    if method.phone_type == "mobile" and any(each.phone_type == "alternateMobile" for each in others):
        message = "A mobile phone cannot be deleted while an alternate mobile phone is registered."
        raise GraphError(400, "badRequest", message)
    people.write(call).methods.remove(method)
    return Answer(204)


def _only_in(call: GraphCall, version: str, segment: str) -> None:
    if version and call.version != version:
        raise GraphError(400, "BadRequest", f"Resource not found for the segment '{segment}'.")


def _find(user: User, kind: str, method_id: str) -> AuthMethod:
    for method in user.methods:
        if method.kind == kind and (not method_id or method.id.lower() == method_id.lower()):
            return method
    raise GraphError(404, "resourceNotFound", "The requested resource was not found.")


def _password(user: User) -> dict[str, Any]:
    return {
        "@odata.type": "#microsoft.graph.passwordAuthenticationMethod",
        "id": PASSWORD_METHOD,
        "password": None,
        "createdDateTime": user.last_password_change.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _shape(method: AuthMethod) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "@odata.type": f"#microsoft.graph.{method.kind}AuthenticationMethod",
        "id": method.id,
    }
    if method.kind == "phone":
        sms = "ready" if method.phone_type == "mobile" else "notAllowedByPolicy"
        shown |= {"phoneNumber": method.display or "+31 612345678", "phoneType": method.phone_type}
        shown |= {"smsSignInState": sms}
    elif method.kind == "email":
        shown["emailAddress"] = method.display
    else:
        shown |= {"displayName": method.display or None, "createdDateTime": "2024-01-01T00:00:00Z"}
    return shown
