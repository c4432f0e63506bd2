"""Facts that people told of themselves."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "grisha_facts",
        sa.Column("id", Id, primary_key=True),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("chat_id", Id, nullable=False),
        sa.Column("message_id", Id, nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("text", sa.String, nullable=False),
        sa.Column("context", sa.String, nullable=False),
        sa.Column("kinds", sa.String, nullable=False),
        sa.Column("relations", sa.String, nullable=False),
        sa.Column("about_others", sa.Boolean, nullable=False),
        sa.Column("vector", sa.LargeBinary),
        sa.UniqueConstraint("person_id", "chat_id", "message_id"),
    )
