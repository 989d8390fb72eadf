"""Errors as HTTP: problem details (RFC 9457), with Microsoft's code and request id kept."""

from __future__ import annotations

from typing import Any

from leaver.domain.errors import (
    Denied,
    LeaverError,
    NotFound,
    NotSignedIn,
    Refused,
    SignInRefused,
    StoreAway,
    TooMany,
    TryAgain,
    Unusable,
)

CONFLICTS = frozenset(
    {
        "already_running",
        "already_ended",
        "already_started",
        "approval_changed",
        "blocked",
        "idempotency_conflict",
        "nothing_to_approve",
        "nothing_to_retry",
        "nothing_to_skip",
        "nothing_to_undo",
        "plan_changed",
        "still_active",
        "undo_of_undo",
        "preset_is_fixed",
        "pruned",
        "switched_off",
    }
)
MISSING = frozenset(
    {
        "not_protected",
        "unknown_delivery",
        "unknown_notification",
        "unknown_offboarding",
        "unknown_preset",
        "unknown_tenant",
        "unknown_token",
        "unknown_webhook",
    }
)


def status_of(error: LeaverError) -> int:
    """The HTTP status that says who must act."""
    if isinstance(error, NotSignedIn):
        return 401
    if isinstance(error, Denied):
        return 403
    if isinstance(error, TooMany):
        return 429
    if isinstance(error, Unusable):
        return 409 if error.code in CONFLICTS else 404 if error.code in MISSING else 400
    if isinstance(error, NotFound):
        return 404
    if isinstance(error, (TryAgain, StoreAway)):
        return 503
    if isinstance(error, (SignInRefused, Refused)):
        return 502
    return 500


def problem(error: LeaverError, instance: str) -> dict[str, Any]:
    """The error as a document that a program can read and a person too."""
    body = document(
        error.code or type(error).__name__, error.message, status_of(error), instance=instance, detail=error.advice
    )
    return body | {"service": error.service, "request_id": error.request_id}


def in_cipp_words(reasons: list[str]) -> dict[str, list[str]]:
    """A refusal for callers of CIPP. Some take a text for a success unless it says that something could not be done."""
    first, *others = reasons or [""]
    return {"Results": [f"Could not do this: {first}", *others]}


def document(code: str, title: str, status: int, *, instance: str, detail: str = "") -> dict[str, Any]:
    """A problem (RFC 9457)."""
    return {
        "type": f"urn:leaver:problem:{code}",
        "title": title,
        "status": status,
        "detail": detail or title,
        "code": code,
        "instance": instance,
    }
