"""Let listings be found by their station: searches by the time on the way begin there."""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0012"


def upgrade() -> None:
    op.create_index(
        "listings_by_station", "listings", ["metro_key", "metro_min", "city_key", "price", "rooms"]
    )
