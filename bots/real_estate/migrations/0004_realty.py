"""Flats on sale with their full-text index, and what buyers keep of them."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")
TEXTS = (
    *("key", "source", "url", "photo", "description"),
    *("city", "okrug", "district", "metro", "metro_mode", "house_type", "market", "renovation"),
    *("street", "house_id", "date"),
    *("city_key", "okrug_key", "district_key", "metro_key", "market_key", "renovation_key"),
)
NUMBERS = (
    *("previous_price", "estimate", "estimate_low", "estimate_high", "metro_min"),
    *("total_area", "living_area", "kitchen_area", "ceiling", "dist_center_m", "airport_m"),
    *("lat", "lon", "price"),
)
WHOLE = ("rooms", "floor", "floors_total", "year")
FULL_TEXT = (
    "CREATE VIRTUAL TABLE IF NOT EXISTS listings_text USING fts5("
    "street, description, content='listings', content_rowid='id', tokenize='unicode61')",
    "CREATE TRIGGER IF NOT EXISTS listings_added AFTER INSERT ON listings BEGIN "
    "INSERT INTO listings_text(rowid, street, description) "
    "VALUES (new.id, new.street, new.description); END",
    "CREATE TRIGGER IF NOT EXISTS listings_changed AFTER UPDATE OF street, description ON listings "
    "BEGIN INSERT INTO listings_text(listings_text, rowid, street, description) "
    "VALUES ('delete', old.id, old.street, old.description); "
    "INSERT INTO listings_text(rowid, street, description) "
    "VALUES (new.id, new.street, new.description); END",
    "CREATE TRIGGER IF NOT EXISTS listings_removed AFTER DELETE ON listings BEGIN "
    "INSERT INTO listings_text(listings_text, rowid, street, description) "
    "VALUES ('delete', old.id, old.street, old.description); END",
)


def upgrade() -> None:
    op.create_table(
        "listings",
        sa.Column("id", sa.Integer, primary_key=True),
        *(
            sa.Column(name, sa.String, unique=name == "key", nullable=name != "key")
            for name in TEXTS
        ),
        sa.Column("demo", sa.Boolean, nullable=False),
        *(sa.Column(name, sa.Float) for name in NUMBERS),
        *(sa.Column(name, sa.Integer) for name in WHOLE),
        sqlite_autoincrement=True,
        if_not_exists=True,
    )
    op.create_index(
        "listings_by_place", "listings", ["city_key", "rooms", "price"], if_not_exists=True
    )
    op.create_index("listings_by_price", "listings", ["price"], if_not_exists=True)
    if op.get_bind().dialect.name == "sqlite":
        for statement in FULL_TEXT:
            op.execute(statement)
    op.create_table(
        "realty_favourites",
        sa.Column("owner_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("listing_id", Id, primary_key=True, autoincrement=False),
        if_not_exists=True,
    )
    op.create_table(
        "realty_searches",
        sa.Column("id", Id, primary_key=True),
        sa.Column("owner_id", sa.BigInteger, nullable=False),
        sa.Column("chat_id", sa.BigInteger, nullable=False),
        sa.Column("slots", sa.JSON, nullable=False),
        sa.Column("seen_id", Id, nullable=False),
        if_not_exists=True,
    )
    op.create_index(
        "ix_realty_searches_owner_id", "realty_searches", ["owner_id"], if_not_exists=True
    )
