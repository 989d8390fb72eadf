"""Presets: settings of the wizard under a name, for the kinds of leaving that an organization knows."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from leaver.domain.actor import Actor
from leaver.domain.errors import Unusable
from leaver.domain.plan import Json
from leaver.offboarding import conflicts
from leaver.offboarding.settings import as_plain, parse
from leaver.store.audit import Audit
from leaver.store.papers import Papers
from leaver.tasks.catalogue import all_tasks

KIND = "preset"
LONGEST_NAME = 64
LOCK_OUT = "lock_out"
"""The preset that is always there, and the stage that it is made of."""


@dataclass(frozen=True)
class Preset:
    """Settings under a name."""

    id: str
    name: str
    settings: dict[str, Json]
    changed_by: str = ""
    changed_at: str = ""
    """ISO 8601 in UTC; empty for what is always there."""


class Presets:
    """The presets of a database, and the one that is always there."""

    def __init__(self, papers: Papers, audit: Audit) -> None:
        self._papers = papers
        self._audit = audit

    async def all(self) -> list[Preset]:
        """Every preset, by name; the one that is always there comes last."""
        kept = [Preset(**document) for document in await self._papers.all(KIND)]
        return [*sorted(kept, key=lambda preset: preset.name.casefold()), _lock_out()]

    async def get(self, preset_id: str) -> Preset:
        """The preset with this id; an unknown one is unusable."""
        found = next((preset for preset in await self.all() if preset.id == preset_id), None)
        if found is None:
            raise Unusable("There is no such preset.", "unknown_preset", advice="Choose one of the list.")
        return found

    async def save(self, name: str, settings: Mapping[str, Any], actor: Actor) -> Preset:
        """Keep settings under a name, in place of what had it; settings that could not be used are unusable."""
        wanted = " ".join(name.split())
        if not wanted or len(wanted) > LONGEST_NAME:
            raise Unusable("Give the preset a name of at most 64 characters.", "name_missing")
        chosen = parse(settings)
        reasons = conflicts.refusals(chosen)
        if reasons:
            raise Unusable(" ".join(reasons), "conflicting_settings", advice="Change the settings and try again.")
        same = [preset for preset in await self.all() if preset.name.casefold() == wanted.casefold()]
        if any(not preset.changed_at for preset in same):
            raise Unusable(f"{wanted!r} is the name of a preset that is always there.", "name_taken")
        before = same[0] if same else None
        now = datetime.now(UTC).isoformat(timespec="seconds")
        preset = Preset(before.id if before else secrets.token_hex(8), wanted, as_plain(chosen), actor.name, now)
        await self._papers.put(KIND, preset.id, asdict(preset))
        await self._audit.add(
            actor,
            "preset.saved",
            before=None if before is None else {"name": before.name, "settings": before.settings},
            after={"name": preset.name, "settings": preset.settings},
        )
        return preset

    async def remove(self, preset_id: str, actor: Actor) -> None:
        """Forget a preset; what was made with it stays."""
        found = await self.get(preset_id)
        if not found.changed_at:
            raise Unusable("This preset is always there.", "preset_is_fixed")
        await self._papers.remove(KIND, found.id)
        await self._audit.add(actor, "preset.removed", before={"name": found.name, "settings": found.settings})


def _lock_out() -> Preset:
    return Preset(LOCK_OUT, "Lock out only", {task.name: True for task in all_tasks() if task.stage == LOCK_OUT})
