"""Documents in the tables: JSON, read as fast as can be."""

from __future__ import annotations

import json
from typing import Any

from pydantic_core import from_json


def read_json(text: str | bytes) -> Any:
    """What was kept."""
    try:
        return from_json(text)
    except ValueError:  # half a character, as services cut names: only Python's own reader takes it
        return json.loads(text)
