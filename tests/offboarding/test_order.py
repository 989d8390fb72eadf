"""What comes before what, read from the calls that a run has made."""

from __future__ import annotations

import pytest

from m365_simulator.faults import Behaviour, Fault
from m365_simulator.world import World
from support import EVERYTHING, Desk, Wire, give_ada_everything, outcomes

ADA = "ada@contoso.example"
BEFORE = [
    ("PATCH /users/", "POST revokeSignInSessions"),
    ("POST revokeSignInSessions", "Remove-MobileDevice"),
    ("Remove-MobileDevice", "Set-Mailbox Type"),
    ("Remove-InboxRule", "Set-Mailbox ForwardingAddress"),
    ("Remove-InboxRule", "Set-MailboxAutoReplyConfiguration"),
    ("Remove-CalendarEvents", "POST assignLicense"),
    ("Set-Mailbox Type", "POST assignLicense"),
]
"""Pairs of writes; contracts/ordering.md, field failures A2, B2, F8."""


def moments(wire: Wire, write: str) -> list[tuple[float, float]]:
    """When the writes of this kind began and ended."""
    verb, _, about = write.partition(" ")
    return [
        (call["start"], call["end"])
        for call in wire.writes
        if call["status"] < 300
        and verb in (call["method"], call["cmdlet"])
        and about in f"{call['path']} {' '.join(call['parameters'] or ())}"
    ]


@pytest.mark.parametrize("lag", [0.0, 0.4])
async def test_nothing_begins_before_what_it_relies_on_is_accepted(
    desk: Desk, world: World, wire: Wire, behaviour: Behaviour, lag: float
) -> None:
    """B2: block, then reset, then revoke; A2: the license goes last. A directory that lags changes nothing of it."""
    give_ada_everything(world)
    behaviour.read_after_write = lag

    (result,) = await desk.offboard(ADA, settings=EVERYTHING)

    assert set(outcomes(result).values()) == {"verified"}
    for first, second in BEFORE:
        assert moments(wire, first), first
        assert moments(wire, second), second
        assert max(end for _, end in moments(wire, first)) <= min(start for start, _ in moments(wire, second)), (
            first,
            second,
        )


async def test_a_follower_waits_for_a_change_that_has_to_be_tried_again(
    desk: Desk, world: World, wire: Wire, behaviour: Behaviour
) -> None:
    """B2: a sign-in that a busy directory has not blocked yet is no reason to revoke sessions."""
    give_ada_everything(world)
    behaviour.faults.append(Fault(match="PATCH /users/", status=500, times=4))

    (result,) = await desk.offboard(ADA, settings={"disable_sign_in": True, "revoke_sessions": True})

    assert set(outcomes(result).values()) == {"verified"}
    blocked, revoked = moments(wire, "PATCH /users/"), moments(wire, "POST revokeSignInSessions")
    assert max(end for _, end in blocked) <= min(start for start, _ in revoked)


async def test_a_follower_goes_on_when_the_task_before_it_has_failed(
    desk: Desk, world: World, behaviour: Behaviour
) -> None:
    give_ada_everything(world)
    behaviour.faults.append(Fault(match="PATCH /users/", status=403, times=99))

    (result,) = await desk.offboard(ADA, settings={"disable_sign_in": True, "revoke_sessions": True})

    assert outcomes(result) == {"disable_sign_in": "failed", "revoke_sessions": "verified"}
