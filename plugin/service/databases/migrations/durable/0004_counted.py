"""What a rule's count found of the old stock is kept: only that is sent by it."""

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
