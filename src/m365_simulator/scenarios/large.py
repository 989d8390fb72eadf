"""One tenant of 50,000 users, of whom 5,001 have mailboxes."""

from __future__ import annotations

from m365_simulator.world import E3, Cloud

USERS = 50_000
MAILBOXES = 5_000


def fill(cloud: Cloud) -> str:
    """Many people, and one who can open a few of their mailboxes."""
    world = cloud.add_world("large.example", "Large")
    world.add_user("ada", "Ada Leaver")
    for number in range(USERS - 1):
        has_mailbox = number < MAILBOXES
        world.add_user(
            f"person{number}",
            f"Person {number:05d}",
            licenses=(E3,) if has_mailbox else (),
            mailbox=has_mailbox,
            drive=False,
        )
    for number in (17, 1_234, 4_999):
        world.give_full_access(f"person{number}", "ada")
        world.give_calendar(f"person{number}", "ada", "Editor")
    return "ada@large.example"
