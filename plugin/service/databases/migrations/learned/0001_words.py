"""The first version of the memory's words, made from the tables."""

revision = "learned_0001"
down_revision = None


def upgrade() -> None:
    """Do nothing: there was no earlier version."""
