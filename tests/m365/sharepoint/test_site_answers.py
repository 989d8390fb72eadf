"""What is sent to SharePoint, and how its answers are read."""

from __future__ import annotations

from xml.etree import ElementTree as Xml

import pytest

from leaver.domain.errors import NotFound, Refused, Unavailable
from leaver.domain.people import Leaver
from leaver.m365.sharepoint.sites import admin_addresses
from leaver.m365.tenant import Tenant
from m365.stub_wires import Stubs

SITE = "https://contoso-my.sharepoint.com/personal/o'neil_&_sons"
BOB = Leaver("bob", "bob@contoso.example", "Bob Example")


@pytest.fixture
def site(stubs: Stubs, eve: Leaver) -> str:
    """Eve's OneDrive."""
    stubs.graph.answers[f"/users/{eve.id}/drive/root"] = {"sharepointIds": {"siteUrl": SITE}}
    return SITE


@pytest.mark.parametrize(
    ("site_url", "admin"),
    [
        ("https://contoso-my.sharepoint.com/personal/ada", "https://contoso-admin.sharepoint.com"),
        ("https://contosoEUR-my.sharepoint.us/personal/my-my", "https://contosoEUR-admin.sharepoint.us"),
        ("https://127.0.0.1:9443/sp/contoso-my/personal/ada", "https://127.0.0.1:9443/sp/contoso-admin"),
    ],
)
def test_the_admin_site_stands_beside_the_onedrive(site_url: str, admin: str) -> None:
    assert admin_addresses(site_url) == (admin,)


def test_an_address_without_my_is_used_as_it_is() -> None:
    plain = admin_addresses("https://sharepoint.test/personal/ada")
    below = admin_addresses("https://127.0.0.1:9443/sp/personal/ada/")

    assert (plain, below) == (
        ("https://sharepoint.test",),
        ("https://127.0.0.1:9443/sp", "https://127.0.0.1:9443"),
    )


def test_only_a_whole_my_is_taken_for_the_onedrive_host() -> None:
    assert admin_addresses("https://acme-mytools-my.sharepoint.com/personal/ada") == (
        "https://acme-mytools-admin.sharepoint.com",
    )


async def test_the_administration_is_looked_for_at_the_host_too(stubbed: Tenant, stubs: Stubs, eve: Leaver) -> None:
    site = "https://127.0.0.1:9443/sp/personal/eve"
    stubs.graph.answers[f"/users/{eve.id}/drive/root"] = {"sharepointIds": {"siteUrl": site}}
    stubs.sharepoint.answers["https://127.0.0.1:9443/sp"] = NotFound("Nothing here.")
    stubs.sharepoint.csom = [{"ErrorInfo": None}, {"SharingCapability": 1}]

    assert await stubbed.sites.sharing(site) == 1


async def test_a_number_in_the_older_json_is_found(stubbed: Tenant, stubs: Stubs, site: str) -> None:
    stubs.sharepoint.answers["/_api/web/ensureuser"] = {"d": {"Id": 7}}

    await stubbed.sites.grant_admin(site, BOB)

    assert stubs.sharepoint.sent[-1][1] == "/_api/web/getuserbyid(7)"


async def test_a_missing_number_is_an_error_in_words(stubbed: Tenant, stubs: Stubs, site: str) -> None:
    stubs.sharepoint.answers["/_api/web/ensureuser"] = {"odata.null": True}

    with pytest.raises(Unavailable, match=r"by which number it knows bob@contoso\.example"):
        await stubbed.sites.grant_admin(site, BOB)


async def test_the_address_in_a_query_is_escaped(stubbed: Tenant, stubs: Stubs, site: str) -> None:
    await stubbed.sites.set_sharing(site, 0)

    request = Xml.fromstring(stubs.sharepoint.sent[0][2])
    texts = [each.text for each in request.iter() if each.tag.endswith("}Parameter")]
    assert texts == ["0", SITE, "false"]


async def test_the_sharing_is_found_among_the_parts_of_the_answer(stubbed: Tenant, stubs: Stubs, site: str) -> None:
    stubs.sharepoint.csom = [
        {"SchemaVersion": "15.0.0.0", "ErrorInfo": None},
        2,
        {"IsNull": False},
        5,
        {"_ObjectType_": "Microsoft.Online.SharePoint.TenantAdministration.SiteProperties", "SharingCapability": 3},
    ]

    assert await stubbed.sites.sharing(site) == 3


@pytest.mark.parametrize(
    ("written", "read"), [(0, 0), ("2", 2), ("Disabled", 0), ("ExistingExternalUserSharingOnly", 3), (None, None)]
)
async def test_the_sharing_is_read_as_number_or_name(
    stubbed: Tenant, stubs: Stubs, site: str, written: object, read: int | None
) -> None:
    stubs.sharepoint.csom = [{"ErrorInfo": None}, 2, {"SharingCapability": written}]

    assert await stubbed.sites.sharing(site) == read


async def test_the_sharing_may_stay_unknown(stubbed: Tenant, stubs: Stubs, site: str) -> None:
    stubs.sharepoint.csom = [{"ErrorInfo": None}, 2, {"IsNull": True}]

    assert await stubbed.sites.sharing(site) is None


async def test_a_colleague_whom_sharepoint_does_not_know_is_named(stubbed: Tenant, stubs: Stubs, site: str) -> None:
    stubs.sharepoint.answers["/_api/web/ensureuser"] = Refused(
        "SharePoint refused: The specified user i:0#.f|membership|bob@contoso.example could not be found.",
        code="-2146232832, Microsoft.SharePoint.SPException",
    )

    with pytest.raises(Refused, match=r"does not know bob@contoso\.example") as refused:
        await stubbed.sites.grant_admin(site, BOB)

    assert "license" in refused.value.advice


async def test_without_a_certificate_sharepoint_is_not_possible(stubbed: Tenant, stubs: Stubs) -> None:
    stubs.sharepoint.certificate = False

    assert "certificate" in stubbed.sites.possible
