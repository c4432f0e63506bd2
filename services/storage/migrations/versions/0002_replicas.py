"""Who handles an update, and what each user spent."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.add_column("inbox", sa.Column("owner", sa.String, nullable=False, server_default=""))
    op.create_index("inbox_unfinished", "inbox", ["bot"], postgresql_where=OPEN, sqlite_where=OPEN)
    op.create_table(
        "spending",
        sa.Column("bot", sa.String, primary_key=True),
        sa.Column("user_id", Id, primary_key=True),
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("requests", Id, nullable=False),
        sa.Column("prompt_tokens", Id, nullable=False),
        sa.Column("completion_tokens", Id, nullable=False),
    )


OPEN = sa.text("body IS NOT NULL")
