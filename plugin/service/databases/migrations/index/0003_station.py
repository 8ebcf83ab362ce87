"""Rows have the station at which a picture was taken: sheets are grouped by it."""

import sqlalchemy as sa
from alembic import op

revision = "index_0003"
down_revision = "index_0002"


def upgrade() -> None:
    """Add the column; for existing rows, the sweep asks Orthanc."""
    op.add_column("instances", sa.Column("station", sa.Text))
