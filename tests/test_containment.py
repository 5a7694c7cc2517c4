"""A rule that fails in some places: everything else is found, the failure is reported, nothing of it is kept.

The rule is a file in a copy of the package, found as any other, so that every process of a run has it.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from fastapi_bgtask_lint import __file__ as package
from tests.doors import APP, AWAITED, Done, flake8, module, write

FAILING = '''\
"""A rule that fails where the module is called bad or deep, and in standard input."""

from collections.abc import Iterator

from fastapi_bgtask_lint.application import Application
from fastapi_bgtask_lint.findings import Severity
from fastapi_bgtask_lint.framework.registrations.registrations import Registration
from fastapi_bgtask_lint.rules.rule import Harm, Report, Rule

rule = Rule(__doc__, code="BGT998", name="failing", severity=Severity.ERROR, harms=(Harm("nothing"),))


@rule.check
def fails(registration: Registration, app: Application) -> Iterator[Report]:
    if registration.module.path.stem in ("bad", "stdin"):
        raise ZeroDivisionError("on purpose")
    if registration.module.path.stem == "deep":
        yield Report(endless("it "), registration.site)
    yield Report("it does not fail here", registration.site)


def endless(text: str) -> str:
    """Recurses through built-in functions, which take stack of their own."""
    return max(map(endless, sorted([text], key=endless)))
'''
PLAIN = APP.replace("await ", "")
"""Without any finding but that of the failing rule."""
MANY = {f"p{number}/{name}.py": text for number in range(3) for name, text in (("bad", PLAIN), ("app", APP))}
MANY |= {f"p{number}/other{file}.py": PLAIN for number in range(3) for file in range(4)}
"""Three projects, with enough files for several processes."""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Makes processes import a package that has the failing rule."""
    folder = tmp_path_factory.mktemp("package")
    copy = shutil.copytree(Path(package).parent, folder / "fastapi_bgtask_lint")
    write(copy, {"rules/bgt998_failing.py": FAILING})
    return {"PYTHONPATH": str(folder)}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write(tmp_path, {"pyproject.toml": "", "app.py": APP, "bad.py": PLAIN})


def run(folder: Path, environment: dict[str, str], *arguments: str) -> Done:
    return module("fastapi_bgtask_lint", arguments, folder, environment=environment)


def test_the_command_line_shows_all_else_and_exits_with_2(project: Path, environment: dict[str, str]) -> None:
    done = run(project, environment, "--output-format", "concise")

    assert done.status == 2
    assert [line.partition(" add_task")[0] for line in done.out.splitlines()][:1] == ["app.py:12:11: BGT506"]
    assert "bad.py" not in done.out
    where = f"{project / 'bad.py'}:12: this is a bug of fastapi-bgtask-lint (BGT998): ZeroDivisionError: on purpose"
    assert where in done.error
    assert done.error.count("Traceback") == 1
    assert 'raise ZeroDivisionError("on purpose")' in done.error


def test_a_recursion_without_end_is_an_error_as_any_other(project: Path, environment: dict[str, str]) -> None:
    (project / "bad.py").rename(project / "deep.py")
    done = run(project, environment, "--output-format", "concise")

    assert done.status == 2
    assert "app.py:12:11: BGT506" in done.out
    assert f"{project / 'deep.py'}:12: this is a bug of fastapi-bgtask-lint (BGT998): RecursionError" in done.error


def test_the_json_report_counts_it(project: Path, environment: dict[str, str]) -> None:
    done = run(project, environment, "--output-format", "json")
    report = json.loads(done.out)
    assert (len(report["findings"]), report["summary"]["problems"]) == (1, 1)


def test_the_same_traceback_is_shown_once(project: Path, environment: dict[str, str]) -> None:
    write(project, {"bad.py": PLAIN + "    tasks.add_task(print)\n    tasks.add_task(note)\n"})
    done = run(project, environment)
    assert [f"bad.py:{line}: this is a bug" in done.error for line in (12, 13, 14)] == [True, True, True]
    assert done.error.count("Traceback") == 1


def test_a_run_with_a_failure_is_not_kept(project: Path, environment: dict[str, str]) -> None:
    first, second = run(project, environment), run(project, environment)
    assert (second.status, second.out, second.error) == (2, first.out, first.error)

    (project / "bad.py").rename(project / "good.py")
    assert run(project, environment).status == 1
    assert run(project, environment).error == ""


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_any_number_of_processes_reports_the_same(tmp_path: Path, environment: dict[str, str], jobs: str) -> None:
    write(tmp_path, {**{f"p{number}/pyproject.toml": "" for number in range(3)}, **MANY})

    done = run(tmp_path, environment, "--jobs", jobs, "--output-format", "concise", "p0", "p1", "p2")

    assert done.status == 2
    assert [f"p{number}/app.py:12:11: " in done.out for number in range(3)] == [True] * 3
    assert [f"{tmp_path / f'p{number}' / 'bad.py'}:12: " in done.error for number in range(3)] == [True] * 3


def test_standard_input_without_a_name_is_named_as_in_findings(tmp_path: Path, environment: dict[str, str]) -> None:
    done = module("fastapi_bgtask_lint", ["-"], tmp_path, stdin=PLAIN.encode(), environment=environment)
    assert done.status == 2
    assert "-:12: this is a bug of fastapi-bgtask-lint (BGT998)" in done.error


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_flake8_shows_it_in_its_place(project: Path, environment: dict[str, str], jobs: str) -> None:
    done = module("flake8", ["--isolated", "--select", "BGT", "-j", jobs], project, environment=environment)

    assert done.status == 1
    assert done.error == ""
    found = [line.split(":", 3) for line in sorted(done.out.splitlines())]
    assert [one[:3] for one in found] == [["./app.py", "12", "11"], ["./bad.py", "12", "1"]]
    assert found[0][3].startswith(" BGT506 ")
    assert found[1][3] == " BGT000 this is a bug of fastapi-bgtask-lint (BGT998): ZeroDivisionError: on purpose"


def test_without_the_rule_nothing_fails(project: Path) -> None:
    assert [AWAITED.code in line for line in flake8(project, "--isolated", "--select", "BGT").out.splitlines()] == [
        True
    ]
