"""The house itself: its checks are configured, its README is true, and the tool finds nothing in it."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from fastapi_bgtask_lint.linter import known_codes
from fastapi_bgtask_lint.reporting.rules import markdown
from fastapi_bgtask_lint.rules import all_rules
from fastapi_bgtask_lint.settings import Settings, load
from tests.doors import tool, write
from tests.proofs import kept
from tests.test_knowledge_libraries import counted

HOUSE = Path(__file__).parent.parent
PACKAGE = HOUSE / "fastapi_bgtask_lint"


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((HOUSE / "pyproject.toml").read_text("utf-8"))


def generated(name: str, text: str) -> None:
    """Holds a part of the README against what it should be; `UPDATE_README=1 pytest tests/test_house.py` writes it."""
    readme = HOUSE / "README.md"
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
    before, _, rest = readme.read_text("utf-8").partition(begin)
    expected = f"{before}{begin}{text}\n{end}{rest.partition(end)[2]}"
    if os.environ.get("UPDATE_README"):
        readme.write_text(expected, "utf-8")
    assert readme.read_text("utf-8") == expected


def test_the_readme_has_the_table_of_rules() -> None:
    generated("rules", "\n".join(markdown(all_rules())))


def test_the_readme_counts_the_rows_of_the_table_of_libraries() -> None:
    generated("knowledge", f"   {counted()}")


def test_the_readmes_configuration_is_a_valid_one(tmp_path: Path) -> None:
    text = (HOUSE / "README.md").read_text("utf-8")
    block = next(part for part in text.split("```toml\n")[1:] if "[tool.fastapi-bgtask-lint]" in part).partition("```")[
        0
    ]
    settings = load(write(tmp_path, {"pyproject.toml": block}), known_codes())
    unnamed = {name for name in Settings.__slots__ if name.replace("_", "-") not in block} - {"root"}
    assert unnamed == set()
    assert settings.waits == {"shop.legacy.fetch": "timeout"}


def test_the_readme_names_every_option(tmp_path: Path) -> None:
    text = (HOUSE / "README.md").read_text("utf-8")
    words = tool(tmp_path, "--help").out.replace(",", " ").replace("[", " ").replace("]", " ").split()
    options = {word for word in words if word.startswith("--")}
    assert {option for option in options if option not in text} <= {"--help", "--no-cache"}


def test_the_links_of_the_readme_lead_to_files() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", (HOUSE / "README.md").read_text("utf-8"))
    assert "tests/proofs/__init__.py" in links
    assert [link for link in links if not (HOUSE / link).exists()] == []


def test_the_tool_finds_nothing_in_itself() -> None:
    done = tool(HOUSE, "fastapi_bgtask_lint", "tests")
    assert (done.status, done.error) == (0, "")


def test_the_checks_are_strict(project: dict[str, Any]) -> None:
    tools = project["tool"]
    assert tools["mypy"]["strict"] is True
    assert tools["ruff"]["line-length"] == 120
    (contract,) = tools["importlinter"]["contracts"]
    assert contract["exhaustive"] is True
    run = (HOUSE / ".ci" / "run").read_text("utf-8")
    for command in ("ruff check", "ruff format --check", "mypy", "lint-imports", "pytest"):
        assert command in run
    assert run.splitlines()[-1].endswith("pytest")


def test_the_second_command_of_the_readme_is_what_the_checks_run() -> None:
    install, test = 'pip install -e ".[dev]"', "python -m pytest"
    for name in ("README.md", ".ci/run"):
        text = (HOUSE / name).read_text("utf-8")
        assert install in text
        assert test in text


def test_no_room_has_a_name_that_says_nothing() -> None:
    names = {path.stem for path in PACKAGE.rglob("*.py")}
    assert not names & {"utils", "helpers", "common", "manager", "misc"}


def test_the_package_brings_its_types_and_its_table() -> None:
    assert (PACKAGE / "py.typed").exists()
    assert list((PACKAGE / "knowledge").glob("*.toml"))


def test_page_of_the_proofs_shows_what_they_saw() -> None:
    """`nox -s generated` writes it."""
    assert kept.PAGE.read_text("utf-8") == kept.page(kept.load())


def test_proofs_were_run_on_every_version() -> None:
    rows = kept.load()[kept.NEWEST]
    for version in kept.VERSIONS:
        rules = {row for row in rows if row.startswith("BGT")}
        assert rules <= set(kept.load()[version]), f"run the proofs on FastAPI {version}"


def test_every_kept_row_is_still_proven() -> None:
    sources = "".join(path.read_text("utf-8") for path in sorted((HOUSE / "tests" / "proofs").glob("*.py")))
    rows = {row for column in kept.load().values() for row in column if not row.startswith("BGT")}
    assert {row for row in rows if f'"{row}"' not in sources} == set()
