"""Microsoft's refusals in our words: one place where foreign errors become `domain.errors`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from leaver.domain.errors import (
    Forbidden,
    LeaverError,
    NotFound,
    NotYet,
    OnPremises,
    Refused,
    Throttled,
    Unavailable,
    Uncertain,
)
from leaver.m365.answers import Answer

NAMES = {
    "graph": "Microsoft Graph",
    "exchange": "Exchange Online",
    "sharepoint": "SharePoint",
    "sign-in": "Microsoft Entra sign-in",
}

_ON_PREMISES = (
    "on-premises mastered",
    "being synchronized from your on-premises",
    "out of the current user's write scope",
    "synchronized from an on-premises",
)
_NOT_THERE = (
    "one or more removed object references do not exist",
    "unable to retrieve user's mysite url",
    "tenant does not have a spo license",
    "no existing permission entry",
    "the ace doesn't exist",
    "the ace isn't present",
    "no permissions were found for the user",
    "couldn't find object",
    "couldn't be found on",
    "isn't a member of the group",
)
_NOT_THERE_CODES = ("request_resourcenotfound", "resourcenotfound", "itemnotfound", "erroritemnotfound")
"""Graph's codes for what is not there, whatever the status they come with."""
_NOT_YET = (
    "cannot delete default method with other methods",
    "matches the current default",
)
_ABSENT_TYPES = (
    "ManagementObjectNotFoundException",
    "MemberNotFoundException",
    "UserNotFoundInPermissionEntryException",
)
_PASSING = re.compile(r"Transient|Busy|Timeout|Unavailable|Overloaded|Connection", re.IGNORECASE)
"""Names of Exchange's errors that pass by themselves."""
_SETTLE_FIRST = (
    "Repeating alone does not help: settle what Microsoft says above, or do it by hand, then retry; only what is still "
    "missing is done."
)
_ENTERPRISE_APP = "Entra admin center > Enterprise applications > the Leaver application"


@dataclass(frozen=True)
class Asked:
    """What was asked of whom: the beginning of every error sentence."""

    service: str
    tenant: str
    method: str
    what: str

    @property
    def name(self) -> str:
        """The service as people call it."""
        return NAMES[self.service]

    @property
    def deed(self) -> str:
        """What was tried, for people: a method and a path, or a cmdlet."""
        return f"{self.method} {self.what}" if self.service in ("graph", "sharepoint") else self.what

    def error(self, answer: Answer) -> LeaverError:
        """The error that an answer other than success stands for."""
        said = _SAID[self.service](answer)
        kind, advice = _KINDS[self.service](answer, said)
        error = kind(
            f"{self.name} {_verb(answer)} {self.deed} in tenant {self.tenant}: {_sentence(said.text, answer)}",
            code=said.code,
            status=answer.status,
            request_id=said.request_id or answer.request_id,
            advice=advice,
            service=self.service,
        )
        if isinstance(error, Unavailable) and said.code == "UnableToWriteToAadException":
            error.wait = 120.0
        if isinstance(error, NotYet):
            error.wait = 5.0
        return error

    def is_final(self, answer: Answer) -> bool:
        """Whether a 5xx answer is a considered refusal: Exchange gives 500 for a cmdlet's own errors, too."""
        return self.service == "exchange" and answer.status == 500 and said_by_exchange(answer).kind != ""

    def throttled(self, answer: Answer) -> Throttled:
        """Asked to slow down for longer than one call may wait."""
        said = _SAID[self.service](answer)
        return Throttled(
            f"{self.name} is throttling requests for tenant {self.tenant} ({self.deed}).",
            code=said.code or "TooManyRequests",
            status=answer.status,
            request_id=said.request_id or answer.request_id,
            advice="Nothing to do: Leaver goes on by itself later. If it stays so, run fewer offboardings of this "
            "tenant at once, or look for another tool that calls Microsoft a lot.",
            service=self.service,
        )

    def unavailable(self, reason: str, *, request_id: str = "") -> Unavailable:
        """No answer, and nothing can have been changed by accident."""
        return Unavailable(
            f"{self.name} could not be reached for tenant {self.tenant} ({self.deed}): {reason}.",
            code="no_answer",
            request_id=request_id,
            advice="Check this machine's network, proxy and LEAVER_CA_FILE, and https://status.cloud.microsoft; "
            "Leaver repeats by itself.",
            service=self.service,
            wait=15.0,
        )

    def uncertain(self, reason: str, status: int | None = None, request_id: str = "") -> Uncertain:
        """A write that must not be sent twice, and whose answer is not known."""
        return Uncertain(
            f"{self.name} did not confirm {self.deed} in tenant {self.tenant}: {reason.rstrip('.')}. "
            "It may have been carried out.",
            code="no_answer",
            status=status,
            request_id=request_id,
            advice="Leaver reads back before it repeats.",
            service=self.service,
        )


