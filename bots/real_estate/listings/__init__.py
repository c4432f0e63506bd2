"""Flats for sale: how they are stored, searched, imported and kept by users."""

from bots.real_estate.listings.search import Blocker, SearchPage, search, search_query
from bots.real_estate.listings.store import Listing, ListingStore

__all__ = ["Blocker", "Listing", "ListingStore", "SearchPage", "search", "search_query"]
