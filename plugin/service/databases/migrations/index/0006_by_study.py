"""The old stock is annotated study by study."""

from alembic import op

revision = "index_0006"
down_revision = "index_0005"


def upgrade() -> None:
    """Create the index of states again in that order."""
    op.drop_index("instances_state", "instances")
    op.create_index("instances_state", "instances", ["state", "study", "id"])
