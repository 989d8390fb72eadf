"""The tables. What they are made of changes only together with a migration; a test holds the two against each other."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    event,
    text,
)
from sqlalchemy.engine import Connection


class Moment(TypeDecorator[datetime]):
    """A moment in UTC; SQLite keeps no time zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _: Dialect) -> datetime | None:
        """To the database: in UTC."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: Any, _: Dialect) -> datetime | None:
        """From the database: aware."""
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


metadata = MetaData()

tenants = Table(
    "tenants",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("domain", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("domains", JSON, nullable=False),
    Column("protected", JSON, nullable=False),
)

defaults = Table(
    "defaults",
    metadata,
    Column("scope", String(64), primary_key=True),
    Column("settings", JSON, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Column("changed_by", Text, nullable=False),
)

offboardings = Table(
    "offboardings",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("tenant_id", String(36), nullable=False),
    Column("user_id", String(64), nullable=False),
    Column("user_upn", Text, nullable=False),
    Column("user_name", Text, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("reference", Text, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("requested_at", Moment, nullable=False),
    Column("at", Moment),
    Column("wake_at", Moment),
    Column("priority", Integer, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("started", Boolean, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("lease_owner", Text, nullable=False, server_default=""),
    Column("lease_until", Moment),
    Column("cancel_requested", Boolean, nullable=False, server_default=text("false")),
    Column("idempotency_key", Text),
    Column("request_hash", Text, nullable=False, server_default=""),
    Column("awaits_approval", Boolean, nullable=False, server_default=text("false")),
    Column("document", JSON, nullable=False),
    Column("evidence_hash", Text, nullable=False, server_default=""),
    Index(
        "one_active_of_a_user",
        "tenant_id",
        "user_id",
        unique=True,
        sqlite_where=text("active"),
        postgresql_where=text("active"),
    ),
    Index("one_of_an_idempotency_key", "idempotency_key", unique=True),
    Index("offboardings_latest", "requested_at", "id"),
    Index("offboardings_of_tenant", "tenant_id", "requested_at"),
    Index("offboardings_active", "active", "at"),
    Index("offboardings_of_state", "state", "requested_at", "id"),
    Index("offboardings_of_asker", "asked_by"),
    Index("offboardings_of_reference", "reference"),
    Index("offboardings_of_upn", text("lower(user_upn)")),
    Index(
        "offboardings_to_approve",
        "awaits_approval",
        sqlite_where=text("awaits_approval"),
        postgresql_where=text("awaits_approval"),
    ),
)

outcomes = Table(
    "outcomes",
    metadata,
    Column("offboarding_id", ForeignKey("offboardings.id", ondelete="CASCADE"), primary_key=True),
    Column("task", String(64), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("outcome", String(24), nullable=False),
    Column("document", JSON, nullable=False),
    Column("facts_before", JSON),
    Column("facts_after", JSON),
)

changes = Table(
    "changes",
    metadata,
    Column("offboarding_id", ForeignKey("offboardings.id", ondelete="CASCADE"), primary_key=True),
    Column("task", String(64), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("made_at", Moment),
    Column("verified_at", Moment),
    Column("document", JSON, nullable=False),
    Index(
        "changes_of_licenses",
        "verified_at",
        sqlite_where=text("task = 'remove_licenses'"),
        postgresql_where=text("task = 'remove_licenses'"),
    ),
)

audit = Table(
    "audit",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", String(32), nullable=False),
    Column("actor", Text, nullable=False),
    Column("via", String(16), nullable=False),
    Column("address", Text, nullable=False),
    Column("what", String(64), nullable=False),
    Column("tenant_id", String(36), nullable=False),
    Column("user_id", String(64), nullable=False),
    Column("offboarding_id", String(64), nullable=False),
    Column("before", JSON),
    Column("after", JSON),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Index("audit_of_tenant", "tenant_id", "number"),
)

APPEND_ONLY = {
    "sqlite": [
        f"CREATE TRIGGER audit_no_{deed.lower()} BEFORE {deed} ON audit "
        "BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END"
        for deed in ("UPDATE", "DELETE")
    ],
    "postgresql": [
        "CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'audit is append-only'; END $$",
        "CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()",
    ],
}
"""Against a slip; whoever owns the database can take them away, and the chain of hashes shows what they did."""


@event.listens_for(audit, "after_create")
def _keep_it_append_only(_: Table, connection: Connection, **__: Any) -> None:
    for statement in APPEND_ONLY[connection.dialect.name]:
        connection.exec_driver_sql(statement)


audit_head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, nullable=False),
    Column("hash", String(64), nullable=False),
)

secrets = Table(
    "secrets",
    metadata,
    Column("name", String(128), primary_key=True),
    Column("sealed", Text, nullable=False),
    Column("changed_at", Moment, nullable=False),
)

papers = Table(
    "papers",
    metadata,
    Column("kind", String(32), primary_key=True),
    Column("key", String(128), primary_key=True),
    Column("document", JSON, nullable=False),
    Column("expires_at", Moment),
    Column("changed_at", Moment, nullable=False),
    Index("papers_expire", "expires_at"),
)

workers = Table(
    "workers",
    metadata,
    Column("name", String(128), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("host", Text, nullable=False),
    Column("process", Integer, nullable=False),
    Column("since", Moment, nullable=False),
    Column("until", Moment, nullable=False),
)

targets = Table(
    "targets",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("name", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("tenants", JSON, nullable=False),
    Column("events", JSON, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("note", Text, nullable=False),
    Column("previous_until", Moment),
    Column("failing_since", Moment),
    Column("last_at", Moment),
    Column("last_result", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("created_by", Text, nullable=False),
)

events = Table(
    "events",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("type", String(40), nullable=False),
    Column("at", Moment, nullable=False),
    Column("tenant_id", String(36), nullable=False),
    Column("offboarding_id", String(64), nullable=False),
    Column("data", JSON, nullable=False),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("event_id", ForeignKey("events.id", ondelete="CASCADE"), nullable=False),
    Column("target_id", ForeignKey("targets.id", ondelete="CASCADE")),
    Column("recipient", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("tries_left", Integer, nullable=False),
    Column("next_at", Moment),
    Column("created_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("replay_of", Integer),
    Column("log", JSON, nullable=False),
    Index("deliveries_due", "state", "next_at"),
    Index("deliveries_of_target", "target_id", "id"),
    Index("deliveries_of_event", "event_id"),
)

rights_indexes = Table(
    "rights_indexes",
    metadata,
    Column("tenant_id", String(36), primary_key=True),
    Column("build", Integer, nullable=False, server_default="0"),
    Column("begun_at", Moment),
    Column("finished_at", Moment),
    Column("mailboxes", Integer, nullable=False, server_default="0"),
    Column("unread", Integer, nullable=False, server_default="0"),
    Column("next_build", Integer, nullable=False, server_default="0"),
    Column("next_begun_at", Moment),
    Column("next_mailboxes", Integer, nullable=False, server_default="0"),
    Column("next_done", Integer, nullable=False, server_default="0"),
    Column("wanted_at", Moment),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("retry_at", Moment),
    Column("problem", Text, nullable=False, server_default=""),
    Column("attempt", Integer, nullable=False, server_default="0"),
    Column("lease_owner", Text, nullable=False, server_default=""),
    Column("lease_until", Moment),
)

rights_mailboxes = Table(
    "rights_mailboxes",
    metadata,
    Column("tenant_id", String(36), primary_key=True),
    Column("build", Integer, primary_key=True, autoincrement=False),
    Column("mailbox_id", String(320), primary_key=True),
    Column("guid", Text, nullable=False),
    Column("names", JSON, nullable=False),
)

rights_entries = Table(
    "rights_entries",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("tenant_id", String(36), nullable=False),
    Column("build", Integer, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("word", String(320), nullable=False),
    Column("mailbox_id", String(320), nullable=False),
    Column("rights", Text, nullable=False),
    Index("rights_of_word", "tenant_id", "build", "kind", "word"),
)
