"""The tables: what must not be lost is kept apart from what can be rebuilt.

``DURABLE`` holds what exists nowhere else: the audit trail, what a rewrite must restore. ``INDEX``
holds what Orthanc's metadata say, for searching, and what is still to do; losing it loses nothing,
because a sweep over the archive rebuilds it. Of the memory's tables ``LEARNED`` is in the first
database, and ``SEEN``, which the model can compute again, in the second. In PostgreSQL all are in
one schema.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

DURABLE = sa.MetaData()
INDEX = sa.MetaData()
LEARNED = sa.MetaData()
SEEN = sa.MetaData()

events = sa.Table(
    "events",
    DURABLE,
    # SQLite numbers rows by itself only if the column's type is exactly INTEGER.
    sa.Column(
        "number",
        sa.BigInteger().with_variant(sa.Integer, "sqlite"),
        primary_key=True,
        autoincrement=True,
    ),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("instance", sa.Text, nullable=False),
    sa.Column("review", sa.Text),
    # Of a removal noted before the next column existed: Orthanc's newest change at that time.
    sa.Column("change", sa.BigInteger),
    # Of a removal: ``FileUuid`` of the instance's file at that time.
    sa.Column("file", sa.Text),
    # Whether metadata and index have it.
    sa.Column("applied", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Index("events_instance", "instance", "number"),
    sa.Index(
        "events_open",
        "number",
        sqlite_where=sa.text("NOT applied"),
        postgresql_where=sa.text("NOT applied"),
    ),
    sqlite_autoincrement=True,
)
"""The audit trail: who said what of which instance."""

facts = sa.Table(
    "facts",
    DURABLE,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
"""What the service remembers about itself: when it was installed, the state of the back-fill."""

overwrites = sa.Table(
    "overwrites",
    DURABLE,
    sa.Column("instance", sa.Text, primary_key=True),
    # Empty since 0.3: the next column is enough to recognise the present file.
    sa.Column("md5_before", sa.Text, nullable=False),
    # Mark of the new file: the backup is never restored to any other file.
    sa.Column("md5_after", sa.Text, nullable=False),
    sa.Column("record", sa.Text, nullable=False),
)
"""What an overwrite wipes, until it is restored."""

overwrite_attachments = sa.Table(
    "overwrite_attachments",
    DURABLE,
    sa.Column("instance", sa.Text, primary_key=True),
    sa.Column("level", sa.Text, primary_key=True),
    sa.Column("resource", sa.Text, nullable=False),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("data", sa.LargeBinary, nullable=False),
)

reports = sa.Table(
    "reports",
    DURABLE,
    sa.Column("study", sa.Text, primary_key=True),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("instance", sa.Text, nullable=False),
)
"""The structured report stored in each study."""

deliveries = sa.Table(
    "deliveries",
    DURABLE,
    sa.Column(
        "number",
        sa.BigInteger().with_variant(sa.Integer, "sqlite"),
        primary_key=True,
        autoincrement=True,
    ),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("destination", sa.Text, nullable=False),
    sa.Column("instance", sa.Text, nullable=False),
    sa.Column("series", sa.Text, nullable=False),
    sa.Column("study", sa.Text, nullable=False),
    # The answer for which the instance was routed: part and side.
    sa.Column("answer", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("error", sa.Text),
    # Small numbers go first: new arrivals before the old stock.
    sa.Column("priority", sa.Integer, nullable=False),
    # Unix seconds: when a waiting delivery is tried, or one being sent is checked.
    sa.Column("due", sa.Float, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    # The job that carries it, and the node whose Orthanc runs that job.
    sa.Column("job", sa.Text),
    sa.Column("node", sa.Text),
    # Where the instance came from, as Orthanc noted it.
    sa.Column("sender_aet", sa.Text, nullable=False, server_default=""),
    sa.Column("sender_ip", sa.Text, nullable=False, server_default=""),
    sa.Column("created_at", sa.Text, nullable=False),
    sa.Column("changed_at", sa.Text, nullable=False),
    sa.Index("deliveries_one", "instance", "rule", "destination", unique=True),
    sa.Index("deliveries_next", "destination", "state", "priority", "due"),
    sa.Index("deliveries_state", "state", "number"),
    sa.Index("deliveries_destination", "destination", "state", "number"),
    sa.Index("deliveries_rule", "rule", "state", "number"),
    sqlite_autoincrement=True,
)
"""The outbox: one row for each rule, destination and instance."""

departures = sa.Table(
    "departures",
    DURABLE,
    sa.Column(
        "number",
        sa.BigInteger().with_variant(sa.Integer, "sqlite"),
        primary_key=True,
        autoincrement=True,
    ),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("instance", sa.Text, nullable=False),
    sa.Column("destination", sa.Text, nullable=False),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("answer", sa.Text, nullable=False),
    # "delivered", or "unknown" if the job vanished before its outcome was known.
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Index("departures_instance", "instance", "number"),
    sqlite_autoincrement=True,
)
"""What left the archive, in a table that is only appended to."""

counted = sa.Table(
    "counted",
    DURABLE,
    sa.Column("instance", sa.Text, primary_key=True),
    # The answer for which it is to be sent: part and side.
    sa.Column("answer", sa.Text, nullable=False),
)
"""The instances that the last count of a rule found in the old stock."""

instances = sa.Table(
    "instances",
    INDEX,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("series", sa.Text, nullable=False),
    sa.Column("study", sa.Text, nullable=False),
    sa.Column("patient", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("examined", sa.Text),
    sa.Column("probability", sa.Float),
    sa.Column("source", sa.Text),
    sa.Column("visible", sa.Text),
    sa.Column("laterality", sa.Text),
    sa.Column("laterality_source", sa.Text),
    # NULL: the row is older than this column; the sweep fills it where it matters.
    sa.Column("side_in_doubt", sa.Boolean),
    sa.Column("router_group", sa.Text),
    sa.Column("agreement", sa.Text),
    sa.Column("needs_review", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("annotated_at", sa.Text),
    sa.Column("modality", sa.Text, nullable=False, server_default=""),
    sa.Column("study_date", sa.Text, nullable=False, server_default=""),
    # NULL: the row is older than this column; the sweep asks Orthanc.
    sa.Column("station", sa.Text),
    sa.Column("image_label", sa.Text),
    sa.Column("header_label", sa.Text),
    sa.Column("machine_label", sa.Text),
    sa.Column("machine_probability", sa.Float),
    sa.Column("reviewed_at", sa.Text),
    sa.Column("reviewed_by", sa.Text),
    sa.Column("tags_state", sa.Text, nullable=False, server_default="none"),
    sa.Column("model", sa.Text),
    sa.Column("revision", sa.Text),
    # Orders the work list: what needs a review first, conflicts before doubts, then by date.
    sa.Column("rank", sa.Text, nullable=False, server_default=""),
    # Has all columns for counting the series of each part.
    sa.Index("instances_series", "series", "examined"),
    sa.Index("instances_study", "study"),
    sa.Index("instances_patient", "patient"),
    sa.Index("instances_state", "state", "study", "id"),
    sa.Index("instances_rank", "rank"),
    sa.Index("instances_examined", "examined", "rank"),
    sa.Index("instances_group", "router_group", "id"),
    sa.Index(
        "instances_reviewed",
        "reviewed_at",
        "id",
        # For counting people's words against the machine's answers.
        "agreement",
        "examined",
        "machine_label",
        "machine_probability",
        sqlite_where=sa.text("reviewed_at IS NOT NULL"),
        postgresql_where=sa.text("reviewed_at IS NOT NULL"),
    ),
    sa.Index(
        "instances_tags",
        "id",
        sqlite_where=sa.text("tags_state = 'pending'"),
        postgresql_where=sa.text("tags_state = 'pending'"),
    ),
    sa.Index(
        "instances_to_review",
        "rank",
        sqlite_where=sa.text("needs_review IS 1"),
        postgresql_where=sa.text("needs_review IS true"),
    ),
    # Has all columns for counting open instances.
    sa.Index("instances_open", "state", "reviewed_at", "modality"),
    # Also for counting agreement by month.
    sa.Index("instances_day", "study_date", "study", "state", "agreement"),
)
"""One row per instance that Orthanc stores, as far as the service knows of it."""


def _or_last(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """Return a column in which NULL is replaced by a text that sorts behind every label."""
    return sa.func.coalesce(column, sa.literal_column("'~'"))


# Literals, not bound values: an index on an expression is used only for the very same text.
SURE = sa.func.coalesce(instances.c.probability, sa.literal_column("0.0"))
ANSWER = _or_last(instances.c.examined)
PICTURE = _or_last(instances.c.image_label)
HEADER = _or_last(instances.c.header_label)
STATION = _or_last(sa.func.nullif(instances.c.station, sa.literal_column("''")))
SORTED = (
    sa.Index("instances_sure", SURE, instances.c.id),
    sa.Index("instances_answer", ANSWER, instances.c.rank),
    sa.Index("instances_picture", PICTURE, instances.c.rank),
    # With both plain labels as well: SQLite 3.40 then counts without reading rows.
    sa.Index(
        "instances_pair",
        HEADER,
        PICTURE,
        instances.c.rank,
        instances.c.header_label,
        instances.c.image_label,
    ),
    sa.Index("instances_station", STATION, instances.c.rank),
)
"""The orders and groups of the sheet; each serves the first page of a million rows."""

mentions = sa.Table(
    "mentions",
    INDEX,
    sa.Column("label", sa.Text, primary_key=True),
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("instance", sa.Text, primary_key=True),
    sa.Index("mentions_instance", "instance"),
    sqlite_with_rowid=False,
)
"""Which source names which part for an instance."""

counts = sa.Table(
    "counts",
    INDEX,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False),
)
"""Number of instances by state, updated with every change so that they need not be counted."""

marks = sa.Table(
    "marks",
    INDEX,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
"""How far Orthanc's change log has been read, and what was read there is not done with."""

