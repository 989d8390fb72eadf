"""Offboardings that stand still until a second person has agreed."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0002"


def upgrade() -> None:
    """Apply."""
    waits: sa.Column[bool] = sa.Column("awaits_approval", sa.Boolean(), nullable=False, server_default=sa.text("false"))
    op.add_column("offboardings", waits)
