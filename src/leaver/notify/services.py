"""Mail and chat services, spoken to through the library Apprise; this module alone knows it.

Only services at a host of their own are let in, so that an address cannot be turned against the internal network, and
only plain mail addresses, sent through the mail server of the configuration.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote, urlsplit

from leaver.domain.errors import TryAgain, Unusable
from leaver.notify.wording import Message

if TYPE_CHECKING:
    from apprise import Apprise, AppriseAsset

MOST_RECIPIENTS = 20
WAIT = 30.0
"""Seconds for one message."""
SERVICES = {
    "workflow": "Microsoft Teams",
    "workflows": "Microsoft Teams",
    "slack": "Slack",
    "gchat": "Google Chat",
    "wxteams": "Webex",
    "webex": "Webex",
    "discord": "Discord",
    "pagerduty": "PagerDuty",
    "opsgenie": "Opsgenie",
    "jira": "Jira Service Management",
    "pover": "Pushover",
    "tgram": "Telegram",
}
"""Apprise's name for each service that is let in; each but Teams has one fixed host."""
_TEAMS = re.compile(
    r"[a-z0-9.-]+\.(logic\.azure\.(com|us|cn)|powerplatform\.com|powerplatform\.microsoft\.us|appsplatform\.us"
    r"|powerplatform\.partner\.microsoftonline\.cn)"
)
_FORBIDDEN = ("template", "verify", "redirect", "rto", "cto", "retry", "wait", "store", "cert", "key")
"""Options of an address that would read files, weaken TLS or bend the waiting."""
_MAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+")


@dataclass(frozen=True)
class MailServer:
    """Where mail is handed in."""

    host: str
    port: int
    mode: str
    """`starttls`, `ssl`, or `insecure` for a relay without TLS."""
    sender: str
    user: str = ""
    password: str = ""

    @classmethod
    def of(cls, url: str, sender: str) -> MailServer | None:
        """The server of an address like `smtp://user:password@mail.example.com:587`; None when none is given."""
        if not url:
            return None
        parts = urlsplit(url)
        mode, port = {"smtps": ("ssl", 465), "smtp": ("starttls", 587)}.get(parts.scheme, ("insecure", 25))
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        return cls(parts.hostname or "", parts.port or port, mode, sender, user, password)


@dataclass(frozen=True)
class Attachment:
    """A file that goes with a mail."""

    name: str
    content: bytes
    kind: str = "application/pdf"


class NotTaken(TryAgain):
    """The service or the mail server did not take the message."""


class Services:
    """The way out for messages that people read."""

    def __init__(self, mail_server: MailServer | None = None) -> None:
        self._mail_server = mail_server

    @property
    def mails(self) -> bool:
        """Whether a mail server is configured."""
        return self._mail_server is not None

    async def check(self, address: str) -> tuple[str, str]:
        """The service of an Apprise address, and the address as it may be shown; an unfit one is unusable."""
        found = await asyncio.to_thread(_service, address)
        return SERVICES[_scheme(found)], _masked(found)

    async def send(self, address: str, message: Message) -> None:
        """Hand a message to a service."""
        await _notify(await asyncio.to_thread(_service, address), message)

    async def mail(self, to: str, message: Message, attachment: Attachment | None = None) -> None:
        """Send a mail, with a file if there is one."""
        if self._mail_server is None:
            raise Unusable("No mail server is configured.", "no_mail_server", advice="Set LEAVER_SMTP_URL.")
        await _notify(await asyncio.to_thread(_mail, self._mail_server, mail_address(to)), message, attachment)


def mail_address(text: str) -> str:
    """A single plain mail address; anything else is unusable."""
    wanted = text.strip()
    if len(wanted) > 254 or not _MAIL.fullmatch(wanted):
        raise Unusable(
            "It is not a mail address.", "bad_mail_address", advice="Write one address, like team@example.com."
        )
    return wanted


def mail_addresses(texts: Sequence[str]) -> list[str]:
    """Several addresses, each once; in one text they have commas between them. What is none is named."""
    wanted = [part for text in texts for part in re.split(r"[,;\s]+", text.strip()) if part]
    wrong = [part for part in wanted if len(part) > 254 or not _MAIL.fullmatch(part)]
    if wrong:
        shown = ", ".join(repr(part[:80]) for part in wrong[:3])
        raise Unusable(
            f"{shown} {'is no mail address' if len(wrong) == 1 else 'are no mail addresses'}.",
            "bad_mail_address",
            advice="Write addresses like hr@example.com, with commas between them.",
        )
    once: dict[str, str] = {}
    for part in wanted:
        once.setdefault(part.casefold(), part)
    if len(once) > MOST_RECIPIENTS:
        raise Unusable(f"A report goes to at most {MOST_RECIPIENTS} addresses at once.", "too_many")
    return list(once.values())


