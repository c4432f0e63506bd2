"""The full-text condition on listings, in the words of each database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

# The expression that PostgreSQL's index `listings_text` is built on. Its own lower() leaves
# Russian alone where the database's locale is C.
DOCUMENT = (
    "to_tsvector('simple', translate("
    "coalesce(listings.street, '') || ' ' || coalesce(listings.description, ''), "
    "'АБВГДЕЁЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯё', 'абвгдеежзийклмнопрстуфхцчшщъыьэюяе'))"
)


class HasWords(FunctionElement[bool]):
    """Whether a listing's street or description has words that begin so, all of them.

    The beginnings are letters and digits only, in lower case and without «ё».
    """

    inherit_cache = True
    type = Boolean()


@compiles(HasWords, "sqlite")
def _in_sqlite(element: HasWords, compiler: SQLCompiler, **options: Any) -> str:
    pattern = " || ' ' || ".join(
        f"'\"' || {compiler.process(stem, **options)} || '\"*'" for stem in element.clauses
    )
    found = "SELECT rowid FROM listings_text WHERE listings_text MATCH"
    return f"listings.id IN ({found} ({pattern}))"


@compiles(HasWords, "postgresql")
def _in_postgresql(element: HasWords, compiler: SQLCompiler, **options: Any) -> str:
    pattern = " || ' & ' || ".join(
        f"{compiler.process(stem, **options)} || ':*'" for stem in element.clauses
    )
    return f"{DOCUMENT} @@ to_tsquery('simple', {pattern})"
