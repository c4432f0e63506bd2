"""Committed writes, by which a retry knows that its first try succeeded."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "writes",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_writes_written_at", "writes", ["written_at"])
