"""Rows know where a picture was taken: sheets are grouped by it."""

import sqlalchemy as sa
from alembic import op

revision = "index_0003"
down_revision = "index_0002"


def upgrade() -> None:
    """Add the column; the sweep asks Orthanc for what stands there already."""
    op.add_column("instances", sa.Column("station", sa.Text))
