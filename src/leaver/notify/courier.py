"""Takes deliveries from the outbox until they have arrived: with pauses that grow, and never twice at once.

Whoever takes a delivery has it for a minute; if the process dies, another one takes it then. So each event arrives at
least once, and a receiver tells a repeated one by its id.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from time import monotonic

from leaver.domain import news
from leaver.domain.actor import ENGINE
from leaver.domain.errors import LeaverError, StoreAway, TryAgain, Unusable
from leaver.notify import signature
from leaver.notify.post import Post
from leaver.notify.services import Attachment, Services
from leaver.notify.wording import message
from leaver.store.audit import Audit
from leaver.store.outbox import Attempt, Delivery, Outbox
from leaver.store.targets import Target, Targets
from leaver.store.vault import Vault

log = logging.getLogger("leaver.notify")
PAUSES = (5.0, 300.0, 1800.0, 7200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0)
"""Seconds between attempts, as Standard Webhooks advises: ten of them within three days."""
LONGEST_WAIT = 86_400.0
DISABLE_AFTER = timedelta(days=3)
"""How long a target may fail without one success before it is switched off."""
KEPT = timedelta(days=30)
WAITS = timedelta(days=90)
"""How long a delivery waits for a target that is switched off."""
LOOK = 2.0
AT_ONCE = 16
AT_ONCE_OF_ONE = 4
"""Deliveries to one target side by side, so that a slow one does not hold the others up."""
GRACE = 10.0
_PRUNE_EVERY = 3600.0


class Courier:
    """Delivers what is due, for as long as the process lives."""

    def __init__(
        self,
        outbox: Outbox,
        targets: Targets,
        vault: Vault,
        audit: Audit,
        post: Post,
        services: Services,
        report: Callable[[str], Awaitable[Attachment]],
        *,
        pauses: Sequence[float] = PAUSES,
        disable_after: timedelta = DISABLE_AFTER,
    ) -> None:
        self._outbox = outbox
        self._targets = targets
        self._vault = vault
        self._audit = audit
        self._post = post
        self._services = services
        self._report = report
        self._pauses = pauses
        self._disable_after = disable_after
        self._news = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None
        self._under_way: dict[asyncio.Task[None], str] = {}
        self._pruned = monotonic()

    async def start(self) -> None:
        """Begin to look for what is due."""
        self._loop = asyncio.create_task(self._work())
        self._loop.add_done_callback(_say_why_it_ended)

    async def stop(self) -> None:
        """Take nothing more; what is under way may finish, the rest is taken by the next process."""
        if self._loop is not None:
            self._loop.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._loop
            self._loop = None
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=GRACE)
        for task in self._under_way:
            task.cancel()

    def nudge(self) -> None:
        """Something may be due: look at once."""
        self._news.set()

    async def deliver_due(self) -> int:
        """Make one attempt for everything that is due now; how many there were."""
        count = 0
        while taken := await self._outbox.take(AT_ONCE):
            await asyncio.gather(*(self.attempt(delivery) for delivery in taken))
            count += len(taken)
        return count

    async def attempt(self, delivery: Delivery) -> Attempt:
        """One attempt, and what follows from it."""
        began, clock = datetime.now(UTC), monotonic()
        status, reason, wait, gone = None, "", 0.0, False
        target = await self._targets.get(delivery.target_id) if delivery.target_id else None
        try:
            status, wait = await self._send(delivery, target)
        except (TryAgain, Unusable) as error:
            reason = error.message
        else:
            gone = status == 410
            reason = _complaint(status)
        attempt = Attempt(began, int((monotonic() - clock) * 1000), reason, status, wait, gone)
        if not reason:
            await self._outbox.delivered(delivery, attempt)
            return attempt
        since = await self._outbox.failed(delivery, attempt, self._again_at(delivery, attempt))
        if target is not None and (gone or (since is not None and began - since >= self._disable_after)):
            await self._switch_off(target, attempt)
        return attempt

    async def _send(self, delivery: Delivery, target: Target | None) -> tuple[int | None, float]:
        if target is None or target.kind == "email":
            to = delivery.recipient if target is None else await self._secret(f"target.{target.id}.address")
            attachment = await self._report(delivery.offboarding_id) if delivery.type == news.REPORT else None
            await self._services.mail(to, message(delivery.type, delivery.data), attachment)
            return None, 0.0
        address = await self._secret(f"target.{target.id}.address")
        if target.kind == "service":
            await self._services.send(address, message(delivery.type, delivery.data))
            return None, 0.0
        keys = [await self._secret(f"target.{target.id}.secret")]
        if target.previous_until is not None and target.previous_until > datetime.now(UTC):
            keys.append(await self._secret(f"target.{target.id}.previous"))
        body = body_of(delivery)
        signed = signature.headers(delivery.event_id, int(datetime.now(UTC).timestamp()), body, keys)
        answered = await self._post.send(address, signed, body)
        return answered.status, answered.wait

    async def _secret(self, name: str) -> str:
        found = await self._vault.get(name)
        if found is None:
            raise Unusable("Its secret is missing in the database.", "secret_missing", advice="Make the target anew.")
        return found

    def _again_at(self, delivery: Delivery, attempt: Attempt) -> datetime | None:
        if delivery.tries_left <= 0 or attempt.gone:
            return None
        pause = self._pauses[min(delivery.attempts, len(self._pauses)) - 1]
        pause = min(max(pause * random.uniform(0.9, 1.1), attempt.wait), LONGEST_WAIT * 1.1)  # noqa: S311 - no secret
        return datetime.now(UTC) + timedelta(seconds=pause)

    async def _switch_off(self, target: Target, attempt: Attempt) -> None:
        days = self._disable_after.days
        why = "It answered that it is gone (410)." if attempt.gone else f"It failed for {days} days: {attempt.reason}"
        note = f"Switched off by Leaver on {attempt.at:%Y-%m-%d}. {why}"
        await self._targets.change(target.id, enabled=False, note=note)
        await self._audit.add(ENGINE, f"{target.kind}.switched_off", after={"id": target.id, "name": target.name})
        log.warning("%s %s was switched off: %s", target.kind, target.id, why)

    async def _work(self) -> None:
        while True:
            try:
                await self._round()
            except StoreAway as error:
                log.warning("Notifications wait: %s", error)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK):
                    await self._news.wait()
            self._news.clear()

    async def _round(self) -> None:
        while (free := AT_ONCE - len(self._under_way)) > 0:
            of_each = Counter(self._under_way.values())
            busy = [target for target, count in of_each.items() if target and count >= AT_ONCE_OF_ONE]
            taken = await self._outbox.take(min(free, AT_ONCE_OF_ONE), busy)
            if not taken:
                break
            for delivery in taken:
                task = asyncio.create_task(self._one(delivery))
                self._under_way[task] = delivery.target_id or ""
                task.add_done_callback(self._ended)
        if monotonic() - self._pruned > _PRUNE_EVERY:
            self._pruned = monotonic()
            now = datetime.now(UTC)
            await self._outbox.prune(now - KEPT, now - WAITS)

    async def _one(self, delivery: Delivery) -> None:
        try:
            await self.attempt(delivery)
        except LeaverError as error:  # our own database: the delivery is taken again when its minute is over
            log.warning("Delivery %s was not written down: %s", delivery.id, error)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.pop(task, None)
        self._news.set()


def _say_why_it_ended(loop: asyncio.Task[None]) -> None:
    if not loop.cancelled() and loop.exception() is not None:
        log.critical("Nothing is sent any more until a restart.", exc_info=loop.exception())


def body_of(delivery: Delivery) -> bytes:
    """What is sent; the same bytes at each attempt."""
    moment = delivery.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    body = {"type": delivery.type, "timestamp": moment, "data": delivery.data}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def _complaint(status: int | None) -> str:
    if status is None or 200 <= status < 300:
        return ""
    if 300 <= status < 400:
        return f"It answered with a redirect ({status}), which is not followed."
    return f"It answered {status}."
