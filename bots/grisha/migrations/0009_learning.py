"""Who decided on a learned answer, whose votes count."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.add_column(
        "grisha_patterns",
        sa.Column("by_operator", sa.Boolean, nullable=False, server_default=sa.false()),
    )
    op.add_column(
        "grisha_votes",
        sa.Column("counts", sa.Boolean, nullable=False, server_default=sa.true()),
    )
    op.create_table(
        "grisha_bans",
        sa.Column("user_id", Id, primary_key=True, autoincrement=False),
        sa.Column("chat_id", Id, primary_key=True, autoincrement=False),
    )
    # Patterns without an author were imported or written by an operator.
    op.execute(
        sa.text(
            "UPDATE grisha_patterns SET by_operator = true "
            "WHERE status = 'confirmed' AND author_id IS NULL"
        )
    )
