"""A removal is of a file: another one that is sent is not removed, whatever the clocks say."""

import sqlalchemy as sa
from alembic import op

revision = "durable_0005"
down_revision = "durable_0004"


def upgrade() -> None:
    """Add the column; of what was removed before, the change log's number and the time tell."""
    op.add_column("events", sa.Column("file", sa.Text))
