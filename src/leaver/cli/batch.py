"""Many at once: the lines of a file become offboardings, each on its own; a bad line keeps nobody else waiting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from leaver.cli.ending import as_json
from leaver.cli.options import Wish
from leaver.cli.people_csv import BadLine, Line
from leaver.cli.when import moment_of
from leaver.domain.errors import Forbidden, LeaverError, Refused, SignInRefused, Unusable

if TYPE_CHECKING:
    from rich.console import Console

    from leaver.domain.offboarding import Offboarding
    from leaver.offboarding.intake import Opened
    from leaver.offboarding.planner import Preview
    from leaver.wiring import House


LINES_AT_ONCE = 200
"""Users that are looked up side by side; each asks Leaver's database too."""


@dataclass
class Batch:
    """What became of the lines of a file."""

    lines: Sequence[Line]
    bad: list[BadLine]
    opened: dict[str, tuple[Line, Opened]] = field(default_factory=dict)
    """The good ones, by the id of their offboarding."""
    _told: set[int] = field(default_factory=set)

    @property
    def _total(self) -> int:
        return len({line.number for line in self.lines} | {line.number for line in self.bad})

    def reject(self, line: Line, error: LeaverError) -> None:
        """Leave the user of a line alone."""
        self.bad.append(BadLine(line.number, line.user, error))
        self.bad.sort(key=lambda each: each.number)

    async def accept(self, house: House, tenant: str, wish: Wish, reference: str) -> list[Opened]:
        """The offboardings of the good lines. An unknown tenant, or one that refuses us, is everybody's problem."""
        from leaver.offboarding.intake import batch_refusals
        from leaver.offboarding.together import some_at_once

        await house.tenants.find(tenant)
        lines = (_accept_line(house, tenant, line, wish, reference) for line in self.lines)
        asked = await some_at_once(lines, LINES_AT_ONCE)
        first: dict[str, int] = {}
        good: list[tuple[Line, Opened]] = []
        for line, answer in zip(self.lines, asked, strict=True):
            if isinstance(answer, LeaverError):
                self.reject(line, answer)
            elif answer.user.id in first:
                text = f"{line.user} is the user of line {first[answer.user.id]}."
                self.reject(line, Unusable(text, "duplicate_user"))
            else:
                first[answer.user.id] = line.number
                good.append((line, answer))
        refused = batch_refusals([item for _, item in good])
        for line, item in good:
            if item.record.id in refused:
                self.reject(line, Unusable(refused[item.record.id], "refused_request"))
            else:
                self.opened[item.record.id] = (line, item)
        return [item for _, item in self.opened.values()]

    def without_blocked(self, preview: Preview) -> Preview:
        """The plan of those that can be carried out; a blocker rejects its line, and says how it is decided."""
        for record in preview.offboardings:
            if record.state.value == "blocked":
                self.reject(self.opened[record.id][0], _blockers(record))
        return preview.only(lambda record: record.state.value != "blocked")

    async def keep(self, house: House, preview: Preview) -> Preview:
        """Accept each into the store; one whose user has another offboarding under way rejects its line."""
        from leaver.offboarding.desk import BULK, accept_plan

        rejected = set()
        for item in preview.planned:
            item.record.priority = BULK
            try:
                await accept_plan(house.offboardings, replace(preview, planned=[item]))
            except Unusable as error:
                self.reject(self.opened[item.record.id][0], error)
                rejected.add(item.record.id)
        return preview.only(lambda record: record.id not in rejected)

    def tell(self, err: Console) -> None:
        """The bad lines that were not told yet, for a person."""
        from rich.text import Text

        from leaver.offboarding.words import counted

        fresh = [line for line in self.bad if line.number not in self._told]
        if not fresh:
            return
        self._told |= {line.number for line in fresh}
        err.print(Text(f"\nNot accepted: {counted(len(fresh), 'line')} of {self._total}", style="bold red"))
        for line in fresh:
            who = f", {line.user}" if line.user else ""
            err.print(Text(f"Line {line.number}{who}: {line.error}", style="red"), soft_wrap=True)
            if line.error.advice:
                err.print(f"  {line.error.advice}", soft_wrap=True)
        err.print()

    def as_json(self) -> list[dict[str, Any]]:
        """The bad lines, for a program."""
        return [{"line": line.number, "user": line.user, **as_json(line.error)} for line in self.bad]


async def _accept_line(house: House, tenant: str, line: Line, wish: Wish, reference: str) -> Opened | LeaverError:
    from leaver.offboarding.intake import accept

    settings: Mapping[str, Any] = wish.settings if line.settings is None else line.settings
    try:
        when = moment_of(line.at)
        (opened,) = await accept(
            house,
            tenant,
            [line.user],
            settings,
            decisions=wish.decisions,
            reference=line.reference or reference,
            full_scan=wish.full_scan,
        )
    except (SignInRefused, Forbidden):
        raise
    except (Unusable, Refused) as error:
        return error
    opened.record.at, opened.record.time_zone = when
    return opened


def _blockers(record: Offboarding) -> Unusable:
    from leaver.offboarding.planner import open_blocker

    notes = [*record.notes, *(note for task in record.tasks for note in task.notes)]
    found = [note for note in notes if open_blocker(note, record.decisions)]
    choices = [f"--decide {note.code}={choice}" for note in found for choice in note.choices]
    advice = f"Decide it for every line with {' or '.join(dict.fromkeys(choices))}." if choices else ""
    return Unusable(" ".join(dict.fromkeys(note.text for note in found)), "blocked", advice=advice)
