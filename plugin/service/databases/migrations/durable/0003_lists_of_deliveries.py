"""Indexes for pages of the outbox by destination and by rule, however long it is."""

from alembic import op

revision = "durable_0003"
down_revision = "durable_0002"


def upgrade() -> None:
    """Add the indexes."""
    op.create_index("deliveries_destination", "deliveries", ["destination", "state", "number"])
    op.create_index("deliveries_rule", "deliveries", ["rule", "state", "number"])
