"""The durable story of one offboarding, told to the engine; the only room that knows the engine (DBOS).

Our own tables are the truth. The engine delivers one message, reliably and fairly: drive this offboarding. A job is
one step; when Microsoft needs time the job ends, and the moment of the next one stands in our tables. A watchdog looks
for what is due and has no process working on it: what was accepted, what has waited long enough, and what a dead
process left behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol
from urllib.parse import unquote

from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer

from leaver.domain.errors import LeaverError
from leaver.offboarding.together import end

log = logging.getLogger(__name__)

VERSION = "1"
"""Constant, so that jobs of an older program run on a newer one. The workflow below changes only behind a patch."""
QUEUE = "offboardings"


@dataclass(frozen=True)
class Lane:
    """A queue of the engine, which takes up its tenants in any order: what is urgent needs a queue of its own."""

    queue: str
    up_to: int
    """The last priority that goes here and not to the next lane."""
    at_once: int
    """How many of it one process drives side by side; most of their time they wait for Microsoft."""
    seconds: float
    """Between two looks for work."""


LANES = (Lane("urgent", 4, 8, 0.25), Lane(QUEUE, 5, 16, 0.5), Lane("bulk", sys.maxsize, 24, 0.5))
AT_ONCE_IN_A_TENANT = 6
"""So that a bulk run in one tenant leaves room for the others; the budgets of the tenant hold beneath."""
LOOK_FOR_DUE = 1.0
"""Seconds between two looks of the watchdog."""
STRAGGLER = 120.0
"""Seconds after which what is due and was enqueued, and still is not worked on, is enqueued once more."""
KEPT = timedelta(days=7)
"""How long the engine keeps a job; by then it has ended, or was left behind by a process that is gone."""
FORGET_EVERY = 3600.0
FORGOTTEN_AT_ONCE = 500
Drive = Callable[[str], Awaitable[datetime | None]]
"""Drives one offboarding; answers when it wants to be driven again."""


class Accepted(Protocol):
    """What the engine needs to know of what is due."""

    @property
    def id(self) -> str:
        """The offboarding."""

    @property
    def tenant_id(self) -> str:
        """Whose queue it stands in."""

    @property
    def priority(self) -> int:
        """Lower goes first; from 1."""

    @property
    def attempt(self) -> int:
        """How often it has been taken up."""


class _Hands:
    """What the workflow works with; the engine's functions live at module level and cannot be handed anything."""

    drive: Drive | None = None
    loop: asyncio.AbstractEventLoop | None = None


@DBOS.step(name="drive")
async def _drive_step(offboarding_id: str) -> str:
    """Drive once. It never raises: the engine would keep the error text, and ours is in the record."""
    drive, loop = _Hands.drive, _Hands.loop
    if drive is None or loop is None:
        return ""
    try:
        if asyncio.get_running_loop() is loop:
            again = await drive(offboarding_id)
        else:
            again = await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(_awaited(drive(offboarding_id)), loop))
    except LeaverError as error:
        log.warning("offboarding %s: %s", offboarding_id, error)
        return ""
    except Exception:
        log.exception("offboarding %s broke off; it is taken up again", offboarding_id)
        return ""
    return "" if again is None else again.isoformat()


async def _awaited(work: Awaitable[datetime | None]) -> datetime | None:
    return await work


@DBOS.workflow(name="offboarding")
async def _offboarding(offboarding_id: str) -> str:
    """One job: drive once, and say when again."""
    return await _drive_step(offboarding_id)


