"""Routing: the outbox of deliveries, and what left the archive."""

import sqlalchemy as sa
from alembic import op

revision = "durable_0002"
down_revision = "durable_0001"

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add the two tables."""
    op.create_table(
        "deliveries",
        sa.Column("number", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("destination", sa.Text, nullable=False),
        sa.Column("instance", sa.Text, nullable=False),
        sa.Column("series", sa.Text, nullable=False),
        sa.Column("study", sa.Text, nullable=False),
        sa.Column("answer", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("due", sa.Float, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("job", sa.Text),
        sa.Column("node", sa.Text),
        sa.Column("sender_aet", sa.Text, nullable=False, server_default=""),
        sa.Column("sender_ip", sa.Text, nullable=False, server_default=""),
        sa.Column("created_at", sa.Text, nullable=False),
        sa.Column("changed_at", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "deliveries_one", "deliveries", ["instance", "rule", "destination"], unique=True
    )
    op.create_index("deliveries_next", "deliveries", ["destination", "state", "priority", "due"])
    op.create_index("deliveries_state", "deliveries", ["state", "number"])
    op.create_table(
        "departures",
        sa.Column("number", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("instance", sa.Text, nullable=False),
        sa.Column("destination", sa.Text, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("answer", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("departures_instance", "departures", ["instance", "number"])
