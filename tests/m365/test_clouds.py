"""Where the clouds are."""

from __future__ import annotations

from pathlib import Path

import pytest

from leaver.config import Config
from leaver.domain.errors import Unusable
from leaver.m365 import clouds


@pytest.mark.parametrize("cloud", ["global", "usgov", "usgov-dod", "china"])
def test_scopes_follow_the_host(cloud: str) -> None:
    named = clouds.named(cloud)

    assert named.graph_scope == f"{named.graph}/.default"
    assert named.exchange_scope == f"{named.exchange}/.default"
    assert named.token_endpoint("t") == f"{named.login}/t/oauth2/v2.0/token"


def test_an_address_of_ones_own_is_its_scope() -> None:
    config = Config(Path(), cloud="custom", login_url="http://x/login", graph_url="http://x/graph/", exchange_url="y")

    assert clouds.of(config).graph_scope == "http://x/graph/.default"


def test_sharepoint_is_asked_for_by_origin() -> None:
    scope = clouds.named("global").sharepoint_scope("https://Contoso-my.sharepoint.com/personal/ada")

    assert scope == "https://contoso-my.sharepoint.com/.default"


def test_an_unknown_cloud_is_unusable() -> None:
    with pytest.raises(Unusable, match="usgov-dod"):
        clouds.named("moon")
