"""`leaver demo`."""

from __future__ import annotations

import click


@click.command(short_help="Watch an offboarding of a simulated user.")
def demo() -> int:
    """Watch a difficult person being offboarded from a simulated tenant: the plan, the work, the proof."""
    return 0
