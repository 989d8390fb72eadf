"""What becomes of a mailbox when its type, its license or its user changes. Graph and Exchange both ask here.

Whoever takes or gives a license calls `license_changed`; whoever deletes or restores a user, `user_deleted` or
`user_restored`.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from m365_simulator.world import Mailbox, User, World

KEPT = timedelta(days=30)
"""How long a soft-deleted mailbox can be brought back."""


def exchange_plans(world: World, user: User) -> list[str]:
    """Names of the Exchange plans that the user's licenses switch on."""
    return [
        name
        for state in user.licenses
        if state.state == "Active" and (sku := world.skus.get(state.sku_id)) is not None
        for plan_id, name in sku.plans
        if name.startswith("EXCHANGE_S") and plan_id not in state.disabled_plans
    ]


def settle(mailbox: Mailbox, now: datetime) -> Mailbox:
    """The same mailbox, after a conversion that has become due is done."""
    if mailbox.converting_to and (mailbox.converted_at is None or mailbox.converted_at <= now):
        mailbox.kind = mailbox.converting_to
        mailbox.converting_to = mailbox.converted_at = None
    return mailbox


def convert(mailbox: Mailbox, kind: str, now: datetime, delay: float) -> None:
    """Begins to turn a mailbox into another kind; after `delay` seconds it is one."""
    mailbox.converting_to = kind
    mailbox.converted_at = now + timedelta(seconds=delay)
    if delay <= 0:
        settle(mailbox, mailbox.converted_at)


def license_changed(world: World, alias: str, now: datetime) -> None:
    """A user mailbox without an Exchange license is soft-deleted; with one again within 30 days it comes back.

    A conversion that has not become visible yet does not save it.
    """
    mailbox, user = world.mailboxes.get(alias), world.users.get(alias)
    if mailbox is None or user is None or mailbox.on_premises:
        return
    settle(mailbox, now)
    licensed = bool(exchange_plans(world, user))
    if not licensed and mailbox.kind == "UserMailbox" and mailbox.soft_deleted_at is None:
        _soft_delete(mailbox, now)
    elif licensed and mailbox.soft_deleted_at is not None and now - mailbox.soft_deleted_at <= KEPT:
        mailbox.soft_deleted_at = None


def user_deleted(world: World, alias: str, now: datetime) -> None:
    """The mailbox goes with its account, whatever its kind."""
    mailbox = world.mailboxes.get(alias)
    if mailbox is not None and mailbox.soft_deleted_at is None:
        settle(mailbox, now)
        _soft_delete(mailbox, now)


def user_restored(world: World, alias: str, now: datetime) -> None:
    """The mailbox comes back with its account; a user mailbox only if the account brought a license back."""
    mailbox, user = world.mailboxes.get(alias), world.users.get(alias)
    if mailbox is None or user is None or mailbox.soft_deleted_at is None or now - mailbox.soft_deleted_at > KEPT:
        return
    if mailbox.kind != "UserMailbox" or exchange_plans(world, user):
        mailbox.soft_deleted_at = None


def _soft_delete(mailbox: Mailbox, now: datetime) -> None:
    mailbox.soft_deleted_at = now
    mailbox.converting_to = mailbox.converted_at = None
