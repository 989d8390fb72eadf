"""The task catalogue: every task, its setting and what it needs."""

from __future__ import annotations

import inspect
import json
from functools import cache

from fastapi import APIRouter
from fastapi.responses import Response

from leaver.access.roles import Right, require
from leaver.api.documented import answers, by_name
from leaver.api.door import Caller
from leaver.api.v1.shapes import Page, TaskKind
from leaver.tasks.catalogue import all_tasks

router = APIRouter(prefix="/api/v1", tags=["Leaver"], generate_unique_id_function=by_name)


@router.get("/tasks", summary="Every task, its setting and what it needs", **answers(Page[TaskKind]))
async def tasks(person: Caller) -> Response:
    """The catalogue."""
    require(person, Right.SEE)
    return Response(_catalogue(), media_type="application/json")


@cache
def _catalogue() -> bytes:
    """The answer, made once: it changes with the program alone."""
    items = [
        {
            "task": task.name,
            "stage": task.stage,
            "label": task.option.label,
            "section": task.option.section.value,
            "text": task.option.text,
            "description": (inspect.getdoc(task) or "").partition("\n")[0],
            "api_field": task.option.api_field,
            "reversibility": task.reversibility.value,
            "permissions": list(task.scopes),
            "roles": list(task.roles),
            "schema": task.option.setting.model_json_schema(),
            "list_of": task.option.list_of,
        }
        for task in all_tasks()
    ]
    return json.dumps({"items": items, "next": ""}).encode()
