"""A removal notes its file, so that a file sent later is not taken for the removed one."""

import sqlalchemy as sa
from alembic import op

revision = "durable_0005"
down_revision = "durable_0004"


def upgrade() -> None:
    """Add the column; for earlier removals, the change's number and the time decide as before."""
    op.add_column("events", sa.Column("file", sa.Text))
