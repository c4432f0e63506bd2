"""Histories of prices, alerts that wait to be sent, and the valuation model for all replicas."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "realty_prices",
        sa.Column("listing_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("day", sa.String, primary_key=True),
        sa.Column("last_day", sa.String, nullable=False),
        sa.Column("price", sa.Float, nullable=False),
    )
    op.create_table(
        "realty_price_drops",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("listing_id", sa.Integer, nullable=False),
        sa.Column("old_price", sa.Float, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "realty_alerts",
        sa.Column("id", Id, primary_key=True),
        sa.Column("owner_id", sa.BigInteger, nullable=False),
        sa.Column("chat_id", sa.BigInteger, nullable=False),
        sa.Column("search_id", Id, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("total", Id, nullable=False),
        sa.Column("listing_ids", sa.JSON, nullable=False),
    )
    op.create_index("ix_realty_alerts_owner_id", "realty_alerts", ["owner_id"])
    op.create_table(
        "realty_models",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sqlite_autoincrement=True,
    )
    op.add_column("realty_searches", sa.Column("seen_drop", Id, nullable=False, server_default="0"))
    # What the listings know of their prices so far. A month stands for its first day.
    op.execute(
        "INSERT INTO realty_prices (listing_id, day, last_day, price) "
        "SELECT id, d, d, price FROM (SELECT id, price, "
        "CASE WHEN length(date) = 7 THEN date || '-01' ELSE date END AS d FROM listings "
        "WHERE price > 0 AND length(date) IN (7, 10)) AS dated"
    )
