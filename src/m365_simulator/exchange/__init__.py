"""The Exchange half: the admin REST API and the cmdlets behind it."""

from __future__ import annotations

from starlette.routing import Route

from m365_simulator.exchange import (
    auto_replies,
    calendars,
    client_access,
    distribution_groups,
    inbox_rules,
    mailboxes,
    mobile_devices,
    organization,
    permissions,
    recipients,
)
from m365_simulator.exchange.wire import Door
from m365_simulator.state import State

GROUPS = (
    auto_replies,
    calendars,
    client_access,
    distribution_groups,
    inbox_rules,
    mailboxes,
    mobile_devices,
    organization,
    permissions,
    recipients,
)
"""The modules that hold the cmdlets."""


def routes(state: State) -> list[Route]:
    """The addresses of the admin API."""
    return Door(state).routes()
