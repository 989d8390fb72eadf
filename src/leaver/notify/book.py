"""What can be asked of the targets: made, changed, tried, replayed and removed; every door asks here."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from leaver.domain import news
from leaver.domain.actor import Actor
from leaver.domain.errors import Unusable
from leaver.domain.offboarding import Offboarding
from leaver.notify import signature
from leaver.notify.courier import Courier
from leaver.notify.reach import Reach
from leaver.notify.services import Services, mail_address, mail_addresses
from leaver.store.audit import Audit
from leaver.store.offboardings import Offboardings
from leaver.store.outbox import MAIL_ADDRESS, Delivery, Outbox
from leaver.store.papers import Papers
from leaver.store.targets import Target, Targets
from leaver.store.vault import Vault

WEBHOOK, EMAIL, SERVICE = "webhook", "email", "service"
BOTH_SIGN = timedelta(hours=24)
"""How long the old secret signs beside a new one, so that a receiver can change over."""
MOST = 100
MAIL_SERVER = "Set LEAVER_SMTP_URL and LEAVER_MAIL_FROM and start Leaver again; docs/operations.md shows how."
LONGEST_NAME = 200


class Book:
    """The targets, with what is asked of them written down in the audit trail."""

    def __init__(
        self,
        outbox: Outbox,
        targets: Targets,
        vault: Vault,
        audit: Audit,
        papers: Papers,
        reach: Reach,
        services: Services,
        courier: Courier,
        offboardings: Offboardings,
    ) -> None:
        self._outbox = outbox
        self._targets = targets
        self._vault = vault
        self._audit = audit
        self._papers = papers
        self._reach = reach
        self._services = services
        self._courier = courier
        self._offboardings = offboardings

    @property
    def mails(self) -> bool:
        """Whether a mail server is configured."""
        return self._services.mails

    async def webhooks(self) -> list[Target]:
        """Every webhook, the oldest first."""
        return await self._targets.all(WEBHOOK)

    async def others(self) -> list[Target]:
        """Every mail address and service, the oldest first."""
        return await self._targets.all(EMAIL, SERVICE)

    async def get(self, target_id: str, *kinds: str) -> Target:
        """A target of one of these kinds; another one is unusable."""
        found = await self._targets.get(target_id) if target_id.isalnum() else None
        if found is None or found.kind not in kinds:
            what = "webhook" if kinds == (WEBHOOK,) else "notification"
            raise Unusable(f"There is no {what} with the id {target_id!r}.", f"unknown_{what}")
        return found

    async def add_webhook(
        self, name: str, url: str, events: Sequence[str], tenants: Sequence[str], actor: Actor
    ) -> tuple[Target, str]:
        """A new webhook, and its secret, which is not shown again."""
        address = self._reach.url(url)
        target = await self._made(WEBHOOK, name, address, shown(address), events, tenants, actor)
        secret = signature.new_secret()
        await self._vault.put(f"target.{target.id}.secret", secret)
        await self._kept(target, actor)
        return target, secret

    async def add_email(
        self, name: str, address: str, events: Sequence[str], tenants: Sequence[str], actor: Actor
    ) -> Target:
        """A mail address that is told."""
        wanted = mail_address(address)
        if not self.mails:
            raise Unusable("No mail server is configured.", "no_mail_server", advice="Set LEAVER_SMTP_URL.")
        target = await self._made(EMAIL, name or wanted, wanted, wanted, events, tenants, actor)
        await self._kept(target, actor)
        return target

    async def add_service(
        self, name: str, address: str, events: Sequence[str], tenants: Sequence[str], actor: Actor
    ) -> Target:
        """A channel of Teams or another service that is told."""
        service, masked = await self._services.check(address)
        target = await self._made(SERVICE, name or service, address.strip(), masked, events, tenants, actor)
        await self._kept(target, actor)
        return target

    async def change(
        self,
        target: Target,
        actor: Actor,
        *,
        name: str | None = None,
        url: str | None = None,
        events: Sequence[str] | None = None,
        tenants: Sequence[str] | None = None,
        enabled: bool | None = None,
    ) -> Target:
        """Change what is given. Switching it on again sends what has waited."""
        values: dict[str, Any] = {}
        if name is not None:
            values["name"] = _name(name)
        if url is not None:
            address = self._reach.url(url)
            await self._vault.put(f"target.{target.id}.address", address)
            values["address"] = shown(address)
        if events is not None:
            values["events"] = _events(events)
        if tenants is not None:
            values["tenants"] = sorted(set(tenants))
        if enabled is not None:
            values |= {"enabled": enabled} | ({"note": "", "failing_since": None} if enabled else {})
        if values:
            await self._targets.change(target.id, **values)
            told = {key: value for key, value in values.items() if key not in ("note", "failing_since")}
            await self._tell(actor, "changed", target, before=_content(target), after={"id": target.id, **told})
        self._courier.nudge()
        return await self.get(target.id, target.kind)

    async def remove(self, target: Target, actor: Actor) -> None:
        """Forget a target, its secrets and its deliveries."""
        await self._targets.remove(target.id)
        for part in ("address", "secret", "previous"):
            await self._vault.remove(f"target.{target.id}.{part}")
        await self._tell(actor, "removed", target, before=_content(target))

    async def rotate(self, target: Target, actor: Actor) -> str:
        """A new secret, shown once; the old one signs beside it for a day."""
        old = await self._vault.get(f"target.{target.id}.secret")
        secret = signature.new_secret()
        if old is not None:
            await self._vault.put(f"target.{target.id}.previous", old)
        await self._vault.put(f"target.{target.id}.secret", secret)
        await self._targets.change(target.id, previous_until=datetime.now(UTC) + BOTH_SIGN)
        await self._tell(actor, "secret_rotated", target, after={"id": target.id})
        return secret

    async def test(self, target: Target) -> Delivery:
        """Send a test at once; the delivery says how it went."""
        delivery = await self._outbox.test(target.id)
        await self._courier.attempt(delivery)
        return await self.delivery(target, delivery.id)

    async def deliveries(
        self, target: Target, *, state: str = "", cursor: str = "", limit: int = 50
    ) -> tuple[list[Delivery], str]:
        """A page of deliveries, the latest first, and the next one's cursor."""
        if cursor and not (cursor.isascii() and cursor.isdigit() and len(cursor) < 10):
            raise Unusable("The cursor is not one of this list.", "malformed_cursor", advice="Begin without a cursor.")
        found, following = await self._outbox.page(target.id, state=state, before=int(cursor or 0), limit=limit)
        return found, str(following or "")

    async def delivery(self, target: Target, delivery_id: int) -> Delivery:
        """A delivery of this target; another one's looks like one that is not there."""
        found = await self._outbox.get(delivery_id) if delivery_id < 2**31 else None
        if found is None or found.target_id != target.id:
            raise Unusable(f"There is no delivery with the id {delivery_id}.", "unknown_delivery")
        return found

    async def replay(self, target: Target, delivery_id: int, actor: Actor) -> Delivery:
        """Send the same event again, under the same id, so that a receiver that had it can tell."""
        earlier = await self.delivery(target, delivery_id)
        if not target.enabled:
            raise Unusable(f"{target.name} is switched off.", "switched_off", advice="Switch it on first.")
        again = await self._outbox.replay(earlier.id)
        await self._tell(actor, "replayed", target, after={"id": target.id, "event": earlier.event_id})
        self._courier.nudge()
        return again

    async def mail_of(self, person: str) -> tuple[str, bool]:
        """Where somebody wants mail about what he started, and whether he does; empty: his name, if it is one."""
        said = await self._papers.get(MAIL_ADDRESS, person.lower()[:128])
        return (str(said["address"]), bool(said["wanted"])) if said is not None else ("", True)

    async def set_mail(self, person: str, address: str, *, wanted: bool) -> None:
        """Keep it."""
        kept = mail_address(address) if address.strip() else ""
        await self._papers.put(MAIL_ADDRESS, person.lower()[:128], {"address": kept, "wanted": wanted})

    def report_to(self, texts: Sequence[str]) -> list[str]:
        """The mail addresses that a report is to go to; without a mail server, or where one is none, it is unusable."""
        wanted = mail_addresses(texts)
        if wanted and not self.mails:
            raise Unusable("No mail server is configured.", "no_mail_server", advice=MAIL_SERVER)
        return wanted

    async def mail_report(self, record: Offboarding, texts: Sequence[str], actor: Actor) -> list[Delivery]:
        """Send the report of an offboarding that has ended, a mail to each address."""
        wanted = self.report_to(texts)
        if not wanted:
            raise Unusable("Say to which mail address.", "no_recipient")
        if record.ended_at is None:
            raise Unusable("It has not ended, so there is no report yet.", "still_active", advice="Wait for its end.")
        if record.pruned is not None:
            raise Unusable("It was pruned, so its report cannot be written again.", "pruned")
        made = await self._offboardings.mail_report(record, wanted, actor)
        self._courier.nudge()
        return made

    async def reports(self, record: Offboarding) -> list[Delivery]:
        """To whom the report of an offboarding was sent, and how it went; the latest first."""
        return await self._outbox.reports(record.id)

    async def unheard(self, notify: Collection[str], tenant_id: str) -> list[str]:
        """Which of the channels that a request asked for have nobody to tell."""
        if not notify:
            return []
        every = [target for target in await self._targets.all(WEBHOOK, EMAIL, SERVICE) if target.enabled]
        kinds = {target.kind for target in every if target.covers(tenant_id)}
        return [channel for channel in notify if kinds.isdisjoint(news.CHANNELS[channel])]

    async def _made(
        self,
        kind: str,
        name: str,
        address: str,
        shown_as: str,
        events: Sequence[str],
        tenants: Sequence[str],
        actor: Actor,
    ) -> Target:
        if len(await self._targets.all(kind)) >= MOST:
            raise Unusable(f"There are {MOST} of them already.", "too_many", advice="Remove one first.")
        target = Target(
            id=secrets.token_hex(8),
            kind=kind,
            name=_name(name),
            address=shown_as,
            tenants=sorted(set(tenants)),
            events=_events(events),
            created_by=actor.name,
        )
        await self._vault.put(f"target.{target.id}.address", address)
        return target

    async def _kept(self, target: Target, actor: Actor) -> None:
        await self._targets.add(target)
        await self._tell(actor, "created", target, after=_content(target))

    async def _tell(self, actor: Actor, what: str, target: Target, **content: Any) -> None:
        tenant_id = target.tenants[0] if len(target.tenants) == 1 else ""
        await self._audit.add(actor, f"{target.kind}.{what}", tenant_id=tenant_id, **content)


def shown(url: str) -> str:
    """The address of a webhook as people may see it: without the values of its query, which are often secrets."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}{'?…' if parts.query else ''}"


def _content(target: Target) -> dict[str, Any]:
    kept = {"id": target.id, "name": target.name, "address": target.address, "events": list(target.events)}
    return kept | {"tenants": list(target.tenants), "enabled": target.enabled}


def _name(text: str) -> str:
    name = " ".join(text.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise Unusable(f"Give it a name of at most {LONGEST_NAME} printable characters.", "bad_name")
    return name


def _events(given: Sequence[str]) -> list[str]:
    strange = sorted(set(given) - set(news.EVENTS))
    if strange:
        raise Unusable(
            f"There is no event {', '.join(strange)}.", "unknown_event", advice=f"There are {', '.join(news.EVENTS)}."
        )
    return [event for event in news.EVENTS if event in given]
