"""The disk of the database, or of the data folder, is full in the middle of a run."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from databases import SmallDisk
from leaver.config import Config
from leaver.domain.errors import StoreAway
from leaver.domain.outcome import State
from leaver.m365.http import Http
from leaver.offboarding.desk import accept_plan
from leaver.offboarding.drive import drive
from leaver.store.files import write_private, write_whole
from leaver.store.tenants import KnownTenant
from leaver.wiring import build
from m365_simulator.world import World
from offboarding.test_every_step import SETTINGS, Mortal, repeated, what_is_to_change
from support import Desk, Wire, give_ada_everything

ADA = "ada@contoso.example"


class Filling(Mortal):
    """A way to Microsoft on which the disk fills up, at one of the writes."""

    def __init__(self, wire: Wire, disk: SmallDisk, at: int) -> None:
        super().__init__(wire, 0)
        self._disk, self._at = disk, at
        self.full = False

    def step(self) -> None:
        """Two for each write."""
        super().step()
        if self.steps == self._at:
            self.full = True
            self._disk.fill()


@pytest.mark.parametrize("at", [1, 4, 11])
async def test_a_full_disk_stops_the_writing_and_the_run_goes_on_once_there_is_room(
    config: Config,
    address_on_small_disk: str,
    small_disk: SmallDisk,
    wire: Wire,
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    at: int,
) -> None:
    """Nothing is written to Microsoft that is not on record, and in the end nothing is missing nor done twice."""
    monkeypatch.setattr("leaver.offboarding.drive.STORE_MAY_BE_AWAY", 0.5)
    config = replace(config, database_url=address_on_small_disk)
    give_ada_everything(world)
    filling = Filling(wire, small_disk, at)
    house = build(config, Http(transport=filling))
    await house.tenants.save(KnownTenant(world.id, world.domain, world.name, [world.domain, world.initial_domain]))
    (record,) = await accept_plan(house.offboardings, await Desk(house, world.domain).preview(ADA, settings=SETTINGS))
    wanted = what_is_to_change(record)

    with pytest.raises(StoreAway, match=r"[Nn]o space left|disk is full|could not extend"):
        await drive(house, record.id, owner="w", look_again=(0.01, 0.02))

    assert filling.full
    small_disk.make_room()
    stopped = await house.offboardings.get(record.id)
    on_record = [c for task in stopped.tasks for c in task.changes if c.made_at or c.begun_at]
    assert wire.writes
    assert len(on_record) >= len({call["cmdlet"] or call["path"] for call in wire.writes})
    assert stopped.ended_at is None

    async with house.database.begin() as connection:  # the lease runs out
        await connection.execute(text("UPDATE offboardings SET lease_until = requested_at"))
    while await drive(house, record.id, owner="w", look_again=(0.01, 0.02)) is not None:
        pass
    result = await house.offboardings.get(record.id)
    assert result.state is State.COMPLETED, [(task.task, task.error) for task in result.tasks]
    assert wanted == {(task.task, c.change.key) for task in result.tasks for c in task.changes if c.verified_at}
    assert world.sent_cancellations == [("ada", "Weekly")]
    assert repeated(wire) == []
    assert await house.audit.verify() == []
    await house.http.aclose()
    await house.database.close()


def test_evidence_is_whole_or_not_there(small_disk: SmallDisk) -> None:
    report = small_disk.path / "reports" / "one.json"
    write_private(report, "before" * 100)
    small_disk.fill()

    with pytest.raises(StoreAway, match=r"one\.json cannot be written: No space left on device"):
        write_private(report, "after" * 100_000)
    with pytest.raises(StoreAway, match="cannot be written"):
        write_private(small_disk.path / "reports" / "two.json", "after" * 100_000)

    assert report.read_text() == "before" * 100
    assert sorted(path.name for path in report.parent.iterdir()) == ["one.json"]


def test_what_is_no_file_is_written_to_as_it_is(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)

    write_whole(pipe, b"evidence")

    assert os.read(reader, 100) == b"evidence"
    assert pipe.is_fifo()
    os.close(reader)


def test_a_folder_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StoreAway, match=r"report\.html cannot be written: No such file"):
        write_whole(tmp_path / "none" / "report.html", b"evidence")


def test_a_new_file_is_its_owners_alone_where_it_should_be(tmp_path: Path) -> None:
    write_private(tmp_path / "secret", "x")

    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600
