"""Reservations of daily budgets; whose messages are whose."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "spending_holds",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("bot", sa.String, nullable=False),
        sa.Column("user_id", Id, nullable=False),
        sa.Column("question", sa.String, nullable=False),
        sa.Column("owner", sa.String, nullable=False),
        sa.Column("tokens", Id, nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("spending_holds_by_user", "spending_holds", ["bot", "user_id"])
    op.create_index("messages_by_author", "messages", ["bot", "author_id"])
