"""The same report, byte for byte, in whatever order files, registrations, rules and questions come.

`python -m tests.order FOLDER...` does the same with other projects.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fastapi_bgtask_lint.application import Application
from fastapi_bgtask_lint.findings import Severity
from fastapi_bgtask_lint.framework.registrations.registrations import Registration
from fastapi_bgtask_lint.rules import Rule
from fastapi_bgtask_lint.rules.rule import Report
from tests.order import Project, differences

FIXTURES = Path(__file__).parent.parent / "fixtures"
PROJECTS = sorted(path.parent.name for path in FIXTURES.glob("*/pyproject.toml"))
PERMUTATIONS = 18
FEWER = {"feasible": 6}
"""It is judged as long as all others together."""


@pytest.mark.parametrize("name", PROJECTS)
def test_the_order_of_questions_makes_no_difference(name: str) -> None:
    project = Project(FIXTURES / name)
    usual = project.report()

    for seed in range(FEWER.get(name, PERMUTATIONS)):
        report = project.report(seed)
        assert not differences(usual, report), f"seed {seed}"
        assert report == usual


def test_there_are_200_orders_together() -> None:
    assert sum(FEWER.get(name, PERMUTATIONS) for name in PROJECTS) >= 200


def test_a_rule_that_depends_on_the_order_is_noticed() -> None:
    seen: list[Registration] = []
    rule = Rule("Is counted", code="BGT998", name="counted", severity=Severity.ERROR)

    @rule.check
    def count(registration: Registration, app: Application) -> Iterator[Report]:
        seen.append(registration)
        yield Report(f"number {len(seen) % 2}", registration.site)

    project = Project(FIXTURES / "shop", [rule])
    reports = {project.report(seed) for seed in range(4)}

    assert len(reports) > 1
