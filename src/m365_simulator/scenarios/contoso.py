"""Two small tenants full of difficult people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from m365_simulator.world import (
    E3,
    E5,
    EXCHANGE_P2,
    GB,
    GLOBAL_ADMIN,
    POWER_BI,
    TEAMS_PHONE,
    USER_ADMIN,
    Cloud,
    World,
)


def fill(cloud: Cloud) -> str:
    """Contoso with everything that makes an offboarding hard, and Fabrikam, which syncs from Active Directory."""
    world = cloud.add_world("contoso.example", "Contoso")
    cloud.partner_tenant = world.id
    _colleagues(world)
    _adele(world)
    _difficult(world)
    _fabrikam(cloud.add_world("fabrikam.example", "Fabrikam"))
    return "adele.vance@contoso.example"


def _colleagues(world: World) -> None:
    world.add_user("megan.bowen", "Megan Bowen", licenses=[E5], department="Marketing")
    world.add_user("lee.gu", "Lee Gu", licenses=[E3], department="Marketing", manager="megan.bowen")
    world.add_user("alex.wilber", "Alex Wilber", licenses=[E3], manager="megan.bowen")
    world.add_user("isaiah.langer", "Isaiah Langer", licenses=[E3], enabled=False)
    world.add_user("first.admin", "First Admin", licenses=[], mailbox=False, drive=False)
    world.add_role(GLOBAL_ADMIN, "Global Administrator", "first.admin")
    world.add_role(USER_ADMIN, "User Administrator", "alex.wilber")


def _adele(world: World) -> None:
    world.add_user("adele.vance", "Adele Vance", licenses=[E5, TEAMS_PHONE], department="Sales", manager="megan.bowen")
    world.add_group("sales-team", "adele.vance", "lee.gu", kind="microsoft365", display_name="Sales Team")
    world.add_group(
        "field-marketing",
        "adele.vance",
        "megan.bowen",
        owners=["adele.vance", "lee.gu"],
        kind="microsoft365",
        display_name="Contoso Field Marketing",
    )
    world.add_group("sg-vpn", "adele.vance", "lee.gu", display_name="SG-VPN-Users")
    world.add_group("newsletter", "adele.vance", "lee.gu", kind="distribution", display_name="Newsletter")
    world.add_group("secure-mail", "adele.vance", kind="mail_security", display_name="Secure mail")
    world.add_group("power-bi", "adele.vance", license_skus=[POWER_BI], display_name="Licensing Power BI")
    world.add_group(
        "all-sales",
        "adele.vance",
        dynamic_rule='(user.department -eq "Sales")',
        display_name="All Sales",
    )
    world.add_method("adele.vance", "microsoftAuthenticator", display="Adele's phone", default=True)
    world.add_method("adele.vance", "phone", phone_type="mobile", display="+31 6 5550 1234")
    world.add_method("adele.vance", "fido2", display="Security key")
    world.add_rule("adele.vance", "Invoices to a folder", move_to_folder="Invoices")
    world.add_rule("adele.vance", "Backup", hidden=True, forward_to=["adele.private@mail.example"])
    world.add_device("adele.vance", "Adele's iPhone")
    world.add_meeting("adele.vance", "Weekly sales review", "lee.gu@contoso.example", "megan.bowen@contoso.example")
    world.add_meeting("adele.vance", "Quarter planning", "megan.bowen@contoso.example", days=30)
    world.add_number("+31205550147", "adele.vance")
    world.give_full_access("lee.gu", "adele.vance")
    world.give_calendar("megan.bowen", "adele.vance", "Editor")
    world.mailboxes["lee.gu"].send_as.append("adele.vance")
    world.mailboxes["megan.bowen"].send_on_behalf.append("adele.vance")
    world.users["adele.vance"].immutable_id = "QURFTEVWQU5DRQ=="
    world.mailboxes["lee.gu"].calendar_name = "Kalender"


def _difficult(world: World) -> None:
    _sync(world)
    world.add_user(
        "diego.siciliani", "Diego Siciliani", synced=True, sam_account_name="diegos", on_premises_domain="CONTOSO"
    )
    world.add_user("grady.archie", "Grady Archie", licenses=[EXCHANGE_P2])
    world.mailboxes["grady.archie"].size = int(62.4 * GB)
    world.add_user("joni.sherman", "Joni Sherman", licenses=[E3])
    world.mailboxes["joni.sherman"].archive = True
    world.mailboxes["joni.sherman"].litigation_hold = True
    world.add_user("henrietta.mueller", "Henrietta Mueller", licenses=[E3], drive=False)
    world.mailboxes["henrietta.mueller"].calendar_name = "Kalender"
    world.add_user("lidia.holloway", "Lidia Holloway", licenses=[POWER_BI], mailbox=False, drive=False)
    world.add_user("patti.fernandez", "Patti Fernandez", licenses=[E3])
    world.mailboxes["patti.fernandez"].on_premises = True
    world.add_user("odd", "Brian O'Neil+Test", upn="brian.o'neil+test@contoso.example")
    world.add_user(
        "guest",
        "Mia Guest",
        upn="mia_fabrikam.example#EXT#@contoso.onmicrosoft.com",
        user_type="Guest",
        licenses=[],
        mailbox=False,
        drive=False,
    )
    world.add_user("nestor.wilke", "Nestor Wilke", licenses=[E3])
    world.add_group("it-admins", "nestor.wilke", role_assignable=True, display_name="IT admins")
    world.add_group("solo", "nestor.wilke", owners=["nestor.wilke"], kind="microsoft365", display_name="Project Solo")
    world.add_group("on-prem-print", "nestor.wilke", synced=True, display_name="SG-OnPrem-Print")
    world.add_group("mail-licensing", "nestor.wilke", kind="mail_security", license_skus=[POWER_BI])
    world.add_group(
        "rule-licensing", "nestor.wilke", license_skus=[EXCHANGE_P2], dynamic_rule='(user.country -eq "NL")'
    )


def _fabrikam(world: World) -> None:
    _sync(world)
    world.add_user("pat.boss", "Pat Boss", licenses=[E3])
    world.add_user(
        "eve.synced",
        "Eve Synced",
        synced=True,
        sam_account_name="eve",
        on_premises_domain="FABRIKAM",
        manager="pat.boss",
    )
    world.add_group("everyone", "pat.boss", "eve.synced", synced=True)


def _sync(world: World) -> None:
    """The directory came through a moment ago."""
    world.synced = True
    world.synced_at = f"{datetime.now(UTC) - timedelta(minutes=11):%Y-%m-%dT%H:%M:%SZ}"
