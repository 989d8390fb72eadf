"""200 small tenants of one partner."""

from __future__ import annotations

from m365_simulator.world import Cloud

TENANTS = 200


def fill(cloud: Cloud) -> str:
    """The same five people in every tenant."""
    for number in range(TENANTS):
        world = cloud.add_world(f"customer{number:03d}.example", f"Customer {number:03d}")
        cloud.partner_tenant = cloud.partner_tenant or world.id
        world.add_user("grace", "Grace Successor")
        for name in ("ada", "bob", "carol", "dan"):
            world.add_user(name, f"{name.title()} Example", manager="grace")
        world.add_group("team", "ada", "bob", "grace", owners=["grace"], kind="microsoft365")
    return "ada@customer000.example"
