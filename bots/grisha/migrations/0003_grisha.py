"""People, learned answers, summaries and posts."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0003a"

Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")
Moment = sa.DateTime(timezone=True)


def create(name: str, *columns: sa.Column) -> None:  # type: ignore[type-arg]
    # Databases that are older than the migrations may have the table.
    op.create_table(name, *columns, if_not_exists=True)


def key(name: str) -> sa.Column:  # type: ignore[type-arg]
    return sa.Column(name, Id, primary_key=True, autoincrement=False)


def upgrade() -> None:
    create(
        "grisha_patterns",
        sa.Column("id", Id, primary_key=True),
        sa.Column("question", sa.String, nullable=False),
        sa.Column("answer", sa.String, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("author_id", sa.BigInteger),
        sa.Column("uses", Id, nullable=False),
        sa.Column("learned_at", Moment, nullable=False),
        sa.Column("entry_id", Id),
    )
    op.create_index(
        "ix_grisha_patterns_entry_id", "grisha_patterns", ["entry_id"], if_not_exists=True
    )
    create(
        "grisha_votes",
        key("pattern_id"),
        key("user_id"),
        sa.Column("value", Id, nullable=False),
    )
    create(
        "grisha_answers",
        key("chat_id"),
        key("message_id"),
        sa.Column("pattern_id", Id, nullable=False),
    )
    create(
        "grisha_users",
        key("id"),
        sa.Column("name", sa.String),
        sa.Column("first_seen", Moment, nullable=False),
        sa.Column("last_seen", Moment, nullable=False),
    )
    create("grisha_user_chats", key("user_id"), key("chat_id"))
    create(
        "grisha_summaries",
        key("chat_id"),
        key("thread_id"),
        sa.Column("text", sa.String, nullable=False),
        sa.Column("until", Id, nullable=False),
    )
    create(
        "grisha_posts",
        key("chat_id"),
        key("root_id"),
        sa.Column("channel", sa.String, nullable=False),
        sa.Column("text", sa.String, nullable=False),
        sa.Column("commented_at", Moment),
    )
