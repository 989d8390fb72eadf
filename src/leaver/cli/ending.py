"""How a command ends: the exit status, and an error as a sentence or as JSON."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import Any, NoReturn

import click

from leaver.domain.errors import LeaverError, NotFound, SignInRefused, TryAgain, Unusable
from leaver.domain.outcome import State


class Ending(IntEnum):
    """Exit statuses that scripts rely on."""

    FINE = 0
    """Nothing failed: completed, or only follow-ups for a person are left."""
    FAILED = 1
    UNUSABLE = 2
    """Unusable input or a blocker; nothing was changed."""
    UNREACHABLE = 3
    """A service could not be reached."""
    INTERRUPTED = 130


def ending_of(states: Iterable[State]) -> Ending:
    """The exit status for offboardings that ended in these states."""
    seen = set(states)
    if State.FAILED in seen or State.CANCELLED in seen:
        return Ending.FAILED
    return Ending.UNUSABLE if State.BLOCKED in seen else Ending.FINE


def ending_of_error(error: LeaverError) -> Ending:
    """The exit status for an error that ended the command."""
    if isinstance(error, TryAgain):
        return Ending.UNREACHABLE
    if isinstance(error, (Unusable, SignInRefused, NotFound)):
        return Ending.UNUSABLE
    return Ending.FAILED


def as_json(error: LeaverError) -> dict[str, Any]:
    """An error in the shape that `--json` promises."""
    return {
        "error": {
            "code": error.code or type(error).__name__,
            "message": error.message,
            "request_id": error.request_id,
            "advice": error.advice,
            "service": error.service,
            "status": error.status,
        }
    }


def print_json(document: Any) -> None:
    """The one document on standard output."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


class Door(click.Group):
    """The command `leaver`: whatever is raised inside becomes a sentence, or JSON, and an exit status."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's own signature
        """In the order in which somebody needs them, not by the alphabet."""
        return list(self.commands)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: ARG002 - click's own signature
        **extra: Any,
    ) -> NoReturn:
        """Run, and exit."""
        words = list(sys.argv[1:] if args is None else args)
        sys.exit(self._run(words, prog_name or "leaver", complete_var, **extra))

    def _run(self, words: list[str], prog_name: str, complete_var: str | None, **extra: Any) -> int:
        wants_json = "--json" in words
        try:
            status = super().main(words, prog_name, complete_var, standalone_mode=False, **extra)
        except LeaverError as error:
            _tell(error, wants_json)
            return ending_of_error(error)
        except click.ClickException as error:
            if wants_json:
                print_json(as_json(Unusable(error.format_message(), "usage")))
            else:
                error.show()
            return Ending.UNUSABLE
        except (click.Abort, KeyboardInterrupt):
            click.echo("Stopped. Nothing was changed by this command after that.", err=True)
            return Ending.INTERRUPTED
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return Ending.FAILED
        except Exception as error:  # a bug: with --json the promise of one document still holds
            if not wants_json:
                raise
            traceback.print_exc()
            print_json(as_json(LeaverError(f"Leaver has a fault: {error!r}", "internal_error")))
            return Ending.FAILED
        return status if isinstance(status, int) else Ending.FINE


def _tell(error: LeaverError, wants_json: bool) -> None:
    if wants_json:
        print_json(as_json(error))
        return
    click.secho(f"Error: {error}", fg="red", err=True)
    if error.advice:
        click.echo(error.advice, err=True)
    if error.request_id:
        click.echo(f"Microsoft's request id: {error.request_id}", err=True)
