"""Every rule's examples at work: the bad one fails as the rule declares for this FastAPI, the good one works."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import fastapi
import pytest
from fastapi.exceptions import FastAPIError

from fastapi_bgtask_lint.rules import all_rules
from fastapi_bgtask_lint.rules.rule import HARMLESS, Rule
from tests.examples import EACH, EXAMPLES
from tests.proofs import deadlines, event_loop, kept, lifetimes, registered, returned
from tests.proofs.running import Run, imported

OBSERVATIONS: dict[str, Callable[[Run], str]] = {
    name.upper(): function
    for family in (returned, lifetimes, event_loop, deadlines, registered)
    for name, function in vars(family).items()
    if name.startswith("bgt")
}
RULES: dict[str, Rule] = {rule.code: rule for rule in all_rules()}


def test_every_rule_has_a_proof() -> None:
    assert sorted(OBSERVATIONS) == sorted(RULES)


@pytest.mark.parametrize("code", RULES)
def test_every_version_has_one_outcome(code: str) -> None:
    for version in (*kept.VERSIONS, fastapi.__version__):
        assert RULES[code].outcome_on(version)


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.parametrize(("code", "kind"), EACH)
def test_example_does_as_is_said(code: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        outcome = OBSERVATIONS[code](Run(imported(EXAMPLES[code][kind], tmp_path, monkeypatch)))
    except SyntaxError:
        outcome = "SyntaxError"
    except FastAPIError:
        outcome = "does not start"
    declared = RULES[code].outcome_on(fastapi.__version__)
    assert outcome == (declared if kind == "bad" else HARMLESS)
    kept.keep(f"{code} {kind}", outcome)
