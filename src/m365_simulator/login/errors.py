"""Refusals of the login, with the codes that begin `AADSTS` (Microsoft Entra: authentication error codes)."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any


class Denied(Exception):
    """No token."""

    def __init__(self, code: int, message: str, error: str, status: int = 401) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.error = error
        self.status = status

    def body(self, now: datetime) -> dict[str, Any]:
        """The JSON that the login answers with."""
        trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
        stamp = now.strftime("%Y-%m-%d %H:%M:%SZ")
        text = f"AADSTS{self.code}: {self.message} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {stamp}"
        return {
            "error": self.error,
            "error_description": text,
            "error_codes": [self.code],
            "timestamp": stamp,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": f"https://login.microsoftonline.com/error?code={self.code}",
        }
