"""The tables of the memory: words outlive everything, sightings can be had again by looking."""

from __future__ import annotations

import sqlalchemy as sa

LEARNED = sa.MetaData()
SEEN = sa.MetaData()

words = sa.Table(
    "words",
    LEARNED,
    sa.Column("instance", sa.Text, primary_key=True),
    # Number of the event in the audit trail.
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("patient", sa.Text, nullable=False),
    # The label; "none" where the person said that no part can be told.
    sa.Column("label", sa.Text, nullable=False),
    # SHA-256 of the model that looked at the picture last; null until one did.
    sa.Column("model", sa.Text),
    # What it saw; null also where there is nothing to be seen.
    sa.Column("embedding", sa.LargeBinary),
    sa.Column("posterior", sa.LargeBinary),
    sa.Column("rejected", sa.Boolean),
)
"""The last word of a person on each picture, as far as it is to be learned from."""

sightings = sa.Table(
    "sightings",
    SEEN,
    sa.Column("instance", sa.Text, primary_key=True),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("embedding", sa.LargeBinary, nullable=False),
    sa.Column("posterior", sa.LargeBinary, nullable=False),
    sa.Column("rejected", sa.Boolean, nullable=False),
    # Unix seconds; the oldest are let go beyond the bound.
    sa.Column("seen_at", sa.Float, nullable=False),
    sa.Index("sightings_seen_at", "seen_at"),
)
"""What the model saw in each picture, about 500 bytes a picture."""
