"""Refusals of Microsoft Graph, in its envelope and with its texts."""

from __future__ import annotations

from datetime import datetime

from m365_simulator.state import Answer

SYNCED = (
    "Unable to update the specified properties for on-premises mastered Directory Sync objects "
    "or objects currently undergoing migration."
)


class GraphError(Exception):
    """A refusal."""

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}

    def answer(self, now: datetime, request_id: str, client_request_id: str = "") -> Answer:
        """The envelope."""
        inner = {
            "date": now.strftime("%Y-%m-%dT%H:%M:%S"),
            "request-id": request_id,
            "client-request-id": client_request_id or request_id,
        }
        body = {"error": {"code": self.code, "message": self.message, "innerError": inner}}
        return Answer(self.status, body, {"request-id": request_id} | self.headers)


def bad_request(message: str) -> GraphError:
    """The directory's 400, which it says nearly everything with."""
    return GraphError(400, "Request_BadRequest", message)


def unsupported(message: str) -> GraphError:
    """A query that the directory cannot answer."""
    return GraphError(400, "Request_UnsupportedQuery", message)


def not_found(key: str) -> GraphError:
    """No such object, or no such reference."""
    return GraphError(
        404,
        "Request_ResourceNotFound",
        f"Resource '{key}' does not exist or one of its queried reference-property objects are not present.",
    )


def denied() -> GraphError:
    """A permission or a role is missing; which one Microsoft does not say."""
    return GraphError(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")


def synced() -> GraphError:
    """The object is mastered on premises."""
    return bad_request(SYNCED)
