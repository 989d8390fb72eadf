"""Answers in JSON, made of plain values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fastapi.responses import Response
from pydantic_core import to_json


def plain(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """What is answered as it is; FastAPI would look through all of it for what is not plain, which takes far longer."""
    try:
        body = to_json(content)
    except ValueError:  # half a character, as services cut names: JSON can say it in ASCII alone
        body = json.dumps(content).encode()
    return Response(body, status, headers, "application/json")
