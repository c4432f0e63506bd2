"""The table of docs/operation.md is what the script computes."""

from __future__ import annotations

from benchmarks.capacity import USERS, need, table
from services.env import PROJECT_ROOT


def test_the_table_stands_in_the_documentation() -> None:
    assert table() in (PROJECT_ROOT / "docs" / "operation.md").read_text("utf-8")


def test_needs_grow_with_people_and_the_cost_of_an_answer() -> None:
    small, middle, large = (need(users) for users in USERS)
    assert small.replicas == 1 <= middle.replicas < large.replicas
    assert "никакой" in small.bound
    assert large.bots > 1
    assert need(USERS[2], cpu_ms=30).replicas > large.replicas
