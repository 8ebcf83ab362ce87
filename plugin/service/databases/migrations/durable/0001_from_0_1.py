"""The audit trail of version 0.1: events get Orthanc's change number and ``applied``."""

import sqlalchemy as sa
from alembic import op

revision = "durable_0001"
down_revision = None


def upgrade() -> None:
    """Add the columns and tables that 0.1 did not have."""
    op.add_column("events", sa.Column("change", sa.BigInteger))
    op.add_column(
        "events", sa.Column("applied", sa.Boolean, nullable=False, server_default=sa.true())
    )
    op.create_index("events_open", "events", ["number"], sqlite_where=sa.text("NOT applied"))
    op.create_table(
        "facts",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_table(
        "overwrites",
        sa.Column("instance", sa.Text, primary_key=True),
        sa.Column("md5_before", sa.Text, nullable=False),
        sa.Column("md5_after", sa.Text, nullable=False),
        sa.Column("record", sa.Text, nullable=False),
    )
    op.create_table(
        "overwrite_attachments",
        sa.Column("instance", sa.Text, primary_key=True),
        sa.Column("level", sa.Text, primary_key=True),
        sa.Column("resource", sa.Text, nullable=False),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "reports",
        sa.Column("study", sa.Text, primary_key=True),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("instance", sa.Text, nullable=False),
    )
