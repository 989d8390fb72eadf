"""The ways in which a user can prove who they are."""

from __future__ import annotations

from dataclasses import dataclass

from leaver.domain.errors import NotFound, NotYet, Refused
from leaver.m365.graph.values import Row, says, text
from leaver.m365.http import GraphWire, quote_id
from leaver.m365.target import Guard

_COLLECTIONS = {
    "phone": "phoneMethods",
    "microsoftAuthenticator": "microsoftAuthenticatorMethods",
    "fido2": "fido2Methods",
    "windowsHelloForBusiness": "windowsHelloForBusinessMethods",
    "softwareOath": "softwareOathMethods",
    "email": "emailMethods",
    "temporaryAccessPass": "temporaryAccessPassMethods",
    "platformCredential": "platformCredentialMethods",
    "external": "externalAuthenticationMethods",
    "resourceAccountKey": "resourceAccountKeyAuthenticationMethods",
}
"""Kind to the typed collection that it is deleted from; there is no DELETE on the list of all methods. Those that only
Graph beta can delete (`hardwareOath`, `qrCodePin`) are left out."""
_LABELS = ("displayName", "phoneNumber", "emailAddress", "model")
_OTHERS_FIRST = ("default", "alternate")
"""What Microsoft's refusals of a method have in common that goes once the others are gone."""
_PASSWORD = "password"  # noqa: S105 - the name of a kind


@dataclass(frozen=True)
class Method:
    """A registered authentication method."""

    id: str
    kind: str
    """Microsoft's type without its suffix: `phone`, `microsoftAuthenticator`, `fido2`, …"""
    label: str = ""
    phone_type: str = ""
    """`mobile`, `alternateMobile` or `office`; a mobile one goes only after the alternate one."""

    @property
    def removable(self) -> bool:
        """Whether we know how to delete it; an unknown kind is reported, not guessed at."""
        return self.kind in _COLLECTIONS


class AuthenticationMethods:
    """Reads anybody's methods; removes the leaver's."""

    def __init__(self, wire: GraphWire, guard: Guard) -> None:
        self._wire = wire
        self._guard = guard

    async def list(self, user_id: str) -> tuple[Method, ...]:
        """All methods except the password, which cannot be deleted."""
        rows = await self._wire.pages(f"/users/{quote_id(user_id)}/authentication/methods")
        return tuple(method for method in map(_method, rows) if method.kind != _PASSWORD)

    async def remove(self, user_id: str, method: Method) -> None:
        """Delete one method; one that is gone is no error. NotYet: it is the default, and others must go first."""
        self._guard.only(user_id, "removing an authentication method")
        if not method.removable:
            raise Refused(f"No known way to delete a method of the kind {method.kind!r}.", code="unknown_method_kind")
        path = f"/users/{quote_id(user_id)}/authentication/{_COLLECTIONS[method.kind]}/{quote_id(method.id)}"
        try:
            await self._wire.delete(path)
        except NotFound:
            return
        except Refused as error:
            if error.status == 400 and says(error, *_OTHERS_FIRST):
                raise NotYet(**{**vars(error), "wait": 5.0}) from error
            raise


def _method(row: Row) -> Method:
    kind = text(row, "@odata.type").rsplit(".", maxsplit=1)[-1].removesuffix("AuthenticationMethod")
    return Method(
        id=text(row, "id"),
        kind=kind,
        label=next((text(row, key) for key in _LABELS if row.get(key)), ""),
        phone_type=text(row, "phoneType"),
    )