tasks = sa.Table(
    "tasks",
    INDEX,
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("resource", sa.Text, primary_key=True),
    sa.Column("level", sa.Text, nullable=False),
    sa.Column("mode", sa.Text, nullable=False),
    # Small numbers go first.
    sa.Column("priority", sa.Integer, nullable=False),
    # Unix seconds; not given out before.
    sa.Column("due", sa.Float, nullable=False),
    # Number of the change in Orthanc's log that asked for it.
    sa.Column("sequence", sa.BigInteger),
    # Grows with each request, so that one made while a worker is at it is not lost.
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("deaths", sa.Integer, nullable=False),
    sa.Column("claimed_by", sa.Text),
    sa.Column("claimed_until", sa.Float),
    sa.Index("tasks_next", "kind", "priority", "due"),
)
"""The queue: what is still to do, and who has claimed it."""

words = sa.Table(
    "words",
    LEARNED,
    sa.Column("instance", sa.Text, primary_key=True),
    # Number of the event in the audit trail.
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("patient", sa.Text, nullable=False),
    # The label; "none" if the person said that the part cannot be recognised.
    sa.Column("label", sa.Text, nullable=False),
    # SHA-256 of the model that looked at the picture last; null until one did.
    sa.Column("model", sa.Text),
    # The model's output; null also if there is no readable picture.
    sa.Column("embedding", sa.LargeBinary),
    sa.Column("posterior", sa.LargeBinary),
    sa.Column("rejected", sa.Boolean),
)
"""The last word of a person on each picture, if it is to be learned from."""

sightings = sa.Table(
    "sightings",
    SEEN,
    sa.Column("instance", sa.Text, primary_key=True),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("embedding", sa.LargeBinary, nullable=False),
    sa.Column("posterior", sa.LargeBinary, nullable=False),
    sa.Column("rejected", sa.Boolean, nullable=False),
    # Unix seconds; beyond a limit, the oldest rows are deleted.
    sa.Column("seen_at", sa.Float, nullable=False),
    sa.Index("sightings_seen_at", "seen_at"),
)
"""The model's output for each picture, about 500 bytes per picture."""
