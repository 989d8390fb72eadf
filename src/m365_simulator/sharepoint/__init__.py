"""The SharePoint half: the REST API of a site, and tenant administration over CSOM."""

from __future__ import annotations

from starlette.routing import Route

from m365_simulator.sharepoint.administration import Administration
from m365_simulator.sharepoint.sites import Sites
from m365_simulator.state import State


def routes(state: State) -> list[Route]:
    """The addresses of sites and of the admin host."""
    return [*Sites(state).routes(), *Administration(state).routes()]
