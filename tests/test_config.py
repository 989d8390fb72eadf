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
        ({"LEAVER_CLIENT_CERTIFICATE": "/" + "x" * 5000}, "LEAVER_CLIENT_CERTIFICATE"),
        ({"LEAVER_CLOUD": "custom"}, "LEAVER_LOGIN_URL"),
        ({**CUSTOM, "LEAVER_GRAPH_URL": "127.0.0.1:9443"}, "LEAVER_GRAPH_URL"),
        ({**CUSTOM, "LEAVER_GRAPH_URL": "https://user:pw@x"}, "LEAVER_GRAPH_URL"),
        ({**CUSTOM, "LEAVER_GRAPH_URL": "https://x:port"}, "LEAVER_GRAPH_URL"),
        ({"LEAVER_GRAPH_URL": "https://127.0.0.1:9443/graph"}, "LEAVER_GRAPH_URL"),
        ({"LEAVER_WRITES_PER_MINUTE": "0"}, "LEAVER_WRITES_PER_MINUTE"),
        ({"LEAVER_SIGN_IN_TRIES": "many"}, "LEAVER_SIGN_IN_TRIES"),
        ({"LEAVER_SESSION_IDLE_SECONDS": "5"}, "LEAVER_SESSION_IDLE_SECONDS"),
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


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"LEAVER_SMTP_URL": "https://mail.example.com", "LEAVER_MAIL_FROM": "a@b.example"}, "not a mail server"),
        ({"LEAVER_SMTP_URL": "smtp://mail.example.com/x", "LEAVER_MAIL_FROM": "a@b.example"}, "not a mail server"),
        ({"LEAVER_SMTP_URL": "smtp://mail.example.com"}, "LEAVER_MAIL_FROM"),
        ({"LEAVER_MAIL_FROM": "nobody"}, "LEAVER_MAIL_FROM"),
        ({"LEAVER_WEBHOOK_NETWORKS": "10.0.0.1/8"}, "LEAVER_WEBHOOK_NETWORKS"),
        ({"LEAVER_WEBHOOK_HTTP": "perhaps"}, "LEAVER_WEBHOOK_HTTP"),
    ],
)
def test_a_bad_setting_of_notifications_is_a_sentence(values: dict[str, str], says: str) -> None:
    with pytest.raises(Unusable, match=says):
        Config.from_environment(values)


def test_the_settings_of_notifications_are_read_and_the_password_is_not_shown() -> None:
    config = Config.from_environment(
        {
            "LEAVER_SMTP_URL": "smtp://me:not-for-eyes@mail.example.com:587",
            "LEAVER_MAIL_FROM": "leaver@msp.example",
            "LEAVER_WEBHOOK_NETWORKS": "10.0.0.0/8, fd00::/8",
            "LEAVER_WEBHOOK_HTTP": "true",
        }
    )

    assert config.webhook_networks == ("10.0.0.0/8", "fd00::/8")
    assert config.webhook_http
    assert "not-for-eyes" not in repr(config)


def test_secrets_may_stand_in_files(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("a-key\n")

    assert Config.from_environment({"LEAVER_SECRET_KEY_FILE": str(key)}).secret_key == "a-key"
    with pytest.raises(Unusable, match="LEAVER_SECRET_KEY_FILE too"):
        Config.from_environment({"LEAVER_SECRET_KEY_FILE": str(key), "LEAVER_SECRET_KEY": "another"})
    with pytest.raises(Unusable, match="cannot be read"):
        Config.from_environment({"LEAVER_SMTP_URL_FILE": str(tmp_path / "none")})
