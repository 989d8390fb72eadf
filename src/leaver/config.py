"""Configuration from the environment, and from a `.env` file for what the environment leaves open."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from leaver.domain.errors import Unusable

FROM_FILES = (
    "LEAVER_CLIENT_SECRET",
    "LEAVER_DATABASE_URL",
    "LEAVER_OIDC_CLIENT_SECRET",
    "LEAVER_SECRET_KEY",
    "LEAVER_SMTP_URL",
)
"""What may stand in a file instead, named by the variable with `_FILE` behind it: secrets of containers and systemd."""
CLOUDS = ("global", "usgov", "usgov-dod", "china", "custom")


@dataclass(frozen=True)
class Config:
    """Everything that is set from outside. Secrets are left out of its repr."""

    data_dir: Path
    database_url: str = field(default="", repr=False)
    """Empty: SQLite in the data folder. It may hold a password."""
    cloud: str = "global"
    login_url: str = ""
    """Base addresses without a slash at the end; only for the cloud `custom`."""
    graph_url: str = ""
    exchange_url: str = ""
    ca_file: Path | None = None
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    client_certificate: str = field(default="", repr=False)
    """The path of a PEM file with certificate and key, or the PEM text itself."""
    federated_token_file: Path | None = None
    """Where a workload identity (Kubernetes, GitHub) leaves its token; renewed by others, so read anew each time."""
    managed_identity: str = ""
    """The client id of the user-assigned managed identity that the application trusts."""
    partner_tenant: str = ""
    organization: str = ""
    """The name of whoever runs Leaver, as the portal and the reports show it."""
    host: str = "127.0.0.1"
    port: int = 8365
    lease_seconds: float = 45.0
    """How long a silent process keeps an offboarding before another takes it over."""
    secret_key: str = field(default="", repr=False)
    """Keys that seal our own secrets, the newest first, separated by commas; empty: a file of the data folder."""
    session_idle_seconds: float = 3600.0
    """How long a session of the portal lasts without a page being asked for."""
    health_seconds: float = 3600.0
    """How often a server looks whether each tenant is well; 0: only when somebody asks."""
    log_format: str = "text"
    """`text`, or `json` for collectors."""
    rights_index_hours: float = 24.0
    """How old the index of rights of a tenant gets before it is built anew; 0: it is built only when asked for."""
    rights_index_max_hours: float = 72.0
    """How old it may be for a plan to go by it; older ones are forgotten."""
    sign_in_tries: int = 40
    """Tries to sign in from one address in five minutes."""
    writes_per_minute: int = 600
    """Writes of one caller."""
    oidc_issuer: str = ""
    """The identity provider whose people and programs may come in; empty: none."""
    oidc_client_id: str = ""
    oidc_client_secret: str = field(default="", repr=False)
    oidc_name: str = ""
    """What the button of the sign-in page calls the provider."""
    api_audience: str = ""
    """Whom the tokens of programs are made out to, bare or with `api://`."""
    public_url: str = ""
    """Scheme, host and port under which people reach the portal."""
    grants: str = ""
    """Which roles, groups and programs of the provider get which role and tenants here."""
    smtp_url: str = field(default="", repr=False)
    """Where mail is handed in: `smtps://user:password@host:465`, `smtp://` (STARTTLS) or `smtp+plain://`."""
    mail_from: str = ""
    webhook_http: bool = False
    """Webhooks may be sent without TLS."""
    webhook_networks: tuple[str, ...] = ()
    """Internal networks that webhooks may reach."""

    @classmethod
    def from_environment(
        cls, environ: Mapping[str, str] | None = None, dotenv_path: Path | str | None = None
    ) -> Config:
        """Read the variables; `.env` of the current folder counts too, unless `environ` is given without a path."""
        given = _Given(_with_files(_merged(environ, dotenv_path)))
        cloud = (given.text("LEAVER_CLOUD") or "global").lower()
        if cloud not in CLOUDS:
            raise _unusable("LEAVER_CLOUD", f"is {cloud!r}", f"Choose one of {', '.join(CLOUDS)}.")
        log_format = (given.text("LEAVER_LOG_FORMAT") or "text").lower()
        if log_format not in ("text", "json"):
            raise _unusable("LEAVER_LOG_FORMAT", f"is {log_format!r}", "Choose text or json.")
        urls = {name: given.url(name) for name in ("LEAVER_LOGIN_URL", "LEAVER_GRAPH_URL", "LEAVER_EXCHANGE_URL")}
        for name, url in urls.items():
            if cloud == "custom" and not url:
                raise _unusable(name, "is missing", "LEAVER_CLOUD=custom needs all three base addresses.")
            if cloud != "custom" and url:
                advice = "Set LEAVER_CLOUD=custom to use it, or remove it."
                raise _unusable(name, f"is set, but LEAVER_CLOUD is {cloud!r}", advice)
        return cls(
            data_dir=given.path("LEAVER_DATA_DIR") or _default_data_dir(given),
            database_url=given.text("LEAVER_DATABASE_URL"),
            cloud=cloud,
            login_url=urls["LEAVER_LOGIN_URL"],
            graph_url=urls["LEAVER_GRAPH_URL"],
            exchange_url=urls["LEAVER_EXCHANGE_URL"],
            ca_file=given.file("LEAVER_CA_FILE"),
            client_id=given.text("LEAVER_CLIENT_ID"),
            client_secret=given.text("LEAVER_CLIENT_SECRET"),
            client_certificate=given.certificate("LEAVER_CLIENT_CERTIFICATE"),
            federated_token_file=given.path("AZURE_FEDERATED_TOKEN_FILE"),
            managed_identity=given.text("LEAVER_MANAGED_IDENTITY"),
            partner_tenant=given.text("LEAVER_PARTNER_TENANT"),
            organization=given.text("LEAVER_ORGANIZATION"),
            host=given.text("LEAVER_HOST") or "127.0.0.1",
            port=given.port("LEAVER_PORT", 8365),
            lease_seconds=given.seconds("LEAVER_LEASE_SECONDS", 45.0, least=2.0),
            secret_key=given.text("LEAVER_SECRET_KEY"),
            log_format=log_format,
            session_idle_seconds=given.seconds("LEAVER_SESSION_IDLE_SECONDS", 3600.0, least=60.0),
            rights_index_hours=given.hours("LEAVER_RIGHTS_INDEX_HOURS", 24.0),
            rights_index_max_hours=given.hours("LEAVER_RIGHTS_INDEX_MAX_HOURS", 72.0),
            health_seconds=given.seconds("LEAVER_HEALTH_SECONDS", 3600.0, least=0.0),
            sign_in_tries=given.count("LEAVER_SIGN_IN_TRIES", 40),
            writes_per_minute=given.count("LEAVER_WRITES_PER_MINUTE", 600),
            oidc_issuer=given.issuer("LEAVER_OIDC_ISSUER"),
            oidc_client_id=given.text("LEAVER_OIDC_CLIENT_ID"),
            oidc_client_secret=given.text("LEAVER_OIDC_CLIENT_SECRET"),
            oidc_name=given.text("LEAVER_OIDC_NAME"),
            api_audience=given.text("LEAVER_API_AUDIENCE") or given.text("LEAVER_OIDC_CLIENT_ID"),
            public_url=given.origin("LEAVER_PUBLIC_URL"),
            grants=given.text("LEAVER_GRANTS"),
            smtp_url=given.mail_server("LEAVER_SMTP_URL"),
            mail_from=given.sender("LEAVER_MAIL_FROM", "LEAVER_SMTP_URL"),
            webhook_http=given.flag("LEAVER_WEBHOOK_HTTP"),
            webhook_networks=given.networks("LEAVER_WEBHOOK_NETWORKS"),
        )


class _Given:
    """The variables that are set, each read as what it should be."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def text(self, name: str) -> str:
        return self._values.get(name, "").strip()

    def path(self, name: str) -> Path | None:
        value = self.text(name)
        if "\0" in value:
            raise _unusable(name, "is not a path", "Remove the NUL character.")
        return Path(value).expanduser() if value else None

    def file(self, name: str) -> Path | None:
        path = self.path(name)
        try:
            there = path is None or path.is_file()
        except OSError as error:
            raise _unusable(
                name, f"names {path}, which cannot be read: {error.strerror}", "Correct who may read it."
            ) from error
        if not there:
            raise _unusable(name, f"names {path}, which is not a file", "Correct the path or remove the variable.")
        return path

    def certificate(self, name: str) -> str:
        value = self.text(name)
        if value and "-----BEGIN" not in value:
            self.file(name)
        return value

    def url(self, name: str) -> str:
        value = self.text(name).rstrip("/")
        if not value:
            return ""
        try:
            parts = urlsplit(value)
            known = parts.scheme in ("https", "http") and parts.hostname and (parts.port or True)
        except ValueError:
            known = False
        if not known or parts.query or parts.fragment or parts.username:
            raise _unusable(name, "is not a base address", "Write it like https://127.0.0.1:9443/login.")
        return value

    def issuer(self, name: str) -> str:
        """An address that is compared letter by letter, so that its last slash stays."""
        value = self.text(name)
        base = self.url(name)
        if base and not base.startswith(("https://", "http://127.0.0.1:", "http://localhost:")):
            raise _unusable(name, "is not HTTPS", "Nobody on the way may change what an identity provider says.")
        return value if base else ""

    def origin(self, name: str) -> str:
        value = self.url(name)
        if value and urlsplit(value).path:
            raise _unusable(name, "has a path", "Give scheme, host and port alone, like https://leaver.example.com.")
        return value

    def mail_server(self, name: str) -> str:
        value = self.text(name).rstrip("/")
        try:
            parts = urlsplit(value)
            known = parts.scheme in ("smtp", "smtps", "smtp+plain") and parts.hostname and (parts.port or True)
        except ValueError:
            known = False
        if value and (not known or parts.path or parts.query):
            raise _unusable(name, "is not a mail server", "Write it like smtp://user:password@mail.example.com:587.")
        return value

    def sender(self, name: str, server: str) -> str:
        value = self.text(name)
        if (self.text(server) or value) and not re.fullmatch(r"[^@\s<>]+@[^@\s<>]+\.[^@\s<>]+", value):
            raise _unusable(name, "is not a mail address", f"{server} needs an address to send from.")
        return value

    def flag(self, name: str) -> bool:
        value = self.text(name).lower()
        if value not in ("", "0", "1", "true", "false", "yes", "no"):
            raise _unusable(name, f"is {value!r}", "Write true or false.")
        return value in ("1", "true", "yes")

    def networks(self, name: str) -> tuple[str, ...]:
        found = [part.strip() for part in self.text(name).split(",") if part.strip()]
        for part in found:
            try:
                ipaddress.ip_network(part)
            except ValueError as error:
                raise _unusable(name, f"holds {part!r}", "Write networks like 10.20.0.0/16, with commas.") from error
        return tuple(found)

    def seconds(self, name: str, default: float, *, least: float) -> float:
        value = self.text(name)
        try:
            seconds = float(value) if value else default
        except ValueError:
            seconds = -1.0
        if not least <= seconds <= 86_400:
            raise _unusable(name, f"is {value!r}", f"Give a number of seconds, {least:g} or more.")
        return seconds

    def hours(self, name: str, default: float) -> float:
        value = self.text(name)
        try:
            hours = float(value) if value else default
        except ValueError:
            hours = -1.0
        if not 0 <= hours <= 8760:
            raise _unusable(name, f"is {value!r}", "Give a number of hours, 0 or more, at most 8760.")
        return hours

    def count(self, name: str, default: int) -> int:
        value = self.text(name)
        if not value:
            return default
        if not (value.isascii() and value.isdigit() and 1 <= int(value) <= 1_000_000):
            raise _unusable(name, f"is {value!r}", "Give a whole number, 1 or more.")
        return int(value)

    def port(self, name: str, default: int) -> int:
        value = self.text(name)
        if not value:
            return default
        if not (value.isascii() and value.isdigit() and int(value) <= 65_535):
            raise _unusable(name, f"is {value!r}", "Give a port number between 0 and 65535.")
        return int(value)


