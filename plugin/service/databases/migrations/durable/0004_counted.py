"""The instances that a rule's count found in the old stock are kept: only these are sent."""

import sqlalchemy as sa
from alembic import op

revision = "durable_0004"
down_revision = "durable_0003"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "counted",
        sa.Column("instance", sa.Text, primary_key=True),
        sa.Column("answer", sa.Text, nullable=False),
    )
