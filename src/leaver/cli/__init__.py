"""What administrators type. Nothing heavy is imported before a command runs, so that help is there at once."""

from __future__ import annotations

import click

from leaver import __version__
from leaver.cli.accounts import account
from leaver.cli.check import check
from leaver.cli.demo import demo
from leaver.cli.ending import Door
from leaver.cli.evidence import report, status
from leaver.cli.going_on import cancel, reschedule, retry, undo, worker
from leaver.cli.keeping import audit, db, prune
from leaver.cli.licenses import licenses
from leaver.cli.offboard import offboard, plan
from leaver.cli.rights import index
from leaver.cli.serving import serve, token
from leaver.cli.simulate import simulate
from leaver.cli.tasks import tasks
from leaver.cli.tenants import tenant
from leaver.cli.users import users


@click.group(cls=Door, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="leaver")
def main() -> None:
    """Offboard Microsoft 365 users: plan, do and prove everything that must happen when a person leaves.

    \b
    Start here:
      leaver demo                                      watch it on a simulated tenant
      leaver tenant add TENANT_ID --domain DOMAIN      connect a tenant
      leaver tenant check TENANT                       see which tasks would work there
      leaver plan TENANT USER --settings FILE          see what would change; changes nothing
      leaver offboard TENANT USER --settings FILE      do it, and prove it

    TENANT is an id or any domain of the tenant; USER a UPN or an object id.

    Exit status: 0 nothing failed, 1 something failed, 2 unusable input or a blocker, 3 a service could not be reached.
    """


tenant.add_command(check)
tenant.add_command(index)
for command in (
    *(tenant, users, tasks, plan, offboard, status, report, retry, cancel, undo, reschedule),
    *(serve, worker, token, account, audit, db, prune, licenses, simulate, demo),
):
    main.add_command(command)
