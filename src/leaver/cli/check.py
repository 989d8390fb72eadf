"""`leaver tenant check`: which tasks would work in a tenant, which not, and what to grant where."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from leaver.cli.ending import Ending, print_json
from leaver.cli.house import console, in_house
from leaver.cli.options import json_option, tenant_argument

if TYPE_CHECKING:
    from leaver.offboarding.readiness import Readiness
    from leaver.wiring import House


@click.command()
@tenant_argument
@json_option
def check(tenant: str, wants_json: bool) -> int:
    """Say which tasks would work in a tenant, and what to grant for the others. Nothing is changed."""

    async def work(house: House) -> int:
        from leaver.cli.rights import in_words
        from leaver.offboarding import survey
        from leaver.offboarding.health import look

        known = await house.tenants.find(tenant)
        result, _ = await look(house, known.named)
        standing = await house.rights.standing(known.id)
        if wants_json:
            print_json(result.as_json() | {"rights_index": survey.as_json(standing, house.config)})
        else:
            _show(result)
            for line in in_words(standing, house.config):
                click.echo(line)
        if result.unreachable:
            return Ending.UNREACHABLE
        return Ending.FINE if result.ready else Ending.FAILED

    return in_house(work)


def _show(result: Readiness) -> None:
    from rich.text import Text

    from leaver.cli.plan_view import WIDEST, row
    from leaver.offboarding.readiness import SERVICES, Answer
    from leaver.offboarding.words import counted

    marks = {
        Answer.YES: Text("✓", style="green"),
        Answer.NO: Text("✗", style="bold red"),
        Answer.UNSURE: Text("?", style="yellow"),
    }
    out = console()
    width = min(out.width, WIDEST)
    out.print(
        Text(f"{result.tenant.name or result.tenant.domain} ({result.tenant.domain or result.tenant.id})", style="bold")
    )
    for service, name in SERVICES.items():
        out.print(Text(f"\n{name}", style="bold"))
        for probe in (probe for probe in result.probes if probe.service == service):
            out.print(row(marks[probe.works], Text(probe.what), indent=1), width=width)
            said = str(probe.error) if probe.error else probe.text
            if said:
                out.print(row(Text(" "), Text(said, style="dim"), indent=3), width=width)
            if probe.error and probe.error.advice:
                out.print(row(Text(" "), Text(probe.error.advice), indent=3), width=width)
    out.print(Text("\nTasks", style="bold"))
    for task in result.tasks:
        lacks = ", ".join(item.name for item in task.missing)
        end = Text(f"needs {lacks}" if lacks else "", style="dim")
        out.print(
            row(marks[task.works], Text(task.label).append_text(Text("  ") + end if lacks else end), indent=1),
            width=width,
        )
    if result.missing:
        out.print(Text("\nTo grant", style="bold"))
    for item in result.missing:
        out.print(
            row(Text("→", style="magenta"), Text.assemble((item.name, "bold"), f"  {item.where}"), indent=1),
            width=width,
        )
    works = sum(task.works is Answer.YES for task in result.tasks)
    out.print(Text(f"\n{works} of {counted(len(result.tasks), 'task')} would work."))
