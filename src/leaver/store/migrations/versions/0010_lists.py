"""What lists and figures are asked by, so that they stay quick over many years of offboardings."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Apply."""
    op.create_index("offboardings_of_state", "offboardings", ["state", "requested_at", "id"])
    op.create_index("offboardings_of_asker", "offboardings", ["asked_by"])
    op.create_index("offboardings_of_reference", "offboardings", ["reference"])
    op.create_index("offboardings_of_upn", "offboardings", [sa.text("lower(user_upn)")])
    awaiting, licenses = sa.text("awaits_approval"), sa.text("task = 'remove_licenses'")
    op.create_index(
        "offboardings_to_approve",
        "offboardings",
        ["awaits_approval"],
        sqlite_where=awaiting,
        postgresql_where=awaiting,
    )
    op.create_index("changes_of_licenses", "changes", ["verified_at"], sqlite_where=licenses, postgresql_where=licenses)
