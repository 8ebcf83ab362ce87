"""The search index of version 0.1: a renamed column, an order for lists, counts of states."""

import sqlalchemy as sa
from alembic import op

revision = "index_0001"
down_revision = None

_RANK = """
UPDATE instances SET rank =
    (CASE WHEN needs_review THEN '0' ELSE '1' END)
    || (CASE WHEN agreement = 'conflict' THEN '0' ELSE '1' END)
    || printf('%.4f', coalesce(probability, 0))
    || printf('%08d', 99999999 - CAST(study_date AS INTEGER))
    || id
"""


def upgrade() -> None:
    """Change the tables and keep their rows."""
    op.execute("ALTER TABLE mentions RENAME COLUMN witness TO source")
    op.add_column("instances", sa.Column("tags_state", sa.Text, server_default="none"))
    op.add_column("instances", sa.Column("model", sa.Text))
    op.add_column("instances", sa.Column("rank", sa.Text, server_default=""))
    op.execute(_RANK)
    for name in ("instances_state", "instances_group", "instances_reviewed", "instances_review"):
        op.drop_index(name, "instances")
    op.create_index("instances_state", "instances", ["state", "id"])
    op.create_index("instances_rank", "instances", ["rank"])
    op.create_index("instances_examined", "instances", ["examined", "rank"])
    op.create_index("instances_group", "instances", ["router_group", "id"])
    op.create_index(
        "instances_reviewed",
        "instances",
        ["reviewed_at", "id"],
        sqlite_where=sa.text("reviewed_at IS NOT NULL"),
    )
    op.create_index(
        "instances_tags", "instances", ["id"], sqlite_where=sa.text("tags_state = 'pending'")
    )
    op.create_table(
        "counts",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("number", sa.BigInteger, nullable=False),
    )
    op.execute("INSERT INTO counts SELECT state, count(*) FROM instances GROUP BY state")
    op.create_table(
        "marks",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_table(
        "tasks",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("resource", sa.Text, primary_key=True),
        sa.Column("level", sa.Text, nullable=False),
        sa.Column("mode", sa.Text, nullable=False),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("due", sa.Float, nullable=False),
        sa.Column("sequence", sa.BigInteger),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("deaths", sa.Integer, nullable=False),
        sa.Column("claimed_by", sa.Text),
        sa.Column("claimed_until", sa.Float),
    )
    op.create_index("tasks_next", "tasks", ["kind", "priority", "due"])
