"""Indexes for every order and group of the sheet: a page must not sort a million rows."""

from alembic import op

revision = "index_0004"
down_revision = "index_0003"

_INDEXES = {
    "instances_to_review": "rank",
    "instances_open": "state, reviewed_at, modality",
    "instances_day": "study_date, study",
    "instances_sure": "coalesce(probability, 0.0), id",
    "instances_answer": "coalesce(examined, '~'), rank",
    "instances_picture": "coalesce(image_label, '~'), rank",
    "instances_pair": "coalesce(header_label, '~'), coalesce(image_label, '~'), rank",
    "instances_station": "coalesce(nullif(station, ''), '~'), rank",
}


def upgrade() -> None:
    """Create them; a million rows take some ten seconds."""
    true = "true" if op.get_bind().dialect.name == "postgresql" else "1"
    for name, columns in _INDEXES.items():
        some = f" WHERE needs_review IS {true}" if name == "instances_to_review" else ""
        op.execute(f"CREATE INDEX {name} ON instances ({columns}){some}")
