"""Microsoft's clouds: where to sign in, and where the services are."""

from __future__ import annotations

from dataclasses import dataclass

from leaver.config import Config
from leaver.domain.errors import Unusable
from leaver.m365.answers import origin


@dataclass(frozen=True)
class Clouds:
    """Three base addresses without a slash at the end. SharePoint's come from Graph, as they are."""

    login: str
    graph: str
    exchange: str

    def token_endpoint(self, tenant_id: str) -> str:
        """Where a tenant's tokens are given out."""
        return f"{self.login}/{tenant_id}/oauth2/v2.0/token"

    @property
    def graph_scope(self) -> str:
        """What a token for Microsoft Graph is asked for."""
        return f"{self.graph}/.default"

    @property
    def exchange_scope(self) -> str:
        """What a token for Exchange is asked for."""
        return f"{self.exchange}/.default"

    def sharepoint_scope(self, url: str) -> str:
        """What a token for the host of a SharePoint address is asked for."""
        return f"{origin(url)}/.default"


_NAMED = {
    "global": Clouds(
        "https://login.microsoftonline.com", "https://graph.microsoft.com", "https://outlook.office365.com"
    ),
    "usgov": Clouds("https://login.microsoftonline.us", "https://graph.microsoft.us", "https://outlook.office365.us"),
    "usgov-dod": Clouds(
        "https://login.microsoftonline.us", "https://dod-graph.microsoft.us", "https://outlook-dod.office365.us"
    ),
    "china": Clouds(
        "https://login.chinacloudapi.cn", "https://microsoftgraph.chinacloudapi.cn", "https://partner.outlook.cn"
    ),
}


def named(cloud: str) -> Clouds:
    """One of Microsoft's own clouds."""
    try:
        return _NAMED[cloud]
    except KeyError:
        raise Unusable(f"There is no cloud named {cloud!r}: choose one of {', '.join(_NAMED)}.") from None


def custom(login: str, graph: str, exchange: str) -> Clouds:
    """Addresses of one's own."""
    return Clouds(login.rstrip("/"), graph.rstrip("/"), exchange.rstrip("/"))


def of(config: Config) -> Clouds:
    """The cloud that the configuration names."""
    if config.cloud == "custom":
        return custom(config.login_url, config.graph_url, config.exchange_url)
    return named(config.cloud)
