"""Microsoft's own libraries in front of the simulator: what we did not write must believe it too.

`msgraph-sdk`, azure-identity and MSAL speak over HTTPS to a simulator in a process of its own. The group `sdk` brings
them (`uv sync --group sdk`); without it these tests are skipped.
"""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

pytestmark = [pytest.mark.sdk, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
pytest.importorskip("msgraph", reason="the dependency group sdk is not installed")


@dataclass
class Simulator:
    """What the simulator said when it was ready."""

    ready: dict[str, Any]

    @property
    def origin(self) -> str:
        return str(self.ready["origin"])

    @property
    def host(self) -> str:
        return self.origin.removeprefix("https://")

    @property
    def ca(self) -> str:
        return str(self.ready["ca_file"])

    @property
    def tenant(self) -> str:
        return str(self.ready["tenants"][0]["id"])

    @property
    def scope(self) -> str:
        return f"{self.origin}/graph/.default"

    def control(self, path: str, body: Any = None) -> Any:
        """Steer it."""
        with httpx.Client(verify=ssl.create_default_context(cafile=self.ca)) as http:
            return http.post(f"{self.origin}/control/{path}", json=body).raise_for_status().json()


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """A simulator over HTTPS, for all tests of this file."""
    folder = tmp_path_factory.mktemp("tls")
    command = [sys.executable, "-m", "m365_simulator", "--port", "0", "--tls-dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        try:
            yield Simulator(json.loads(running.stdout.readline()))
        finally:
            running.terminate()


@pytest.fixture
def simulator(process: Simulator, monkeypatch: pytest.MonkeyPatch) -> Simulator:
    """The same with everything as it was at the start; the environment's certificates and proxies stay out of it."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    process.control("reset")
    process.control("scenario", {"name": "contoso"})
    return process


def by_secret(simulator: Simulator, secret: str = "") -> Any:
    from azure.identity import ClientSecretCredential

    return ClientSecretCredential(
        simulator.tenant,
        simulator.ready["client_id"],
        secret or simulator.ready["client_secret"],
        authority=simulator.origin,
        disable_instance_discovery=True,
        connection_verify=simulator.ca,
    )


def by_certificate(simulator: Simulator) -> Any:
    from azure.identity import CertificateCredential

    return CertificateCredential(
        simulator.tenant,
        simulator.ready["client_id"],
        simulator.ready["client_certificate"],
        authority=simulator.origin,
        disable_instance_discovery=True,
        connection_verify=simulator.ca,
    )


def claims(token: str) -> dict[str, Any]:
    import jwt

    return dict(jwt.decode(token, options={"verify_signature": False}))


class TestSignIn:
    """The login, with its discovery documents."""

    @pytest.mark.parametrize(("credential", "kind"), [(by_secret, "1"), (by_certificate, "2")])
    def test_azure_identity_gets_a_token(self, simulator: Simulator, credential: Any, kind: str) -> None:
        with credential(simulator) as signed_in:
            token = signed_in.get_token(simulator.scope)

        said = claims(token.token)
        assert (said["tid"], said["appidacr"], said["idtyp"]) == (simulator.tenant, kind, "app")

    def test_azure_identity_says_that_a_secret_is_wrong(self, simulator: Simulator) -> None:
        from azure.core.exceptions import ClientAuthenticationError

        with by_secret(simulator, "wrong") as credential, pytest.raises(ClientAuthenticationError, match="7000215"):
            credential.get_token(simulator.scope)

    @pytest.mark.parametrize("credential", ["secret", "certificate"])
    def test_msal_finds_its_way_by_the_discovery_document(self, simulator: Simulator, credential: str) -> None:
        import msal

        pem = Path(simulator.ready["client_certificate"]).read_text()
        proof: Any = simulator.ready["client_secret"]
        if credential == "certificate":
            from cryptography import x509
            from cryptography.hazmat.primitives import hashes

            certificate = x509.load_pem_x509_certificate(pem[pem.index("-----BEGIN CERTIFICATE") :].encode())
            proof = {
                "private_key": pem,
                "thumbprint": certificate.fingerprint(hashes.SHA1()).hex(),
                "public_certificate": pem[pem.index("-----BEGIN CERTIFICATE") :],
            }
        application = msal.ConfidentialClientApplication(
            simulator.ready["client_id"],
            oidc_authority=f"{simulator.origin}/login/{simulator.tenant}/v2.0",
            client_credential=proof,
            verify=simulator.ca,
        )

        found = application.acquire_token_for_client([simulator.scope])

        assert found.get("token_type") == "Bearer", found

    def test_msal_says_that_a_tenant_is_unknown(self, simulator: Simulator) -> None:
        import msal

        with pytest.raises(ValueError, match=r"(?i)tenant|authority"):
            msal.ConfidentialClientApplication(
                simulator.ready["client_id"],
                oidc_authority=f"{simulator.origin}/login/11111111-2222-3333-4444-555555555555/v2.0",
                client_credential=simulator.ready["client_secret"],
                verify=simulator.ca,
            ).acquire_token_for_client([simulator.scope])


@pytest.fixture
async def graph(simulator: Simulator) -> AsyncIterator[Any]:
    """Microsoft's client for Graph, signed in with the secret."""
    from kiota_authentication_azure.azure_identity_authentication_provider import AzureIdentityAuthenticationProvider
    from kiota_http.kiota_client_factory import KiotaClientFactory
    from msgraph import GraphRequestAdapter, GraphServiceClient

    verify = ssl.create_default_context(cafile=simulator.ca)
    http = httpx.AsyncClient(verify=verify, timeout=20)
    http = KiotaClientFactory.create_with_default_middleware(client=http)
    with by_secret(simulator) as credential:
        provider = AzureIdentityAuthenticationProvider(
            credential, scopes=[simulator.scope], allowed_hosts=[simulator.host, simulator.host.split(":")[0]]
        )
        adapter = GraphRequestAdapter(provider, client=http)
        adapter.base_url = f"{simulator.origin}/graph/v1.0"
        yield GraphServiceClient(request_adapter=adapter)
    await http.aclose()


ADELE = "adele.vance@contoso.example"


def request(builder: Any, *, advanced: bool = False, **query: Any) -> Any:
    """A request configuration, as the SDK wants it."""
    from kiota_abstractions.base_request_configuration import RequestConfiguration

    names = [name for name in dir(builder) if name.endswith("GetQueryParameters")]
    parameters = getattr(builder, names[0])(**query)
    configuration: Any = RequestConfiguration(query_parameters=parameters)
    if advanced:
        configuration.headers.add("ConsistencyLevel", "eventual")
    return configuration


class TestGraphSdk:
    """What the tasks do, done with `msgraph-sdk`."""

    async def test_users_are_read_page_after_page(self, graph: Any) -> None:
        found, page = [], await graph.users.get(request(graph.users, select=["id", "userPrincipalName"], top=4))
        while page is not None:
            found += page.value
            link = page.odata_next_link
            page = await graph.users.with_url(link).get() if link else None

        assert len({user.id for user in found}) == len(found) > 8

    async def test_users_are_searched(self, graph: Any) -> None:
        page = await graph.users.get(request(graph.users, advanced=True, search='"displayName:adele"', count=True))

        assert [user.display_name for user in page.value] == ["Adele Vance"]
        assert page.odata_count == 1

    async def test_a_search_without_the_header_is_refused(self, graph: Any) -> None:
        from msgraph.generated.models.o_data_errors.o_data_error import ODataError

        with pytest.raises(ODataError) as refused:
            await graph.users.get(request(graph.users, search='"displayName:adele"'))

        assert (refused.value.response_status_code, refused.value.error.code) == (400, "Request_UnsupportedQuery")
        assert refused.value.error.inner_error.request_id

    async def test_a_user_has_typed_properties(self, graph: Any) -> None:
        one = graph.users.by_user_id(ADELE)
        select = ["id", "signInSessionsValidFromDateTime", "lastPasswordChangeDateTime", "licenseAssignmentStates"]

        user = await one.get(request(one, select=select))

        assert user.sign_in_sessions_valid_from_date_time.tzinfo is not None
        assert {state.assigned_by_group is None for state in user.license_assignment_states} == {True, False}

    async def test_a_guest_with_a_hash_in_the_name_is_found(self, graph: Any) -> None:
        guest = await graph.users.by_user_id("mia_fabrikam.example#EXT#@contoso.onmicrosoft.com").get()

        assert guest.display_name == "Mia Guest"

    async def test_sign_in_is_blocked_and_sessions_are_revoked(self, graph: Any) -> None:
        from msgraph.generated.models.password_profile import PasswordProfile
        from msgraph.generated.models.user import User

        one = graph.users.by_user_id(ADELE)
        select = ["accountEnabled", "signInSessionsValidFromDateTime", "lastPasswordChangeDateTime"]
        before = await one.get(request(one, select=select))

        await one.patch(User(account_enabled=False))
        profile = PasswordProfile(password="Long-Enough-4-Anybody!", force_change_password_next_sign_in=False)
        await one.patch(User(password_profile=profile))
        answer = await one.revoke_sign_in_sessions.post()

        after = await one.get(request(one, select=select))
        assert (after.account_enabled, answer.value) == (False, True)
        assert after.sign_in_sessions_valid_from_date_time > before.sign_in_sessions_valid_from_date_time
        assert after.last_password_change_date_time > before.last_password_change_date_time

    async def test_methods_come_with_their_types_and_the_default_goes_last(self, graph: Any) -> None:
        from msgraph.generated.models.o_data_errors.o_data_error import ODataError

        way = graph.users.by_user_id(ADELE).authentication
        kinds = {type(method).__name__: method.id for method in (await way.methods.get()).value}
        default = way.microsoft_authenticator_methods.by_microsoft_authenticator_authentication_method_id(
            kinds["MicrosoftAuthenticatorAuthenticationMethod"]
        )
        with pytest.raises(ODataError, match="default method"):
            await default.delete()

        phones, keys = way.phone_methods, way.fido2_methods
        await phones.by_phone_authentication_method_id(kinds["PhoneAuthenticationMethod"]).delete()
        await keys.by_fido2_authentication_method_id(kinds["Fido2AuthenticationMethod"]).delete()
        await default.delete()

        left = [type(method).__name__ for method in (await way.methods.get()).value]
        assert left == ["PasswordAuthenticationMethod"]

    async def test_groups_are_left_and_joined_again(self, graph: Any) -> None:
        from msgraph.generated.models.reference_create import ReferenceCreate

        adele = await graph.users.by_user_id(ADELE).get()
        member_of = graph.users.by_user_id(adele.id).member_of.graph_group
        names = {group.display_name: group for group in (await member_of.get()).value}
        vpn = graph.groups.by_group_id(names["SG-VPN-Users"].id)

        await vpn.members.by_directory_object_id(adele.id).ref.delete()

        assert adele.id not in {member.id for member in (await vpn.members.get()).value}
        link = f"https://graph.microsoft.com/v1.0/directoryObjects/{adele.id}"
        await vpn.members.ref.post(ReferenceCreate(odata_id=link))
        assert adele.id in {member.id for member in (await vpn.members.get()).value}

    async def test_a_distribution_list_is_out_of_reach(self, graph: Any) -> None:
        from msgraph.generated.models.o_data_errors.o_data_error import ODataError

        adele = await graph.users.by_user_id(ADELE).get()
        groups = (await graph.users.by_user_id(adele.id).member_of.graph_group.get()).value
        newsletter = next(group for group in groups if group.display_name == "Newsletter")

        with pytest.raises(ODataError, match="mail-enabled security groups and or distribution list"):
            await graph.groups.by_group_id(newsletter.id).members.by_directory_object_id(adele.id).ref.delete()

    async def test_owners_are_users_and_the_last_one_stays(self, graph: Any) -> None:
        from msgraph.generated.models.o_data_errors.o_data_error import ODataError

        nestor = await graph.users.by_user_id("nestor.wilke@contoso.example").get()
        owned = (await graph.users.by_user_id(nestor.id).owned_objects.graph_group.get()).value
        solo = graph.groups.by_group_id(next(group.id for group in owned if group.display_name == "Project Solo"))

        assert [owner.id for owner in (await solo.owners.graph_user.get()).value] == [nestor.id]
        with pytest.raises(ODataError, match="at least one owner"):
            await solo.owners.by_directory_object_id(nestor.id).ref.delete()

    async def test_roles_are_seen_through_the_cast(self, graph: Any) -> None:
        alex = graph.users.by_user_id("alex.wilber@contoso.example")

        roles = (await alex.transitive_member_of.graph_directory_role.get()).value

        assert [role.display_name for role in roles] == ["User Administrator"]

    async def test_licenses_are_removed_in_one_call(self, graph: Any) -> None:
        from msgraph.generated.users.item.assign_license.assign_license_post_request_body import (
            AssignLicensePostRequestBody,
        )

        one = graph.users.by_user_id("lidia.holloway@contoso.example")
        held = (await one.get(request(one, select=["assignedLicenses"]))).assigned_licenses
        skus = {sku.sku_id: sku.sku_part_number for sku in (await graph.subscribed_skus.get()).value}

        body = AssignLicensePostRequestBody(add_licenses=[], remove_licenses=[each.sku_id for each in held])
        await one.assign_license.post(body)

        assert all(each.sku_id in skus for each in held)
        assert (await one.get(request(one, select=["assignedLicenses"]))).assigned_licenses == []

    async def test_a_number_is_unassigned_by_an_operation(self, graph: Any) -> None:
        from msgraph.generated.admin.teams.telephone_number_management.number_assignments.microsoft_graph_teams_administration_unassign_number.unassign_number_post_request_body import (  # noqa: E501
            UnassignNumberPostRequestBody,
        )
        from msgraph.generated.models.teams_administration.number_type import NumberType

        adele = await graph.users.by_user_id(ADELE).get()
        numbers = graph.admin.teams.telephone_number_management.number_assignments
        mine = request(numbers, filter=f"assignmentTargetId eq '{adele.id}'")
        (held,) = (await numbers.get(mine)).value

        body = UnassignNumberPostRequestBody(telephone_number=held.telephone_number, number_type=NumberType.CallingPlan)
        await numbers.microsoft_graph_teams_administration_unassign_number.post(body)

        assert (await numbers.get(mine)).value == []

    async def test_a_deleted_user_can_be_restored(self, graph: Any) -> None:
        adele = await graph.users.by_user_id(ADELE).get()

        await graph.users.by_user_id(adele.id).delete()

        gone = await graph.directory.deleted_items.by_directory_object_id(adele.id).get()
        assert (gone.id, gone.deleted_date_time is not None) == (adele.id, True)
        await graph.directory.deleted_items.by_directory_object_id(adele.id).restore.post()
        assert (await graph.users.by_user_id(adele.id).get()).user_principal_name == ADELE

    async def test_a_batch_is_answered_part_by_part(self, graph: Any) -> None:
        from msgraph_core.requests.batch_request_content import BatchRequestContent
        from msgraph_core.requests.batch_request_item import BatchRequestItem

        content = BatchRequestContent()
        for name, upn in (("there", ADELE), ("gone", "nobody@contoso.example")):
            information = graph.users.by_user_id(upn).to_get_request_information()
            content.add_request(name, BatchRequestItem(information, id=name))

        answer = await graph.batch.post(content)

        assert answer.get_response_status_codes() == {"there": 200, "gone": 404}

    async def test_a_throttled_call_is_repeated_by_the_sdk_itself(self, simulator: Simulator, graph: Any) -> None:
        simulator.control("faults", [{"match": "GET /organization", "status": 429, "headers": {"retry-after": "1"}}])

        found = await graph.organization.get()

        assert found.value[0].display_name == "Contoso"

    async def test_a_drive_says_where_its_site_is(self, graph: Any) -> None:
        adele = await graph.users.by_user_id(ADELE).get()

        drive = await graph.users.by_user_id(adele.id).drive.get()

        assert "/personal/" in drive.web_url
