"""Remove MFA methods."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from leaver.domain.plan import Change, PlanItem, Reversibility, follow_up
from leaver.m365.graph.authentication_methods import Method
from leaver.tasks.privilege import Privilege, privilege_of, privileged
from leaver.tasks.task import Option, Section, Task

_KINDS = {
    "phone": "phone",
    "microsoftAuthenticator": "Microsoft Authenticator",
    "fido2": "passkey (FIDO2)",
    "windowsHelloForBusiness": "Windows Hello for Business",
    "softwareOath": "software OATH token",
    "hardwareOath": "hardware OATH token",
    "email": "e-mail",
    "temporaryAccessPass": "Temporary Access Pass",
    "platformCredential": "platform credential",
    "qrCodePin": "QR code",
    "external": "external method",
}
_PHONE_NAMES = {"mobile": "mobile phone", "alternateMobile": "alternate mobile phone", "office": "office phone"}
_PHONES = ("alternateMobile", "office", "mobile")
"""An alternate mobile phone may not be left without a mobile one, so it goes first."""


@dataclass(frozen=True)
class Methods:
    """The registered methods, the password aside, and how much power the account has."""

    methods: tuple[Method, ...]
    privilege: Privilege


class RemoveMfaMethods(Task[Methods]):
    """Delete every authentication method but the password, each by a call and with a result of its own.

    It cannot be undone: the person registers again. The default method is refused while there are others; it goes in
    a later round.
    """

    option = Option(
        "RemoveMFADevices",
        label="Remove MFA methods",
        short="MFA methods",
        section=Section.ACCESS,
        place=4,
        text="Deletes phone numbers, authenticator apps and keys. The plan lists each of them.",
        noun="method",
    )
    scopes = ("UserAuthenticationMethod.ReadWrite.All", "RoleManagement.Read.Directory")
    follows = ("disable_sign_in", "reset_password")
    reversibility = Reversibility.ONE_WAY

    async def inspect(self) -> Methods:
        """The methods and the privileges of the account."""
        methods, privilege = await asyncio.gather(
            self.tenant.authentication_methods.list(self.leaver.id), privilege_of(self.tenant, self.leaver.id)
        )
        return Methods(methods, privilege)

    def plan(self, facts: Methods) -> Iterable[PlanItem]:
        """One change for each method; a kind that nobody knows how to delete is left to a person."""
        if any(method.removable for method in facts.methods):
            yield from privileged(facts.privilege, restricted=False)
        for method in sorted(facts.methods, key=_phones_in_order):
            if method.removable:
                yield Change(
                    f"MFA method {_words(method)}",
                    before="registered",
                    ref={"id": method.id, "kind": method.kind, "phone_type": method.phone_type},
                    reversibility=self.reversibility,
                    lane="phones" if method.phone_type else "",
                )
            else:
                yield follow_up(
                    "unknown_mfa_method",
                    f"Remove the method {_words(method)} by hand (Entra admin center, Users, Authentication methods): "
                    f"its kind, {method.kind or 'without a name'}, cannot be deleted from here.",
                )

    async def apply(self, change: Change) -> None:
        """Delete one method."""
        ref = change.ref
        method = Method(id=str(ref["id"]), kind=str(ref["kind"]), phone_type=str(ref["phone_type"]))
        await self.tenant.authentication_methods.remove(self.leaver.id, method)


def _phones_in_order(method: Method) -> int:
    return _PHONES.index(method.phone_type) if method.phone_type in _PHONES else -1


def _words(method: Method) -> str:
    kind = _PHONE_NAMES.get(method.phone_type) or _KINDS.get(method.kind, method.kind)
    return f"{kind} {method.label}" if method.label else kind