@dataclass(frozen=True)
class Said:
    """What a refusal says: Microsoft's code, sentence and request id; `kind` is Exchange's exception type."""

    code: str = ""
    text: str = ""
    request_id: str = ""
    kind: str = ""


def _verb(answer: Answer) -> str:
    return "could not do" if answer.status >= 500 else "refused"


def _sentence(text: str, answer: Answer) -> str:
    text = " ".join(text.split())[:600] or f"HTTP status {answer.status} without an explanation"
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _said_by_graph(answer: Answer) -> Said:
    error = _lowered(_lowered(answer.body).get("error"))
    inner = _lowered(error.get("innererror"))
    details = error.get("details")
    text = str(error.get("message") or "")
    if not text and isinstance(details, list) and details:
        text = str(_lowered(details[0]).get("message") or "")
    return Said(
        code=str(error.get("code") or ""),
        text=text or answer.text,
        request_id=str(inner.get("request-id") or ""),
    )


def said_by_exchange(answer: Answer) -> Said:
    """Exchange's own words, which hide behind a constant message."""
    error = _lowered(_lowered(answer.body).get("error"))
    header = answer.headers.get("x-exceptiontype", "")
    details = error.get("details")
    first = _lowered(details[0]) if isinstance(details, list) and details else {}
    message = str(first.get("message") or "")
    inner = _lowered(_lowered(error.get("innererror")).get("internalexception"))
    if message.count("|") >= 2:
        _, kind, text = message.split("|", 2)
    elif message:
        kind, text = header, message
    elif inner.get("message"):
        kind, text = str(inner.get("type") or header), str(inner["message"])
    else:
        kind, text = header, str(error.get("message") or "") or answer.text
    kind = kind.strip().rpartition(".")[2]
    return Said(code=kind or str(error.get("code") or ""), text=_unwrapped(text), kind=kind)


def _said_by_sharepoint(answer: Answer) -> Said:
    body = _lowered(answer.body)
    error = _lowered(body.get("odata.error") or body.get("error"))
    message = error.get("message")
    text = str(_lowered(message).get("value") or "") if isinstance(message, dict) else str(message or "")
    text = text or str(body.get("error_description") or "") or answer.text
    return Said(code=str(error.get("code") or ""), text=text or answer.headers.get("www-authenticate", ""))


def _said_by_entra(answer: Answer) -> Said:
    body = _lowered(answer.body)
    text = str(body.get("error_description") or "") or answer.text
    named = re.search(r"AADSTS\d+", text)
    return Said(named[0] if named else str(body.get("error") or ""), text, str(body.get("trace_id") or ""))


_SAID = {
    "graph": _said_by_graph,
    "exchange": said_by_exchange,
    "sharepoint": _said_by_sharepoint,
    "sign-in": _said_by_entra,
}


Verdict = tuple[type[LeaverError], str]


def _graph_kind(answer: Answer, said: Said) -> Verdict:
    text = _plain(said.text)
    if _has(text, _ON_PREMISES):
        return OnPremises, "Change it in the on-premises Active Directory and let it synchronize."
    if _has(text, _NOT_YET):
        return NotYet, "The other methods go first; Leaver repeats by itself."
    if answer.status == 404 or said.code.lower() in _NOT_THERE_CODES or _has(text, _NOT_THERE):
        return NotFound, ""
    if answer.status == 401:
        return Forbidden, (
            "Microsoft Graph did not accept the token, even a new one. Check that LEAVER_CLOUD fits the tenant and "
            f"that the application is consented there ({_ENTERPRISE_APP} > Permissions)."
        )
    if said.code == "Directory_QuotaExceeded":
        return Refused, "The tenant's directory is full; an administrator must raise its quota or delete objects."
    if answer.status == 403:
        return Forbidden, (
            f"Grant the permission that this task names and consent to it in this tenant ({_ENTERPRISE_APP} > "
            "Permissions > Grant admin consent). For an account that holds an administrator role the application also "
            "needs a directory role there, such as Privileged Authentication Administrator."
        )
    return _common_kind(answer)


