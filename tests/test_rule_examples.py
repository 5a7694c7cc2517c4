"""The examples in the rules' documentation give their marks and nothing else; `tests/proofs` runs them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fastapi_bgtask_lint import lint_paths
from fastapi_bgtask_lint.rules import all_rules
from fastapi_bgtask_lint.settings import Settings
from tests.examples import DOCUMENTED, EACH, EXAMPLES, marks, written

PEDANTIC = tuple(rule.code for rule in all_rules() if rule.pedantic)


def test_every_rule_has_its_documentation_from_its_file() -> None:
    assert {rule.code: rule.documentation.strip() for rule in all_rules()} == {
        code: text.strip() for code, text in DOCUMENTED.items()
    }


@pytest.mark.parametrize("code", DOCUMENTED)
def test_documentation_has_a_title_and_marks_its_own_code(code: str) -> None:
    title, blank, *_ = DOCUMENTED[code].splitlines()
    assert title == title.strip()
    assert title[0].isupper()
    assert not title.endswith(".")
    assert blank == ""
    assert re.search(r"\bsuppress it\b|\bSuppress it\b", DOCUMENTED[code]), "it does not say when to suppress it"
    assert {found for _, _, found in marks(EXAMPLES[code]["bad"])} == {code}
    assert EXAMPLES[code]["good"]
    assert not marks(EXAMPLES[code]["good"])


@pytest.mark.parametrize(("code", "kind"), EACH)
def test_example_gives_its_marks_and_nothing_else(code: str, kind: str, tmp_path: Path) -> None:
    files = EXAMPLES[code][kind]
    settings = Settings(extend_select=(code,)) if code in PEDANTIC else Settings()
    result = lint_paths([written(files, tmp_path)], settings)
    assert not result.problems
    found = {(finding.place.path.name, finding.place.line, finding.code) for finding in result.findings}
    assert found == marks(files)