class Engine:
    """The engine in this process: takes jobs from the queue and watches over what is due."""

    def __init__(
        self,
        database_url: str,
        owner: str,
        drive: Drive,
        due: Callable[[], Awaitable[Sequence[Accepted]]],
        *,
        kept: timedelta = KEPT,
    ) -> None:
        self._url = database_url
        self._owner = owner
        self._drive = drive
        self._due = due
        self._kept = kept
        self._forgot_at = 0.0
        self._enqueued: dict[str, tuple[int, float]] = {}
        self._watchdog: asyncio.Task[None] | None = None
        self._nudge = asyncio.Event()

    async def start(self) -> None:
        """Take part in the work."""
        _Hands.drive, _Hands.loop = self._drive_now, asyncio.get_running_loop()
        logging.getLogger("dbos").setLevel(logging.WARNING)
        _turn_on_wal(self._url)
        config: DBOSConfig = {
            "name": "leaver",
            "system_database_url": self._url,
            "application_version": VERSION,
            "executor_id": self._owner,
            "serializer": DBOSPortableJSONSerializer(),
            "enable_otlp": False,
            "log_level": "WARNING",
            "sys_db_idle_transaction_timeout_sec": 10.0,
        }
        DBOS(config=config)
        DBOS.launch()
        for lane in LANES:
            await DBOS.register_queue_async(
                lane.queue,
                worker_concurrency=lane.at_once,
                partition_worker_concurrency=AT_ONCE_IN_A_TENANT,
                polling_interval_sec=lane.seconds,
                on_conflict="always_update",
            )
        self._watchdog = asyncio.create_task(self._watch(), name="watchdog")

    async def stop(self, seconds: int = 30) -> None:
        """Take no more jobs, and let what is running come to a resting point."""
        if self._watchdog is not None:
            await end(self._watchdog)
        await asyncio.to_thread(DBOS.destroy, workflow_completion_timeout_sec=seconds)
        _Hands.drive = _Hands.loop = None

    def nudge(self) -> None:
        """Something was accepted: look at once."""
        self._nudge.set()

    async def _drive_now(self, offboarding_id: str) -> datetime | None:
        """Drive; what is due all the same after that was not taken up here, and may be enqueued again at once."""
        try:
            return await self._drive(offboarding_id)
        finally:
            self._enqueued.pop(offboarding_id, None)

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                now = loop.time()
                due = await self._due()
                for item in due:
                    attempt, at = self._enqueued.get(item.id, (-1, 0.0))
                    if attempt != item.attempt or now - at > STRAGGLER:
                        if attempt == item.attempt:
                            log.warning("offboarding %s is due and nobody has taken it up; enqueued again", item.id)
                        await self._enqueue(item, f"{item.id}:{item.attempt}:{int(datetime.now(UTC).timestamp())}")
                        self._enqueued[item.id] = (item.attempt, now)
                ids = {item.id for item in due}
                self._enqueued = {key: value for key, value in self._enqueued.items() if key in ids}
                if not self._forgot_at or now - self._forgot_at > FORGET_EVERY:
                    self._forgot_at = now
                    await self._forget()
            except Exception as error:  # noqa: BLE001 - a watchdog goes on
                # The database may be away for a while; the next look finds what this one missed.
                log.warning("the watchdog could not look for what is due: %s", error)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_FOR_DUE):
                    await self._nudge.wait()
            self._nudge.clear()

    async def _forget(self) -> None:
        """Take old jobs out of the engine's own tables; what they were about is in ours."""
        until = (datetime.now(UTC) - self._kept).isoformat()
        while True:
            found = await DBOS.list_workflows_async(
                name="offboarding", end_time=until, limit=FORGOTTEN_AT_ONCE, load_input=False, load_output=False
            )
            if found:
                await DBOS.delete_workflows_async([job.workflow_id for job in found])
            if len(found) < FORGOTTEN_AT_ONCE:
                return

    @staticmethod
    async def _enqueue(item: Accepted, workflow_id: str) -> None:
        await DBOS.enqueue_workflow_with_options_async(
            {
                "queue_name": next(lane.queue for lane in LANES if item.priority <= lane.up_to),
                "workflow_name": "offboarding",
                "workflow_id": workflow_id,
                "queue_partition_key": item.tenant_id,
                "priority": max(1, item.priority),
                "app_version": VERSION,
            },
            item.id,
        )


def _turn_on_wal(url: str) -> None:
    """Steps of the engine cost half as much on SQLite with it; the file remembers."""
    if url.startswith("sqlite:///"):
        with contextlib.closing(sqlite3.connect(unquote(url.removeprefix("sqlite:///")), timeout=30)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
