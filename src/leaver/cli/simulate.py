"""`leaver simulate`: a Microsoft 365 on this machine, as a program of its own."""

from __future__ import annotations

import os
import subprocess
import sys

import click


@click.command(
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []},
    add_help_option=False,
    short_help="Start the simulated Microsoft 365.",
)
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def simulate(options: tuple[str, ...]) -> int:
    """Start the simulated Microsoft 365; options are passed on (`leaver simulate --help`)."""
    command = [sys.executable, "-m", "m365_simulator", *options]
    if os.name == "posix":
        sys.stdout.flush()
        os.execv(command[0], command)  # noqa: S606 - the process becomes the simulator, so signals reach it
    return subprocess.run(command, check=False).returncode  # noqa: S603 - our own program
