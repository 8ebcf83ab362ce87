"""Rows note if marker and header name different sides: on a sheet these are not confirmed."""

import sqlalchemy as sa
from alembic import op

revision = "index_0007"
down_revision = "index_0006"


def upgrade() -> None:
    """Add the column; the sweep fills it for rows that wait for a review with the header's side."""
    op.add_column("instances", sa.Column("side_in_doubt", sa.Boolean))
