"""Sees offboardings through at the terminal: who works, progress, Ctrl-C, the evidence, what goes on without us."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from leaver.cli.ending import Ending, ending_of
from leaver.cli.when import in_both

if TYPE_CHECKING:
    from rich.console import Console

    from leaver.domain.offboarding import Offboarding
    from leaver.offboarding.planner import Planned
    from leaver.store.workers import AtWork
    from leaver.wiring import House

IDS_SHOWN = 10


@dataclass(frozen=True)
class Seen:
    """How far some offboardings came while somebody watched."""

    records: Sequence[Offboarding]
    interrupted: bool
    at_work: Sequence[AtWork]

    @property
    def ended(self) -> list[Offboarding]:
        """Those that have come to an end."""
        return [record for record in self.records if record.ended_at is not None]

    @property
    def left(self) -> list[Offboarding]:
        """Those that nobody watches any more although they are not over."""
        return [record for record in self.records if record.ended_at is None and not record.awaits_approval]

    @property
    def ending(self) -> Ending:
        """The exit status."""
        return Ending.INTERRUPTED if self.interrupted else ending_of(record.state for record in self.records)


async def see(
    house: House,
    records: Sequence[Offboarding],
    err: Console,
    *,
    planned: Iterable[Planned] = (),
    works: bool = True,
) -> Seen:
    """Watch them to their end with progress, work here on what nobody else works on, and keep the evidence.

    Without `works` it only watches.
    """
    from leaver.cli.progress import watching
    from leaver.offboarding.see_through import SeeingThrough
    from leaver.offboarding.settle import Stop

    if not records:
        return Seen([], interrupted=False, at_work=())
    stop = Stop()
    if works and (at_work := await house.workers.at_work()):
        err.print(f"Handed to {named(at_work)}. Ctrl-C stops watching, not the work.", style="dim", soft_wrap=True)
    with watching(err, records) as watcher:
        seeing = SeeingThrough(house, records, planned=planned, tell=watcher, stop=stop, works=works)
        with _stopping(stop, err, lambda: seeing.works_here):
            try:
                await seeing.through()
            finally:
                for record in seeing.records:
                    if record.started and works:
                        keep_evidence(house, record, err)
    return Seen(seeing.records, stop.is_set(), seeing.at_work)


def tell_seen(house: House, seen: Seen, out: Console, err: Console) -> None:
    """The results, where the evidence is, and what goes on."""
    from leaver.cli.result_view import show_results

    over = [record for record in seen.records if record not in seen.left]
    show_results(out, over)
    out.print()
    folder = house.config.data_dir / "reports"
    if len(seen.ended) == 1 and (folder / f"{seen.ended[0].id}.html").exists():
        out.print(f"Evidence: {folder / seen.ended[0].id}.html and .json", soft_wrap=True)
    elif len(seen.ended) > 1:
        out.print(f"Evidence: {folder}, ID.html and ID.json of each", soft_wrap=True)
    for record in over:
        if record.awaits_approval:
            out.print(f"{record.id} waits for a second person, in the portal or through the API.", soft_wrap=True)
    tell_left(seen, err)


def tell_left(seen: Seen, err: Console) -> None:
    """What becomes of those that are not over, and what can be done about it."""
    if not seen.left:
        if seen.interrupted:
            err.print("Stopped by Ctrl-C. Run the same command again to do what is still missing.", soft_wrap=True)
        return
    for record in seen.left[:IDS_SHOWN]:
        err.print(f"  {record.id}  {record.user.display_name} ({record.user.upn})", soft_wrap=True)
    if len(seen.left) > IDS_SHOWN:
        err.print(f"  and {len(seen.left) - IDS_SHOWN} more: `leaver status` lists them")
    if seen.at_work:
        err.print(f"Not stopped: this goes on in {named(seen.at_work)}.", soft_wrap=True)
        err.print("`leaver status ID --follow` watches it again; `leaver cancel ID` stops it.", soft_wrap=True)
    else:
        err.print("Not finished, and no server or worker is running to go on with it.", soft_wrap=True)
        err.print("`leaver retry ID` goes on with it; `leaver cancel ID` stops it.", soft_wrap=True)


def tell_scheduled(later: Sequence[Offboarding], at_work: Sequence[AtWork], out: Console) -> None:
    """When each starts, and who will start it."""
    for record in later:
        if record.at is not None:
            who = f"{record.user.display_name} ({record.user.upn})"
            out.print(f"Scheduled {record.id}: {who}, {in_both(record.at, record.time_zone)}.", soft_wrap=True)
    if at_work:
        starts = f"{named(at_work)} starts it then, after planning anew, if it still runs."
    else:
        starts = "Nothing is running that would start it: `leaver serve` or `leaver worker` must run at that time."
    out.print(f"{starts} `leaver cancel ID` stops it, `leaver reschedule ID TIME` moves it.", soft_wrap=True)


def named(at_work: Sequence[AtWork]) -> str:
    """Who works: one by name, several by the first and their number."""
    first, *others = at_work
    return f"{first}{f' and {len(others)} more' if others else ''}"


def keep_evidence(house: House, record: Offboarding, err: Console) -> None:
    """Write the evidence as page and as JSON into the data folder; the database has it in any case."""
    import json

    from leaver.domain.errors import StoreAway
    from leaver.offboarding import report
    from leaver.store.files import write_private

    folder = house.config.data_dir / "reports"
    try:
        write_private(folder / f"{record.id}.json", json.dumps(report.evidence(record), indent=2, ensure_ascii=False))
        write_private(folder / f"{record.id}.html", report.page(record))
    except StoreAway as error:
        err.print(f"{error.message} The database holds the evidence: `leaver report {record.id}`.", soft_wrap=True)


@contextmanager
def _stopping(stop: asyncio.Event, err: Console, works_here: Callable[[], bool]) -> Iterator[None]:
    """Let Ctrl-C (and a polite kill) finish what is under way and start nothing more; a second one breaks off."""
    loop = asyncio.get_running_loop()

    def halt() -> None:
        stop.set()
        if works_here():
            err.print("\nStopping: what is under way finishes first. Press Ctrl-C again to break off.")
        else:
            err.print()
        loop.remove_signal_handler(signal.SIGINT)

    handled = []
    for name in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(name, halt)
        except (NotImplementedError, RuntimeError):
            continue
        handled.append(name)
    try:
        yield
    finally:
        for name in handled:
            loop.remove_signal_handler(name)