def _merged(environ: Mapping[str, str] | None, dotenv_path: Path | str | None) -> dict[str, str]:
    """The environment, with a `.env` file beneath it. `$` is kept as it is: secrets may hold one."""
    path = Path(dotenv_path) if dotenv_path is not None else Path(".env") if environ is None else None
    beneath: dict[str, str] = {}
    if path is not None and path.is_file():
        from dotenv import dotenv_values

        try:
            found = dotenv_values(path, interpolate=False)
        except (OSError, UnicodeDecodeError) as error:
            raise Unusable(f"The file {path} cannot be read: {error}.", code="bad_configuration") from error
        beneath = {name: value for name, value in found.items() if value is not None}
    return {**beneath, **(os.environ if environ is None else environ)}


def _with_files(values: dict[str, str]) -> dict[str, str]:
    found = {}
    for name in FROM_FILES:
        path = values.get(f"{name}_FILE", "").strip()
        if not path:
            continue
        if values.get(name, "").strip():
            raise _unusable(name, f"is set, and {name}_FILE too", "Keep one of the two.")
        try:
            found[name] = Path(path).expanduser().read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError, ValueError) as error:
            raise _unusable(f"{name}_FILE", f"names {path!r}, which cannot be read", "Correct the path.") from error
    return {**values, **found}


def _default_data_dir(given: _Given) -> Path:
    home = given.path("XDG_DATA_HOME")
    return (home if home is not None and home.is_absolute() else Path.home() / ".local" / "share") / "leaver"


def _unusable(name: str, what: str, advice: str) -> Unusable:
    return Unusable(f"{name} {what}.", code="bad_configuration", advice=advice)
