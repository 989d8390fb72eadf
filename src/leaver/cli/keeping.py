"""`leaver db`, `leaver audit` and `leaver prune`: Leaver's own memory."""

from __future__ import annotations

import contextlib
import json
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from leaver.cli.ending import Ending, print_json
from leaver.cli.house import in_store
from leaver.cli.options import json_option
from leaver.domain.errors import Unusable
from leaver.store.files import remove, writing_whole

if TYPE_CHECKING:
    from leaver.wiring import Store

_SPAN = re.compile(r"(\d{1,5})\s*(d|w|m|y)?")
_DAYS = {"d": 1, "w": 7, "m": 30, "y": 365}


@click.group(short_help="Upgrade the database; renew its key.")
def db() -> None:
    """Bring the database up to date, and renew its key."""


@db.command()
@json_option
def upgrade(wants_json: bool) -> int:
    """Bring the database's schema up to this program's. Back it up first; there is no way down."""
    revision = in_store(lambda store: store.database.upgrade())
    if wants_json:
        print_json({"revision": revision})
    else:
        click.echo(f"The database is at revision {revision}.")
    return Ending.FINE


@db.command("rotate-key")
@click.option("--keep", is_flag=True, help="Make no key; seal under the first of LEAVER_SECRET_KEY.")
@json_option
def rotate_key(keep: bool, wants_json: bool) -> int:
    """Seal Leaver's own secrets under a fresh key, and forget the old ones."""
    count = in_store(lambda store: store.vault.rotate(keep=keep))
    if wants_json:
        print_json({"sealed": count})
    else:
        click.echo(f"Sealed {count} secrets again.")
    return Ending.FINE


@click.group()
def audit() -> None:
    """Verify and export the audit trail."""


@audit.command()
@json_option
def verify(wants_json: bool) -> int:
    """Find a changed, missing or reordered entry."""

    async def work(store: Store) -> tuple[list[str], tuple[int, str]]:
        return await store.audit.verify(), await store.audit.last()

    problems, (number, sha256) = in_store(work)
    if wants_json:
        print_json({"intact": not problems, "problems": problems, "entries": number, "last_hash": sha256})
    elif problems:
        for problem in problems:
            click.secho(problem, fg="red", err=True)
    else:
        click.echo("The audit trail is intact: every entry follows from the one before it.")
        click.echo(f"Entry {number:,} is the last one, its hash {sha256}.")
    return Ending.FAILED if problems else Ending.FINE


@audit.command()
@click.option("--out", metavar="FILE", help="Where to write it; standard output otherwise.")
def export(out: str | None) -> int:
    """Write the audit trail as JSON lines, the oldest entry first."""

    async def work(store: Store) -> int:
        with contextlib.ExitStack() as stack:
            put = stack.enter_context(writing_whole(Path(out))) if out else sys.stdout.buffer.write
            async for entry in store.audit.entries():
                put(json.dumps(entry, ensure_ascii=False).encode() + b"\n")
        return Ending.FINE

    return in_store(work)


@click.command()
@click.option("--older-than", "span", metavar="SPAN", required=True, help="E.g. 365d, 12m or 2y.")
@json_option
def prune(span: str, wants_json: bool) -> int:
    """Forget the content of offboardings that ended long ago, and their reports in the data folder.

    The audit trail and the hash of each evidence stay.
    """
    found = _SPAN.fullmatch(span.strip().lower())
    if found is None:
        raise Unusable(f"{span!r} is no span of time.", "malformed_span", advice="Write it like 365d, 12m or 2y.")
    before = datetime.now(UTC) - timedelta(days=int(found[1]) * _DAYS[found[2] or "d"])

    async def work(store: Store) -> int:
        from leaver.config import Config
        from leaver.domain.actor import Actor
        from leaver.offboarding.intake import operator
        from leaver.offboarding.report import evidence

        reports = Config.from_environment().data_dir / "reports"
        await store.rights.prune(datetime.now(UTC) - before)
        pruned = await store.offboardings.prune(
            before, lambda record: str(evidence(record)["evidence"]["sha256"]), Actor(operator())
        )
        for offboarding_id in pruned:
            for form in ("html", "json"):
                remove(reports / f"{offboarding_id}.{form}")
        return len(pruned)

    from leaver.offboarding.words import counted

    count = in_store(work)
    if wants_json:
        print_json({"pruned": count, "before": before.isoformat()})
    else:
        click.echo(f"Pruned {counted(count, 'offboarding')} that ended before {before:%Y-%m-%d %H:%M} UTC.")
    return Ending.FINE
