"""Rows know where the marker and the header name different sides: a sheet confirms none of them."""

import sqlalchemy as sa
from alembic import op

revision = "index_0007"
down_revision = "index_0006"


def upgrade() -> None:
    """Add the column; the sweep reads again what waits for a review with the header's side."""
    op.add_column("instances", sa.Column("side_in_doubt", sa.Boolean))
