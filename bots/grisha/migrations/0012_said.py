"""What people said, found again by meaning."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "grisha_said",
        sa.Column("id", Id, primary_key=True),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("chat_id", Id, nullable=False),
        sa.Column("talk_id", Id, nullable=False),
        sa.Column("message_id", Id, nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("text", sa.String, nullable=False),
        sa.Column("stems", sa.String, nullable=False),
        sa.Column("vector", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("person_id", "chat_id", "talk_id", "message_id"),
        sqlite_autoincrement=True,
    )
