"""Builds the real objects once; the only room that knows them all."""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from leaver.config import Config
from leaver.m365 import clouds
from leaver.m365.clouds import Clouds
from leaver.m365.http import ExchangeWire, GraphWire, Http, SharePointWire
from leaver.m365.tenant import Tenant
from leaver.m365.tokens import Credential, Tokens
from leaver.notify.book import Book
from leaver.notify.courier import Courier
from leaver.notify.post import Post
from leaver.notify.reach import Reach
from leaver.notify.services import Attachment, MailServer, Services
from leaver.offboarding.on_paper import file_name, on_paper
from leaver.store.audit import Audit
from leaver.store.database import Database
from leaver.store.defaults import Defaults
from leaver.store.leases import Leases
from leaver.store.offboardings import Offboardings
from leaver.store.outbox import Outbox
from leaver.store.papers import Papers
from leaver.store.rights import RightsIndexes
from leaver.store.targets import Targets
from leaver.store.tenants import Tenants
from leaver.store.vault import Keys, Vault
from leaver.store.workers import Workers


@dataclass(frozen=True)
class House:
    """Everything that a command needs, ready to use."""

    config: Config
    http: Http
    clouds: Clouds
    tokens: Tokens
    database: Database
    audit: Audit
    tenants: Tenants
    offboardings: Offboardings
    leases: Leases
    rights: RightsIndexes
    workers: Workers
    defaults: Defaults
    papers: Papers
    vault: Vault
    outbox: Outbox
    post: Post
    courier: Courier
    book: Book
    _doorways: dict[str, Tenant] = field(default_factory=dict, repr=False)

    def doorway(self, tenant_id: str) -> Tenant:
        """The way into one tenant, with nothing remembered of it. It writes only when `acting_on` a leaver."""
        if tenant_id not in self._doorways:
            self._doorways[tenant_id] = Tenant(
                tenant_id,
                graph=GraphWire(self.http, self.tokens, self.clouds, tenant_id),
                exchange=ExchangeWire(self.http, self.tokens, self.clouds, tenant_id),
                sharepoint=SharePointWire(self.http, self.tokens, self.clouds, tenant_id),
                now=self.http.now,
            )
        return self._doorways[tenant_id].fresh()


def build(config: Config, http: Http) -> House:
    """The house around a connection; whoever opened the connection closes it."""
    cloud = clouds.of(config)
    database = Database.of(config)
    audit = Audit(database)
    papers = Papers(database)
    vault = Vault(database, Keys(config.data_dir, config.secret_key))
    outbox, targets = _outbox(config, database), Targets(database)
    networks = (ipaddress.ip_network(text) for text in config.webhook_networks)
    post = Post(Reach(http=config.webhook_http, networks=networks), ca_file=config.ca_file)
    services = Services(MailServer.of(config.smtp_url, config.mail_from))
    offboardings = Offboardings(database, audit, outbox)

    async def report(offboarding_id: str) -> Attachment:
        record = await offboardings.get(offboarding_id)
        return Attachment(file_name(record), await on_paper(record, audit, config.organization))

    courier = Courier(outbox, targets, vault, audit, post, services, report)
    return House(
        config,
        http,
        cloud,
        Tokens(http, cloud, Credential.of(config)),
        database,
        audit,
        Tenants(database),
        offboardings,
        Leases(database),
        RightsIndexes(database),
        Workers(database),
        Defaults(database, audit),
        papers,
        vault,
        outbox,
        post,
        courier,
        Book(outbox, targets, vault, audit, papers, post.reach, services, courier, offboardings),
    )


def _outbox(config: Config, database: Database) -> Outbox:
    return Outbox(database, portal=config.public_url, mails=bool(config.smtp_url))


@asynccontextmanager
async def open_house(config: Config) -> AsyncIterator[House]:
    """The house with a connection of its own, closed at the end."""
    http = Http(ca_file=config.ca_file)
    house = build(config, http)
    try:
        yield house
    finally:
        await http.aclose()
        await house.post.aclose()
        await house.database.close()


@dataclass(frozen=True)
class Store:
    """Only our memory, for what needs no connection to Microsoft."""

    database: Database
    audit: Audit
    tenants: Tenants
    offboardings: Offboardings
    leases: Leases
    rights: RightsIndexes
    workers: Workers
    papers: Papers
    vault: Vault


@asynccontextmanager
async def open_store(config: Config) -> AsyncIterator[Store]:
    """Our memory, closed at the end."""
    database = Database.of(config)
    audit = Audit(database)
    try:
        yield Store(
            database,
            audit,
            Tenants(database),
            Offboardings(database, audit, _outbox(config, database)),
            Leases(database),
            RightsIndexes(database),
            Workers(database),
            Papers(database),
            Vault(database, Keys(config.data_dir, config.secret_key)),
        )
    finally:
        await database.close()
