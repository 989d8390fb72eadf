"""Answers in JSON, made of plain values."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi.responses import Response
from pydantic_core import to_json


def in_json(content: Any) -> bytes:
    """Plain values as they are sent."""
    try:
        return to_json(content)
    except ValueError:  # half a character, as services cut names: JSON can say it in ASCII alone
        return json.dumps(content).encode()


def plain(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """What is answered as it is; FastAPI would look through all of it for what is not plain, which takes far longer."""
    return Response(in_json(content), status, headers, "application/json")


def as_list(items: Sequence[bytes]) -> bytes:
    """A list of what is JSON already."""
    return b"[" + b",".join(items) + b"]"
