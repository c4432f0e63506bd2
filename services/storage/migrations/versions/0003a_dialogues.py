"""Dialogues with their vectors, for retrieval."""

import sqlalchemy as sa
from alembic import op

revision = "0003a"
down_revision = "0002"

Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    # Databases that are older than the migrations may have the table.
    op.create_table(
        "retrieval_entries",
        sa.Column("id", Id, primary_key=True),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("question", sa.String, nullable=False),
        sa.Column("answer", sa.String, nullable=False),
        sa.Column("digest", sa.LargeBinary(16), nullable=False),
        sa.Column("encoder", sa.String, nullable=False),
        sa.Column("vector", sa.LargeBinary),
        sqlite_autoincrement=True,
        if_not_exists=True,
    )
    op.create_index(
        "retrieval_entries_by_source", "retrieval_entries", ["source"], if_not_exists=True
    )