def _exchange_kind(answer: Answer, said: Said) -> Verdict:
    text = _plain(said.text)
    if _has(text, _ON_PREMISES):
        return OnPremises, "Change it in the on-premises Active Directory or Exchange and let it synchronize."
    if said.kind == "UnableToWriteToAadException":
        return Unavailable, "Exchange could not write to the directory just now; Leaver repeats by itself."
    if said.kind in _ABSENT_TYPES or _has(text, _NOT_THERE):
        return NotFound, ""
    if answer.status in (401, 403) or "is not present in the role definition" in text:
        return Forbidden, (
            "Give the application the permission Exchange.ManageAsApp (Office 365 Exchange Online) with admin consent, "
            "and assign it the role Exchange Administrator in this tenant (Entra admin center > Roles and "
            "administrators). New assignments may take half an hour to count."
        )
    if answer.status == 404:
        return NotFound, ""
    if said.kind == "CmdletProxyNotAvailableException":
        return Unavailable, "The mailbox may be moving between servers; Leaver repeats by itself."
    if answer.status == 500 and said.kind and not _PASSING.search(said.kind):
        # A cmdlet's own error: the same call would end the same way.
        return Refused, _SETTLE_FIRST
    return _common_kind(answer)


def _sharepoint_kind(answer: Answer, said: Said) -> Verdict:
    text = _plain(said.text)
    if "unsupported app only token" in text:
        return Forbidden, (
            "SharePoint takes no client secret. Register a certificate on the application and name it in "
            "LEAVER_CLIENT_CERTIFICATE."
        )
    if answer.status == 423 or "site is locked" in text or "nosite" in text.replace(" ", ""):
        return NotYet, "The site is locked; unlock it in the SharePoint admin center."
    if answer.status in (401, 403) or "unauthorizedaccessexception" in said.code.lower() or "unauthorized" in text:
        return Forbidden, (
            "Give the application the SharePoint permission Sites.FullControl.All (not the Graph one of that name) "
            "with admin consent in this tenant, and use a certificate. A locked site answers like this, too."
        )
    if answer.status == 404 or "does not exist" in text or "could not be found" in text:
        return NotFound, ""
    return _common_kind(answer)


def _sign_in_kind(answer: Answer, _said: Said) -> Verdict:
    return _common_kind(answer)


_KINDS = {"graph": _graph_kind, "exchange": _exchange_kind, "sharepoint": _sharepoint_kind, "sign-in": _sign_in_kind}


def _common_kind(answer: Answer) -> Verdict:
    if answer.throttled:
        return Throttled, "Nothing to do: Leaver goes on by itself later."
    if answer.status == 423:
        return NotYet, "The object is locked for the moment; Leaver repeats by itself."
    if answer.status in (408, 500, 502, 503, 504):
        return Unavailable, "Leaver repeats by itself; look at https://status.cloud.microsoft if it stays so."
    return Refused, _SETTLE_FIRST


def csom_error(asked: Asked, info: Mapping[str, Any], answer: Answer) -> LeaverError:
    """The error that SharePoint's client service hides in a 200 answer."""
    said = {"code": str(info.get("ErrorTypeName") or info.get("ErrorCode") or ""), "message": info.get("ErrorMessage")}
    return asked.error(Answer(400, {"error": said}, answer.headers, answer.request_id))


def _has(text: str, fragments: tuple[str, ...]) -> bool:
    return any(fragment in text for fragment in fragments)


def _plain(text: str) -> str:
    """A refusal in lower case and with straight apostrophes: Exchange writes both kinds."""
    return text.lower().replace("\u2019", "'")


def _lowered(value: Any) -> dict[str, Any]:
    """A JSON object with its keys in lower case; Microsoft spells them both ways."""
    return {str(key).lower(): item for key, item in value.items()} if isinstance(value, dict) else {}


def _unwrapped(text: str) -> str:
    """The text of an Exchange error, which may itself be JSON with a message."""
    text = re.sub(r"\s+", " ", text.replace("\0", "")).strip()
    if text.startswith("{"):
        try:
            return str(_lowered(json.loads(text)).get("message") or text)
        except ValueError:
            return text
    return text
