"""History, preferences and the inbox, as they were before versions were counted."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")
Moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    # Databases of that time exist: their tables stay as they are.
    op.create_table(
        "messages",
        sa.Column("id", Id, primary_key=True),
        sa.Column("bot", sa.String, nullable=False),
        sa.Column("chat_id", Id, nullable=False),
        sa.Column("thread_id", Id, nullable=False),
        sa.Column("role", sa.String, nullable=False),
        sa.Column("content", sa.String, nullable=False),
        sa.Column("author_id", Id),
        sa.Column("author_name", sa.String),
        sa.Column("source_id", Id),
        sa.Column("created_at", Moment, nullable=False),
        if_not_exists=True,
    )
    op.create_index(
        "messages_by_conversation",
        "messages",
        ["bot", "chat_id", "thread_id", "id"],
        if_not_exists=True,
    )
    op.create_table(
        "preferences",
        sa.Column("bot", sa.String, primary_key=True),
        sa.Column("owner_id", Id, primary_key=True),
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("value", sa.JSON, nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "inbox",
        sa.Column("bot", sa.String, primary_key=True),
        sa.Column("update_id", Id, primary_key=True),
        sa.Column("body", sa.String),
        sa.Column("attempts", Id, nullable=False),
        sa.Column("received_at", Moment, nullable=False),
        if_not_exists=True,
    )
