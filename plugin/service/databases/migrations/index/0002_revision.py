"""Rows have the revision of their annotation, so that many can be confirmed as they were seen."""

import sqlalchemy as sa
from alembic import op

revision = "index_0002"
down_revision = "index_0001"


def upgrade() -> None:
    """Add the column; existing rows get their revision with their next change."""
    op.add_column("instances", sa.Column("revision", sa.Text))
