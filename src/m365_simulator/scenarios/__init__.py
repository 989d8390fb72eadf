"""Small worlds to start from, each by its name."""

from __future__ import annotations

from collections.abc import Callable

from m365_simulator.scenarios import contoso, large, many, typical
from m365_simulator.world import App, Cloud

SCENARIOS: dict[str, Callable[[Cloud], str]] = {
    "contoso": contoso.fill,
    "large": large.fill,
    "many": many.fill,
    "typical": typical.fill,
}
"""Each fills a cloud and says the UPN of somebody worth offboarding in its first tenant."""

CLIENT_ID = "3f0b8a52-6a0e-4c3e-9d0c-5d1a4c1f7e10"


def build(name: str, apps: dict[str, App] | None = None) -> Cloud:
    """The cloud of a scenario, with these app registrations consented everywhere; KeyError for an unknown name."""
    fill = SCENARIOS[name]
    cloud = Cloud(apps=dict(apps or {CLIENT_ID: App(CLIENT_ID, secret="simulated")}))
    cloud.suggested_leaver = fill(cloud)
    return cloud
