"""What an offboarding is in the tables: a row of its head, one for each task, one for each change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Select, Table, delete, insert, select
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from leaver.domain.offboarding import Offboarding, TaskRecord
from leaver.store import tables

HEAD = tables.offboardings


def columns(record: Offboarding) -> dict[str, Any]:
    """The columns of its head, but for those of the lease."""
    document = record.head_to_store()
    del document["revision"], document["attempt"]
    return {
        "tenant_id": record.tenant.id,
        "user_id": record.user.id,
        "user_upn": record.user.upn,
        "user_name": record.user.display_name,
        "kind": record.kind,
        "state": record.state.value,
        "reference": record.reference,
        "asked_by": record.asked_by,
        "requested_at": record.requested_at,
        "at": record.at,
        "wake_at": record.wake_at,
        "priority": record.priority,
        "active": record.ended_at is None,
        "awaits_approval": record.awaits_approval,
        "started": record.started,
        "revision": record.revision,
        "document": document,
    }


async def put_tasks(connection: AsyncConnection, record: Offboarding, tasks: Sequence[TaskRecord]) -> None:
    """Keep some tasks of an offboarding and all their changes, whatever was kept of them before."""
    names = [task.task for task in tasks]
    outcomes = [_outcome(record, task) for task in tasks]  # all of one moment: the work goes on while they are written
    changes = [row for task in tasks for row in _changes(record, task)]
    for table, rows in ((tables.outcomes, outcomes), (tables.changes, changes)):
        mine = (table.c.offboarding_id == record.id, table.c.task.in_(names))
        await connection.execute(delete(table).where(*mine))
        if rows:
            await connection.execute(insert(table), rows)


def _outcome(record: Offboarding, task: TaskRecord) -> dict[str, Any]:
    document = task.as_json()
    del document["changes"]
    return {
        "offboarding_id": record.id,
        "task": task.task,
        "position": next(place for place, other in enumerate(record.tasks) if other is task),
        "outcome": task.outcome.value,
        "document": document,
        "facts_before": task.facts_before,
        "facts_after": task.facts_after,
    }


def _changes(record: Offboarding, task: TaskRecord) -> Iterable[dict[str, Any]]:
    for number, change in enumerate(task.changes):
        yield {
            "offboarding_id": record.id,
            "task": task.task,
            "position": number,
            "made_at": change.made_at,
            "verified_at": change.verified_at,
            "document": change.to_store(),
        }


async def load(connection: AsyncConnection, wanted: Select[Any], *, facts: bool = True) -> list[Offboarding]:
    """The offboardings of a query for heads, with their tasks and changes; the facts only if they are wanted."""
    heads = (await connection.execute(wanted)).mappings().all()
    ids = [head["id"] for head in heads]
    if not ids:
        return []
    tasks = _by_offboarding((await connection.execute(_rows(tables.outcomes, ids, facts=facts))).mappings())
    made: dict[tuple[str, str], list[Any]] = {}
    for offboarding_id, task, change in await connection.execute(_rows(tables.changes, ids)):
        made.setdefault((offboarding_id, task), []).append(change)
    records = []
    for head in heads:
        rows = tasks.get(head["id"], [])
        document = dict(head["document"])
        document["revision"], document["attempt"] = head["revision"], head["attempt"]
        if head["evidence_hash"]:
            document["pruned"] = {"state": head["state"], "sha256": head["evidence_hash"]}
        document["tasks"] = [row["document"] | {"changes": made.get((head["id"], row["task"]), [])} for row in rows]
        document["facts"] = {row["task"]: [row["facts_before"], row["facts_after"]] for row in rows} if facts else {}
        records.append(Offboarding.from_store(document))
    return records


def _rows(table: Table, ids: Sequence[str], *, facts: bool = False) -> Select[Any]:
    """What is needed of the rows of some offboardings, in their order; all the rest is in the documents, too."""
    columns = [table.c.offboarding_id, table.c.task, table.c.document]
    if facts:
        columns += [table.c.facts_before, table.c.facts_after]
    return select(*columns).where(table.c.offboarding_id.in_(ids)).order_by(table.c.position)


def _by_offboarding(rows: Iterable[RowMapping]) -> dict[str, list[RowMapping]]:
    sorted_out: dict[str, list[RowMapping]] = {}
    for row in rows:
        sorted_out.setdefault(row["offboarding_id"], []).append(row)
    return sorted_out


def in_parts(ids: Sequence[str], size: int = 500) -> Iterable[Sequence[str]]:
    """A few at a time: a statement takes only so many parameters."""
    return (ids[start : start + size] for start in range(0, len(ids), size))
