"""What tests ask of the simulator, and small conveniences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from leaver.domain.people import Leaver
from m365_simulator.world import User


@dataclass(frozen=True)
class Wire:
    """The simulator's application, and what it recorded."""

    app: Any

    @property
    def calls(self) -> list[dict[str, Any]]:
        """Every recorded call, oldest first, as the control address tells it."""
        return [call if isinstance(call, dict) else call.as_json() for call in self.app.state.simulator.calls]

    @property
    def writes(self) -> list[dict[str, Any]]:
        """The recorded calls that may have changed something."""
        return [call for call in self.calls if is_write(call)]


def is_write(call: dict[str, Any]) -> bool:
    """Whether a recorded call is a write: no sign-in, no GET, no Get- cmdlet, no batch (its parts are recorded)."""
    path, cmdlet = str(call.get("path") or ""), str(call.get("cmdlet") or "")
    if call["service"] == "login" or call["method"] == "GET" or path.endswith("$batch"):
        return False
    parameters = {str(key).lower() for key in dict(call.get("parameters") or {})}
    if "previewonly" in parameters or "GetSitePropertiesByUrl" in path:
        return False
    return not cmdlet.startswith("Get-")


def leaver_of(user: User) -> Leaver:
    """A user of the world as the one who leaves."""
    return Leaver(user.id, user.upn, user.display_name)
