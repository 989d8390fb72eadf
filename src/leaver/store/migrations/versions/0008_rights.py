"""Who has which rights on the mailboxes of a tenant, as a look through all of them found."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Apply."""
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "rights_indexes",
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("build", sa.Integer(), server_default="0", nullable=False),
        sa.Column("begun_at", moment, nullable=True),
        sa.Column("finished_at", moment, nullable=True),
        sa.Column("mailboxes", sa.Integer(), server_default="0", nullable=False),
        sa.Column("unread", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_build", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_begun_at", moment, nullable=True),
        sa.Column("next_mailboxes", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_done", sa.Integer(), server_default="0", nullable=False),
        sa.Column("wanted_at", moment, nullable=True),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("retry_at", moment, nullable=True),
        sa.Column("problem", sa.Text(), server_default="", nullable=False),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lease_owner", sa.Text(), server_default="", nullable=False),
        sa.Column("lease_until", moment, nullable=True),
        sa.PrimaryKeyConstraint("tenant_id"),
    )
    op.create_table(
        "rights_mailboxes",
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("build", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("mailbox_id", sa.String(length=320), nullable=False),
        sa.Column("guid", sa.Text(), nullable=False),
        sa.Column("names", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "build", "mailbox_id"),
    )
    op.create_table(
        "rights_entries",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("build", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("word", sa.String(length=320), nullable=False),
        sa.Column("mailbox_id", sa.String(length=320), nullable=False),
        sa.Column("rights", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("rights_of_word", "rights_entries", ["tenant_id", "build", "kind", "word"], unique=False)
