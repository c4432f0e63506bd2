"""Indexes of flats: one with all that searches filter by, and PostgreSQL's full text."""

from alembic import op

revision = "0005"
down_revision = "0004"

TEXTS = ("street", "description")
FILTERED = (
    *("city_key", "district_key", "okrug_key", "metro_key", "metro_min", "rooms", "total_area"),
    *("floor", "floors_total", "renovation_key", "market_key"),
)

# SQLite's tokenizer tells «ё» from «е»; people don't.
FOLDED = ", ".join(f"replace(replace({{row}}.{name}, 'ё', 'е'), 'Ё', 'Е')" for name in TEXTS)
NEW, OLD = FOLDED.format(row="new"), FOLDED.format(row="old")
ADD = f"INSERT INTO listings_text(rowid, street, description) VALUES (new.id, {NEW});"
TAKE_OUT = (
    "INSERT INTO listings_text(listings_text, rowid, street, description) "
    f"VALUES ('delete', old.id, {OLD});"
)
IN_SQLITE = (
    "DROP TRIGGER listings_added",
    "DROP TRIGGER listings_changed",
    "DROP TRIGGER listings_removed",
    "INSERT INTO listings_text(listings_text) VALUES ('delete-all')",
    "INSERT INTO listings_text(rowid, street, description) "
    f"SELECT id, {FOLDED.format(row='listings')} FROM listings",
    f"CREATE TRIGGER listings_added AFTER INSERT ON listings BEGIN {ADD} END",
    "CREATE TRIGGER listings_changed AFTER UPDATE OF street, description ON listings "
    f"BEGIN {TAKE_OUT} {ADD} END",
    f"CREATE TRIGGER listings_removed AFTER DELETE ON listings BEGIN {TAKE_OUT} END",
)
IN_POSTGRESQL = (
    "CREATE INDEX listings_text ON listings USING gin (to_tsvector('simple', translate("
    "coalesce(street, '') || ' ' || coalesce(description, ''), "
    "'АБВГДЕЁЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯё', 'абвгдеежзийклмнопрстуфхцчшщъыьэюяе')))",
)


def upgrade() -> None:
    op.drop_index("listings_by_price", "listings")
    op.create_index("listings_by_price", "listings", ["price", *FILTERED])
    statements = IN_SQLITE if op.get_bind().dialect.name == "sqlite" else IN_POSTGRESQL
    for statement in statements:
        op.execute(statement)
