"""The token endpoint and the discovery documents (Microsoft identity platform: client credentials flow)."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from m365_simulator.login.assertions import check_assertion
from m365_simulator.login.errors import Denied
from m365_simulator.login.tokens import AUDIENCES, audience_of
from m365_simulator.state import Answer, Call, State
from m365_simulator.world import App, Grant, World

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def routes(state: State) -> list[Route]:
    """The login, under `/login` and also at the root, where libraries that allow only a host look for it."""

    async def token(request: Request) -> Response:
        tenant = request.path_params["tenant"]
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True))
        world = state.world(tenant)
        call = Call("login", "POST", request.url.path, world.id if world else tenant, form.get("client_id", ""))
        call.parameters = form

        def answer() -> Answer:
            try:
                return Answer(body=_token(state, tenant, form), headers={"cache-control": "no-store"})
            except Denied as denied:
                return Answer(denied.status, denied.body(state.now()))

        return (await state.serve(call, answer)).response()

    async def configuration(request: Request) -> Response:
        tenant = request.path_params["tenant"]
        world = state.world(tenant)
        if world is None:
            denied = Denied(90002, f"Tenant '{tenant}' not found.", "invalid_tenant", 400)
            return JSONResponse(denied.body(state.now()), 400)
        return JSONResponse(_configuration(request, world, tenant))

    async def discovery(request: Request) -> Response:
        host = request.url.netloc
        found = request.query_params.get("authorization_endpoint", "")
        tenant = found.split("/oauth2/")[0]
        metadata = [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}]
        body = {
            "tenant_discovery_endpoint": f"{tenant}/v2.0/.well-known/openid-configuration",
            "api-version": "1.1",
            "metadata": metadata,
        }
        return JSONResponse(body)

    async def keys(_: Request) -> Response:
        return JSONResponse({"keys": []})

    found = []
    for prefix in ("/login", ""):
        found += [
            Route(f"{prefix}/common/discovery/instance", discovery),
            Route(f"{prefix}/common/discovery/keys", keys),
            Route(f"{prefix}/{{tenant}}/oauth2/v2.0/token", token, methods=["POST"]),
            Route(f"{prefix}/{{tenant}}/v2.0/.well-known/openid-configuration", configuration),
            Route(f"{prefix}/{{tenant}}/discovery/v2.0/keys", keys),
        ]
    return found


def _token(state: State, tenant: str, form: dict[str, str]) -> dict[str, Any]:
    world = _tenant(state, tenant)
    app = _app(state, tenant, form)
    certificate = _credential(state, app, form)
    _consent(state, app, world)
    scope = form.get("scope", "")
    if not scope.endswith("/.default") or " " in scope.strip():
        message = f"The provided value for the input parameter 'scope' is not valid. The scope {scope} is not valid."
        raise Denied(70011, message, "invalid_scope", 400)
    if audience_of(scope) == "exchange" and not world.exchange:
        message = (
            f"The app is trying to access a service '{AUDIENCES['exchange']}' that your organization '{world.id}' "
            "lacks a service principal for, or has not subscribed to."
        )
        raise Denied(650052, message, "invalid_resource", 400)
    token, lifetime = state.tokens.issue(world, app, scope, certificate=certificate)
    return {"token_type": "Bearer", "expires_in": lifetime, "ext_expires_in": lifetime, "access_token": token}


def _tenant(state: State, tenant: str) -> World:
    world = state.world(tenant)
    if world is not None:
        return world
    try:
        uuid.UUID(tenant)
    except ValueError:
        if "." not in tenant:
            message = (
                f"Specified tenant identifier '{tenant}' is neither a valid DNS name, nor a valid external domain."
            )
            raise Denied(900023, message, "invalid_request", 400) from None
    raise Denied(
        90002,
        f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the "
        "correct cloud. Check with your subscription administrator, this may happen if there are no active "
        "subscriptions for the tenant.",
        "invalid_request",
        400,
    )


def _app(state: State, tenant: str, form: dict[str, str]) -> App:
    if form.get("grant_type") != "client_credentials":
        message = f"The app requested an unsupported grant type '{form.get('grant_type', '')}'."
        raise Denied(70003, message, "unsupported_grant_type", 400)
    client_id = form.get("client_id", "")
    app = state.cloud.apps.get(client_id)
    if app is None:
        raise _not_found(client_id, tenant)
    return app


def _credential(state: State, app: App, form: dict[str, str]) -> bool:
    """Whether the call proved itself with a certificate; otherwise it did with the secret."""
    assertion = form.get("client_assertion")
    if assertion is not None and form.get("client_assertion_type") == ASSERTION_TYPE:
        check_assertion(app, assertion, state.now())
        return True
    secret = form.get("client_secret")
    if secret is None:
        raise Denied(
            7000218,
            "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
            "invalid_client",
        )
    if app.secret is None or secret != app.secret:
        raise Denied(
            7000215,
            "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, "
            f"not the client secret ID, for a secret added to app '{app.client_id}'.",
            "invalid_client",
        )
    if app.secret_expired:
        raise Denied(
            7000222,
            f"The provided client secret keys for app '{app.client_id}' are expired. Visit the Azure portal to create "
            "new keys for your app, or consider using certificate credentials for added security.",
            "invalid_client",
        )
    return False


def _consent(state: State, app: App, world: World) -> Grant:
    grant = world.grants.get(app.client_id)
    if grant is None:
        if state.behaviour.not_consented_code == 700016:
            raise _not_found(app.client_id, world.name)
        message = f"The client application {app.client_id} is missing service principal in the tenant {world.id}."
        raise Denied(7000229, message, "invalid_client")
    if not grant.enabled:
        message = f"Application '{app.client_id}'({app.client_id}) is disabled."
        raise Denied(7000112, message, "unauthorized_client", 400)
    return grant


def _not_found(client_id: str, tenant: str) -> Denied:
    return Denied(
        700016,
        f"Application with identifier '{client_id}' was not found in the directory '{tenant}'. This can happen if the "
        "application has not been installed by the administrator of the tenant or consented to by any user in the "
        "tenant. You may have sent your authentication request to the wrong tenant.",
        "unauthorized_client",
        400,
    )


def _configuration(request: Request, world: World, tenant: str) -> dict[str, Any]:
    prefix = "/login" if request.url.path.startswith("/login/") else ""
    here = f"{request.url.scheme}://{request.url.netloc}{prefix}/{tenant}"
    return {
        "token_endpoint": f"{here}/oauth2/v2.0/token",
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "jwks_uri": f"{here}/discovery/v2.0/keys",
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "issuer": f"{request.url.scheme}://{request.url.netloc}{prefix}/{world.id}/v2.0",
        "request_uri_parameter_supported": False,
        "authorization_endpoint": f"{here}/oauth2/v2.0/authorize",
        "device_authorization_endpoint": f"{here}/oauth2/v2.0/devicecode",
        "tenant_region_scope": "EU",
        "cloud_instance_name": "microsoftonline.com",
    }
