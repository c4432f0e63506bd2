"""Indexes of flats: one with all that searches filter by, and PostgreSQL's full text."""

from alembic import op

revision = "0005"
down_revision = "0004"

FILTERED = (
    *("city_key", "district_key", "okrug_key", "metro_key", "metro_min", "rooms", "total_area"),
    *("floor", "floors_total", "renovation_key", "market_key"),
)


def upgrade() -> None:
    op.drop_index("listings_by_price", "listings")
    op.create_index("listings_by_price", "listings", ["price", *FILTERED])
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE INDEX listings_text ON listings USING gin (to_tsvector('simple', translate("
            "coalesce(street, '') || ' ' || coalesce(description, ''), "
            "'АБВГДЕЁЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯё', 'абвгдеежзийклмнопрстуфхцчшщъыьэюяе')))"
        )
