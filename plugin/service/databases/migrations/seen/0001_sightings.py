"""The first version of the sightings, made from the tables."""

revision = "seen_0001"
down_revision = None


def upgrade() -> None:
    """Do nothing: there was no earlier version."""
