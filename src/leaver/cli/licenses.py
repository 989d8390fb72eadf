"""`leaver licenses`: the names that products are shown by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from leaver.cli.ending import Ending, print_json
from leaver.cli.house import in_house
from leaver.cli.options import json_option

if TYPE_CHECKING:
    from leaver.wiring import House


@click.group(short_help="Renew the names of products.")
def licenses() -> None:
    """Renew the names that products are shown by."""


@licenses.command()
@click.option("--url", default="", help="Another address than Microsoft's.")
@click.option("--file", "file", default="", metavar="FILE", help="A copy of Microsoft's CSV file.")
@json_option
def refresh(url: str, file: str, wants_json: bool) -> int:
    """Fetch Microsoft's published list of product names and keep it in the data folder."""
    if url and file:
        raise click.UsageError("Name an address with --url or a file with --file; one of the two.")

    async def work(house: House) -> int:
        from leaver.offboarding.products import refresh as renew

        config = house.config
        done = await renew(config.data_dir, url=url, file=file, ca_file=config.ca_file)
        if wants_json:
            print_json({"products": done.products, "source": done.source, "kept_in": str(done.path)})
        else:
            click.echo(f"{done.products} products are known by name.")
        return Ending.FINE

    return in_house(work)
