from __future__ import annotations

from leaver.domain.people import Leaver
from leaver.m365.tenant import Tenant
from leaver.tasks.hand_over.convert_to_shared import ConvertToShared
from leaver.tasks.lock_out.remove_mobile_devices import RemoveMobileDevices
from m365_simulator.faults import Behaviour, Fault
from m365_simulator.world import World
from support import Wire
from tasks.contract import TaskContract
from tasks.planning import apply_all, codes


class TestRemoveMobileDevices(TaskContract):
    task_type = RemoveMobileDevices
    undoable = False

    def given(self, world: World) -> None:
        world.add_device("ada", "Ada's iPhone")
        world.add_device("ada", "Ada's iPad", model="iPad Air")
        world.add_device("bob", "Bob's iPhone")


async def test_nobody_takes_it_for_a_wipe(world: World, tenant: Tenant, ada: Leaver, wire: Wire) -> None:
    """F20."""
    world.add_device("ada", "iPhone")
    told = await codes(RemoveMobileDevices(tenant, ada))

    await apply_all(lambda: RemoveMobileDevices(tenant.fresh(), ada))

    assert "stays on it" in told["not_a_wipe"]
    assert {call["cmdlet"] for call in wire.writes} == {"Remove-MobileDevice"}


def test_devices_go_before_the_mailbox_is_converted() -> None:
    """F21."""
    assert "remove_mobile_devices" in ConvertToShared.follows


async def test_the_device_is_gone_afterwards(world: World, tenant: Tenant, ada: Leaver) -> None:
    """F22."""
    world.add_device("ada", "iPhone")
    world.add_device("bob", "iPhone")

    await apply_all(lambda: RemoveMobileDevices(tenant.fresh(), ada))

    assert world.mailboxes["ada"].devices == []
    assert len(world.mailboxes["bob"].devices) == 1


async def test_without_a_mailbox_there_are_no_devices(world: World, tenant: Tenant, ada: Leaver) -> None:
    """A18."""
    del world.mailboxes["ada"]

    assert "no_mailbox" in await codes(RemoveMobileDevices(tenant, ada))


async def test_a_mailbox_on_premises_is_left_to_its_administrator(world: World, tenant: Tenant, ada: Leaver) -> None:
    """A18."""
    world.mailboxes["ada"].on_premises = True

    assert "on_premises_mailbox" in await codes(RemoveMobileDevices(tenant, ada))


async def test_devices_that_live_on_in_entra_are_named(world: World, tenant: Tenant, ada: Leaver) -> None:
    """F23: the device lives on in Entra and Intune."""
    world.add_entra_device("ada", "ADA-LAPTOP")
    world.add_entra_device("ada", "OLD-LAPTOP", enabled=False)
    world.add_entra_device("bob", "BOB-LAPTOP")

    told = await codes(RemoveMobileDevices(tenant, ada))

    assert "ADA-LAPTOP" in told["registered_devices_stay"]
    assert "OLD-LAPTOP" not in told["registered_devices_stay"]
    assert "BOB-LAPTOP" not in told["registered_devices_stay"]


async def test_devices_that_may_not_be_read_stop_nothing(
    world: World, tenant: Tenant, ada: Leaver, behaviour: Behaviour
) -> None:
    """F23: what is only told must not hold up what is done."""
    behaviour.faults.append(Fault("registeredDevices", status=403, times=None))
    world.add_device("ada", "iPhone")

    await apply_all(lambda: RemoveMobileDevices(tenant.fresh(), ada))

    assert world.mailboxes["ada"].devices == []
