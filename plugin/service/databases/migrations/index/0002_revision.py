"""Rows know the revision of their annotation: many are confirmed as they were seen."""

import sqlalchemy as sa
from alembic import op

revision = "index_0002"
down_revision = "index_0001"


def upgrade() -> None:
    """Add the column; what stands there already gets its revision with its next change."""
    op.add_column("instances", sa.Column("revision", sa.Text))
