"""Configuration from the environment and a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from leaver.config import Config
from leaver.domain.errors import Unusable

CUSTOM = {
    "LEAVER_CLOUD": "custom",
    "LEAVER_LOGIN_URL": "https://127.0.0.1:9443/login/",
    "LEAVER_GRAPH_URL": "http://127.0.0.1:9080/graph",
    "LEAVER_EXCHANGE_URL": "https://127.0.0.1:9443/exchange",
}


def test_nothing_set_is_the_global_cloud_on_this_machine() -> None:
    config = Config.from_environment({})

    assert (config.cloud, config.host, config.port, config.database_url) == ("global", "127.0.0.1", 8365, "")
    assert config.data_dir == Path.home() / ".local" / "share" / "leaver"


def test_the_data_folder_follows_the_variables() -> None:
    assert Config.from_environment({"XDG_DATA_HOME": "/data"}).data_dir == Path("/data/leaver")
    assert Config.from_environment({"LEAVER_DATA_DIR": "/here", "XDG_DATA_HOME": "/data"}).data_dir == Path("/here")


def test_addresses_of_ones_own_lose_their_last_slash() -> None:
    assert Config.from_environment(CUSTOM).login_url == "https://127.0.0.1:9443/login"


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("LEAVER_CLIENT_ID=file\nLEAVER_CLIENT_SECRET='a$b#c'\nLEAVER_PORT=1\n")

    config = Config.from_environment({"LEAVER_CLIENT_ID": "environment"}, path)

    assert (config.client_id, config.client_secret, config.port) == ("environment", "a$b#c", 1)


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({"LEAVER_CLOUD": "moon"}, "LEAVER_CLOUD"),
        ({"LEAVER_PORT": "http"}, "LEAVER_PORT"),
        ({"LEAVER_PORT": "70000"}, "LEAVER_PORT"),
        ({"LEAVER_CA_FILE": "/nowhere.pem"}, "LEAVER_CA_FILE"),
        ({"LEAVER_CLIENT_CERTIFICATE": "/nowhere.pem"}, "LEAVER_CLIENT_CERTIFICATE"),
        ({"LEAVER_CLOUD": "custom"}, "LEAVER_LOGIN_URL"),
        ({**CUSTOM, "LEAVER_GRAPH_URL": "127.0.0.1:9443"}, "LEAVER_GRAPH_URL"),
        ({**CUSTOM, "LEAVER_GRAPH_URL": "https://user:pw@x"}, "LEAVER_GRAPH_URL"),
        ({**CUSTOM, "LEAVER_GRAPH_URL": "https://x:port"}, "LEAVER_GRAPH_URL"),
        ({"LEAVER_GRAPH_URL": "https://127.0.0.1:9443/graph"}, "LEAVER_GRAPH_URL"),
        ({"LEAVER_OIDC_ISSUER": "http://id.example.com"}, "LEAVER_OIDC_ISSUER"),
        ({"LEAVER_OIDC_ISSUER": "id.example.com"}, "LEAVER_OIDC_ISSUER"),
        ({"LEAVER_PUBLIC_URL": "https://leaver.example.com/portal"}, "LEAVER_PUBLIC_URL"),
    ],
)
def test_a_malformed_value_is_named(environ: dict[str, str], name: str) -> None:
    with pytest.raises(Unusable) as caught:
        Config.from_environment(environ)

    assert caught.value.message.startswith(name)
    assert caught.value.advice


def test_secrets_are_not_shown() -> None:
    secret = {
        "LEAVER_CLIENT_SECRET": "hush",
        "LEAVER_CLIENT_CERTIFICATE": "-----BEGIN hush",
        "LEAVER_DATABASE_URL": "postgresql://u:hush@h/d",
        "LEAVER_OIDC_CLIENT_SECRET": "hush",
    }

    assert "hush" not in repr(Config.from_environment(secret))
