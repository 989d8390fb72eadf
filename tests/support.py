"""What tests ask of the simulator, and small conveniences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from leaver.domain.offboarding import Offboarding
from leaver.domain.people import Leaver
from leaver.offboarding.intake import accept
from leaver.offboarding.planner import Preview, preview
from leaver.offboarding.run import Event
from leaver.offboarding.see_through import carry_out
from leaver.offboarding.settle import Stop
from leaver.wiring import House
from m365_simulator.world import POWER_BI, User, World


@dataclass(frozen=True)
class Wire:
    """The simulator's application, and what it recorded."""

    app: Any

    @property
    def calls(self) -> list[dict[str, Any]]:
        """Every recorded call, oldest first; parts of a batch are calls of their own."""
        return [asdict(call) for call in self.app.state.simulator.calls]

    @property
    def writes(self) -> list[dict[str, Any]]:
        """The recorded calls that may have changed something."""
        return [call for call in self.calls if is_write(call)]


def is_write(call: dict[str, Any]) -> bool:
    """Whether a recorded call is a write: no sign-in, no GET, no Get- cmdlet, no preview, no batch as a whole."""
    if call["service"] == "login" or call["method"] == "GET" or call["path"].endswith("$batch"):
        return False
    parameters = str(call["parameters"])
    if "PreviewOnly" in parameters or ("GetSitePropertiesByUrl" in parameters and "SetProperty" not in parameters):
        return False
    return not call["cmdlet"].startswith("Get-")


def leaver_of(user: User) -> Leaver:
    """A user of the world as the one who leaves."""
    return Leaver(user.id, user.upn, user.display_name)


EVERYTHING: dict[str, Any] = {
    "disable_sign_in": True,
    "reset_password": True,
    "revoke_sessions": True,
    "remove_mfa_methods": True,
    "remove_mobile_devices": True,
    "set_out_of_office": {"internal": "Ada has left. Write to Grace."},
    "forward_mail": {"to": "manager", "keep_copy": True},
    "grant_mailbox_access": [{"user": "grace@contoso.example", "automapping": False}],
    "grant_send_as": ["grace@contoso.example"],
    "grant_send_on_behalf": ["grace@contoso.example"],
    "grant_onedrive_access": ["grace@contoso.example"],
    "convert_to_shared": True,
    "hide_from_gal": True,
    "remove_rules": True,
    "cancel_meetings": True,
    "remove_groups": True,
    "remove_mailbox_permissions": True,
    "remove_calendar_permissions": True,
    "disable_onedrive_sharing": True,
    "unassign_phone_numbers": True,
    "remove_licenses": True,
    "clear_immutable_id": True,
}
"""Every task that goes together with the others."""


def give_ada_everything(world: World) -> None:
    """Something for every task to do."""
    world.add_group("sales", "ada", "bob")
    world.add_group("team", "ada", "bob", kind="microsoft365", owners=["ada", "bob"])
    world.add_group("news", "ada", "bob", kind="distribution")
    world.add_group("secure-mail", "ada", "bob", kind="mail_security")
    world.add_group("power-bi", "ada", license_skus=[POWER_BI])
    world.add_method("ada", "phone", phone_type="mobile")
    world.add_method("ada", "phone", phone_type="alternateMobile")
    world.add_method("ada", "microsoftAuthenticator", default=True)
    world.add_method("ada", "fido2")
    world.add_rule("ada", "Invoices", move_to_folder="Invoices")
    world.add_rule("ada", "Secret forward", hidden=True, forward_to=["elsewhere@example.net"])
    world.add_device("ada", "iPhone")
    world.add_meeting("ada", "Weekly", "bob@contoso.example")
    world.add_number("+31205550100", "ada")
    world.give_full_access("bob", "ada")
    world.give_calendar("grace", "ada", "Editor")
    world.mailboxes["bob"].send_as.append("ada")
    world.mailboxes["bob"].send_on_behalf.append("ada")
    world.users["ada"].immutable_id = "b2xkLWFuY2hvcg=="


@dataclass
class Desk:
    """The desk, as a door uses it."""

    house: House
    tenant: str
    look_again: tuple[float, ...] = (0.01, 0.02, 0.05, 0.1)

    async def preview(self, *users: str, settings: dict[str, Any], decisions: dict[str, str] | None = None) -> Preview:
        """Accept and plan."""
        opened = await accept(self.house, self.tenant, users, settings, decisions=decisions)
        return await preview(self.house, opened)

    async def offboard(
        self,
        *users: str,
        settings: dict[str, Any],
        decisions: dict[str, str] | None = None,
        stop: Stop | None = None,
        on_event: Callable[[Event], None] = lambda _: None,
    ) -> list[Offboarding]:
        """Accept, plan and carry out."""
        planned = await self.preview(*users, settings=settings, decisions=decisions)
        await carry_out(self.house, planned, on_event=on_event, stop=stop, look_again=self.look_again)
        return planned.offboardings


def outcomes(offboarding: Offboarding) -> dict[str, str]:
    """Task name to outcome."""
    return {task.task: task.outcome.value for task in offboarding.tasks}
