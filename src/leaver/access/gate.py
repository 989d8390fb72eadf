"""The identity provider's gate, built from the configuration: who may come in with its word."""

from __future__ import annotations

from dataclasses import dataclass

from leaver.access.grants import Grants
from leaver.access.issuer import Issuer, authorities, is_safe
from leaver.access.programs import Programs
from leaver.access.provider import Provider, Registration
from leaver.config import Config
from leaver.domain.errors import Unusable
from leaver.m365.http import Http
from leaver.store.audit import Audit
from leaver.store.tenants import Tenants


@dataclass(frozen=True)
class Gate:
    """What is open to the identity provider's people and programs; all None where none is configured."""

    http: Http | None = None
    """A connection of its own: the provider's clock is not Microsoft's."""
    programs: Programs | None = None
    provider: Provider | None = None
    """The way in for people; only where our own address is configured."""

    @classmethod
    def of(cls, config: Config, tenants: Tenants, audit: Audit, http: Http | None = None) -> Gate:
        """The gate of a configuration, over a given connection or one of its own."""
        grants = checked(config)
        if not config.oidc_issuer:
            return cls()
        http = http or Http(ca_file=config.ca_file, budget=20.0)
        issuer = Issuer(config.oidc_issuer, http)
        programs = Programs(issuer, config.api_audience, grants, tenants)
        provider = None
        if config.oidc_client_id and is_safe(config.public_url):
            mine = Registration(config.oidc_client_id, config.oidc_client_secret, config.public_url)
            provider = Provider(issuer, mine, grants, tenants, audit, config.oidc_name)
        return cls(http, programs, provider)

    async def aclose(self) -> None:
        """Let the connection go."""
        if self.http is not None:
            await self.http.aclose()


def checked(config: Config) -> Grants:
    """The grants, if the configuration of the provider fits together; unusable otherwise, before anything is served."""
    grants = Grants.read(config.grants)
    if not config.oidc_issuer:
        if grants:
            raise _unfit(
                "LEAVER_GRANTS is set, but LEAVER_OIDC_ISSUER is not.", "Name the issuer, or remove the grants."
            )
        return grants
    authorities(config.oidc_issuer)
    if not config.api_audience:
        raise _unfit(
            "LEAVER_OIDC_ISSUER is set, but LEAVER_OIDC_CLIENT_ID is not.",
            "Give the client id of Leaver's app registration at the provider.",
        )
    if config.oidc_client_secret and not (config.public_url and is_safe(config.public_url)):
        raise _unfit(
            "People are to sign in at the identity provider, but LEAVER_PUBLIC_URL is no HTTPS address.",
            "Give the address under which they open Leaver, like https://leaver.example.com.",
        )
    if not grants:
        raise _unfit(
            "LEAVER_OIDC_ISSUER is set, but LEAVER_GRANTS is not, so nobody could come in with it.",
            "Write for example LEAVER_GRANTS='role:Leaver.Operator=operator'.",
        )
    return grants


def _unfit(what: str, advice: str) -> Unusable:
    return Unusable(what, "bad_configuration", advice=advice)