def _asset() -> AppriseAsset:
    from apprise import AppriseAsset

    its_own = logging.getLogger("apprise")
    its_own.propagate = False  # it says who and what; we keep why, without either
    its_own.setLevel(logging.WARNING)
    if not its_own.handlers:
        its_own.addHandler(logging.NullHandler())
    return AppriseAsset(
        app_id="Leaver",
        app_desc="Leaver",
        app_url="",
        secure_logging=True,
        storage_mode="memory",
        http_redirects=False,
        service_timeout=WAIT,
        allow_templates=False,
        pgp_autogen=False,
        pem_autogen=False,
        result_log_memory_size=50,
    )


def _service(address: str) -> Any:
    from apprise import Apprise

    wanted = address.strip()
    found: Any = None
    with contextlib.suppress(ValueError):
        scheme = urlsplit(wanted).scheme.lower()
        options = {part.partition("=")[0].lower() for part in urlsplit(wanted).query.split("&")}
        known = scheme == "https" or scheme in SERVICES
        if known and len(wanted) <= 2048 and wanted.isprintable() and options.isdisjoint(_FORBIDDEN):
            found = Apprise.instantiate(wanted, asset=_asset(), suppress_exceptions=True)
    fits = found is not None and _scheme(found) in SERVICES and found.verify_certificate and not found.redirects
    if not fits or (SERVICES[_scheme(found)] == "Microsoft Teams" and not _TEAMS.fullmatch(str(found.host).lower())):
        raise Unusable(
            "This address names no service that Leaver can notify.",
            "bad_service",
            advice="Paste the address of a Teams workflow, or an Apprise address of "
            f"{', '.join(sorted(set(SERVICES.values()) - {'Microsoft Teams'}))}; docs/webhooks.md has examples.",
        )
    return found


def _scheme(plugin: Any) -> str:
    return str(plugin.url(privacy=True)).partition("://")[0]


def _masked(plugin: Any) -> str:
    """The address with its secrets taken out, and without its options."""
    return str(plugin.url(privacy=True)).partition("?")[0].rstrip("/")


def _mail(server: MailServer, to: str) -> Any:
    from apprise import Apprise

    given: dict[str, Any] = {
        "schema": "mailto" if server.mode == "insecure" else "mailtos",
        "host": server.host,
        "port": server.port,
        "smtp_host": server.host,
        "secure_mode": server.mode,
        "from_addr": server.sender,
        "targets": [to],
        "format": "text",
    }
    if server.user:
        given |= {"user": server.user, "password": server.password}
    found = Apprise.instantiate(given, asset=_asset(), suppress_exceptions=True)
    if found is None:
        raise Unusable(
            "The mail server's configuration cannot be used.",
            "bad_mail_server",
            advice="Check LEAVER_SMTP_URL and LEAVER_MAIL_FROM.",
        )
    return found


async def _notify(plugin: Any, message: Message, attachment: Attachment | None = None) -> None:
    from apprise import Apprise, NotifyFormat, NotifyType

    outgoing: Apprise = Apprise(asset=plugin.asset)
    outgoing.add(plugin)
    kind = NotifyType.FAILURE if message.grave else NotifyType.INFO
    result = await outgoing.async_notify(
        body=message.body,
        title=message.title,
        notify_type=kind,
        body_format=NotifyFormat.TEXT,
        timeout=WAIT,
        attach=None if attachment is None else _attached(attachment),
    )
    if not result:
        raise NotTaken(_why(result), "not_taken")


def _attached(attachment: Attachment) -> Any:
    from apprise import AppriseAttachment
    from apprise.attachment.memory import AttachMemory

    found, in_memory = AppriseAttachment(), cast("Any", AttachMemory)  # the library's own is untyped
    found.add(in_memory(content=attachment.content, name=attachment.name, mimetype=attachment.kind))
    return found


def _why(result: Any) -> str:
    """A sentence made from a status alone: the library's own words may hold an address."""
    text = " ".join(str(entry) for entry in result.logs())
    if result.status.name == "TIMEOUT":
        return f"It did not answer within {WAIT:.0f} seconds."
    code = re.search(r"\berror=(\d{3})\b|\((\d{3}), b", text)
    if code is not None:
        return f"It answered {code[1] or code[2]}."
    return "The message was not taken: no connection, or it was refused."
