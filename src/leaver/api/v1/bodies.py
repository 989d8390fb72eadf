"""What the bodies of the native API have in common."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

from leaver.api.door import sound

SETTINGS_EXAMPLE = {"disable_sign_in": True, "remove_groups": True, "forward_mail": {"to": "manager"}}


class Body(BaseModel):
    """A request's body; unknown fields are refused, and what no database keeps."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _is_sound(cls, given: Any) -> Any:
        if isinstance(given, (dict, list)):
            sound(given)
        return given


def example(**values: Any) -> ConfigDict:
    """An example of a body, for the OpenAPI document."""
    return ConfigDict(json_schema_extra={"examples": [values]})


class Decisions(Body):
    """Choices for blockers."""

    model_config = example(decisions={"last_owner": "leave"})
    decisions: dict[str, str] = {}
