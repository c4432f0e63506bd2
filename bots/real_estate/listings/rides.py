"""A table of rides inside a statement: one parameter, however many stations there are."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Integer, String, TableValuedAlias, column, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

# A VALUES of 300 rows takes SQLAlchemy 50 ms to put together, each time anew.


class _Rides(FunctionElement[Any]):
    """Rows of city, station and minutes out of a JSON list of lists."""

    inherit_cache = True
    name = "rides"


@compiles(_Rides, "sqlite")
def _in_sqlite(element: _Rides, compiler: SQLCompiler, **options: Any) -> str:
    rows = compiler.process(next(iter(element.clauses)), **options)
    fields = ("$[0]", "city"), ("$[1]", "station"), ("$[2]", "minutes")
    columns = ", ".join(f"json_extract(value, '{path}') AS {name}" for path, name in fields)
    return f"(SELECT {columns} FROM json_each({rows}))"  # noqa: S608


@compiles(_Rides, "postgresql")
def _in_postgresql(element: _Rides, compiler: SQLCompiler, **options: Any) -> str:
    rows = compiler.process(next(iter(element.clauses)), **options)
    columns = "row ->> 0 AS city, row ->> 1 AS station, CAST(row ->> 2 AS integer) AS minutes"
    return f"(SELECT {columns} FROM json_array_elements(CAST({rows} AS json)) AS row)"  # noqa: S608


def ride_table(rides: Iterable[tuple[str, str, int]]) -> TableValuedAlias:
    """The table `ride` of city, station and minutes, for a FROM."""
    rows = literal(json.dumps(list(rides), ensure_ascii=False), String)
    columns = (column("city", String), column("station", String), column("minutes", Integer))
    return _Rides(rows).table_valued(*columns, name="ride")
