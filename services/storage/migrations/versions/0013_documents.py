"""The texts of documents that people sent into a talk."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0015"

Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "documents",
        sa.Column("id", Id, primary_key=True),
        sa.Column("bot", sa.String, nullable=False),
        sa.Column("chat_id", Id, nullable=False),
        sa.Column("thread_id", Id, nullable=False),
        sa.Column("author_id", Id, nullable=False),
        sa.Column("source_id", Id, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("size", Id, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("documents_by_conversation", "documents", ["bot", "chat_id", "thread_id"])
    op.create_index("documents_by_author", "documents", ["bot", "author_id"])
