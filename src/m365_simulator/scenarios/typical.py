"""A typical leaver among 200 mailboxes, for measuring."""

from __future__ import annotations

from m365_simulator.world import E3, POWER_BI, TEAMS_PHONE, Cloud


def fill(cloud: Cloud) -> str:
    """12 groups of all kinds, 3 licenses of which one inherited, 4 MFA methods, 3 rules, 2 devices, 6 mailboxes."""
    world = cloud.add_world("typical.example", "Typical")
    world.add_user("grace", "Grace Successor")
    for number in range(198):
        world.add_user(f"colleague{number}", f"Colleague {number}")
    world.add_user("ada", "Ada Leaver", licenses=[E3, TEAMS_PHONE], manager="grace")
    for number in range(4):
        world.add_group(f"security{number}", "ada", "grace")
    for number in range(3):
        world.add_group(f"team{number}", "ada", "grace", owners=["ada", "grace"], kind="microsoft365")
    for number in range(3):
        world.add_group(f"list{number}", "ada", "grace", kind="distribution")
    world.add_group("secure-mail", "ada", "grace", kind="mail_security")
    world.add_group("power-bi", "ada", license_skus=[POWER_BI])
    world.add_method("ada", "phone", phone_type="mobile")
    world.add_method("ada", "phone", phone_type="alternateMobile")
    world.add_method("ada", "fido2")
    world.add_method("ada", "softwareOath", default=True)
    world.add_rule("ada", "Invoices", move_to_folder="Invoices")
    world.add_rule("ada", "News", move_to_folder="News")
    world.add_rule("ada", "Copy", hidden=True, forward_to=["ada@mail.example"])
    world.add_device("ada", "Phone")
    world.add_device("ada", "Tablet")
    world.add_meeting("ada", "Weekly", "grace@typical.example")
    world.add_number("+31205550100", "ada")
    for number in range(3):
        world.give_full_access(f"colleague{number}", "ada")
        world.give_calendar(f"colleague{number + 3}", "ada", "Editor")
    world.users["ada"].immutable_id = "dHlwaWNhbA=="
    return "ada@typical.example"
