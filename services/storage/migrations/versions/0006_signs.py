"""Signs of the vectors of dialogues, for searches in PostgreSQL."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import BIT

revision = "0006"
down_revision = "0005"

Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "retrieval_signs",
        sa.Column(
            "entry_id",
            Id,
            sa.ForeignKey("retrieval_entries.id", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("signs", sa.String().with_variant(BIT(512), "postgresql"), nullable=False),
    )
