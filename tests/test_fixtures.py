"""The fixtures: every expected finding at its place and no other, through both front doors, by real processes."""

from __future__ import annotations

import functools
import json
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

FIXTURES = Path(__file__).parent.parent / "fixtures"
PROJECTS = sorted(path.parent.name for path in FIXTURES.glob("*/pyproject.toml"))
RULES = Path(__file__).parent.parent / "fastapi_bgtask_lint" / "rules"
MARK = re.compile(rb"# expect: (BGT\d{3}(?:, BGT\d{3})*)")
SIDECAR = re.compile(r"(?P<path>[^:]+):(?P<line>\d+): (?P<code>BGT\d{3})")
FLAKE8 = re.compile(r"(?:\./)?(?P<path>[^:]+):(?P<line>\d+):(?P<column>\d+): (?P<code>BGT\d{3}) ")
UNREADABLE = "BGT001"
"""The one code that flake8 cannot show: it judges no file that it cannot parse."""

EACH = pytest.mark.parametrize("name", PROJECTS)


class Found(NamedTuple):
    path: str
    line: int
    column: int
    code: str


Expected = set[tuple[str, int, str]]


def places(found: Iterable[Found]) -> Expected:
    return {(one.path, one.line, one.code) for one in found}


def python_files(project: Path) -> list[str]:
    return sorted(path.relative_to(project).as_posix() for path in project.rglob("*.py"))


def expected(project: Path) -> Expected:
    """What the marks and the sidecar of a project say."""
    marked = {
        (path, number, code)
        for path in python_files(project)
        for number, line in enumerate((project / path).read_bytes().split(b"\n"), 1)
        for mark in MARK.finditer(line)
        for code in mark[1].decode("ascii").split(", ")
    }
    sidecar = project / "expected.txt"
    lines = sidecar.read_text("utf-8").splitlines() if sidecar.exists() else []
    return marked | {
        (match["path"], int(match["line"]), match["code"]) for line in lines if (match := SIDECAR.fullmatch(line))
    }


def readable(wanted: Expected) -> Expected:
    return {(path, line, code) for path, line, code in wanted if code != UNREADABLE}


def run(project: Path, *command: str) -> str:
    """Standard output of a run that could do its work."""
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=project, capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert done.returncode in {0, 1}, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


def command_line_output(project: Path, *arguments: str) -> str:
    return run(project, "fastapi_bgtask_lint", "--output-format", "json", *arguments)


def command_line(project: Path, *arguments: str) -> list[Found]:
    document = json.loads(command_line_output(project, *arguments))
    assert document["version"] == 1
    return [Found(one["path"], one["line"], one["column"], one["code"]) for one in document["findings"]]


def flake8(project: Path, *arguments: str) -> list[Found]:
    lines = run(project, "flake8", "--isolated", "--select", "BGT", "-j", "1", *arguments).splitlines()
    matches = [FLAKE8.match(line) for line in lines]
    return [
        Found(match["path"].replace("\\", "/"), int(match["line"]), int(match["column"]), match["code"])
        for match in matches
        if match
    ]


@functools.cache
def kept_command_line(name: str) -> tuple[Found, ...]:
    """A run over the fixture where it stands. Several tests ask for it."""
    return tuple(command_line(FIXTURES / name, "."))


@functools.cache
def kept_flake8(name: str) -> tuple[Found, ...]:
    return tuple(flake8(FIXTURES / name, "."))


def copied(name: str, folder: Path) -> Path:
    return Path(shutil.copytree(FIXTURES / name, folder / name, ignore=shutil.ignore_patterns("__pycache__")))


def silence(project: Path, codes: Mapping[tuple[str, int], str]) -> None:
    """Writes a noqa with these codes at the end of each of these lines."""
    by_file: dict[str, dict[int, str]] = defaultdict(dict)
    for (path, number), text in codes.items():
        by_file[path][number] = text
    for path, numbers in by_file.items():
        lines = (project / path).read_bytes().split(b"\n")
        for number, text in numbers.items():
            line = lines[number - 1]
            end = b"\r" if line.endswith(b"\r") else b""
            lines[number - 1] = line.removesuffix(b"\r") + f"  # noqa: {text}".encode() + end
        (project / path).write_bytes(b"\n".join(lines))


def test_every_rule_has_an_expected_finding() -> None:
    codes = {code for name in PROJECTS for _, _, code in expected(FIXTURES / name)}
    assert codes == {path.name[:6].upper() for path in RULES.glob("bgt*.py")}


@EACH
def test_command_line_finds_what_is_expected_and_nothing_else(name: str) -> None:
    assert places(kept_command_line(name)) == expected(FIXTURES / name)


@EACH
def test_flake8_finds_the_same(name: str) -> None:
    assert places(kept_flake8(name)) == readable(expected(FIXTURES / name))
    assert sorted(kept_flake8(name)) == sorted(one for one in kept_command_line(name) if one.code != UNREADABLE)


@EACH
def test_findings_are_unique_and_sorted(name: str) -> None:
    assert list(kept_command_line(name)) == sorted(set(kept_command_line(name)))


@EACH
def test_every_finding_falls_silent_with_noqa(name: str, tmp_path: Path) -> None:
    project = copied(name, tmp_path)
    by_line: dict[tuple[str, int], list[str]] = defaultdict(list)
    for path, line, code in sorted(readable(expected(project))):
        by_line[path, line].append(code)
    silence(project, {place: ", ".join(codes) for place, codes in by_line.items()})
    assert {one.code for one in command_line(project, ".")} <= {UNREADABLE}
    assert flake8(project, ".") == []


@EACH
def test_one_noqa_silences_one_finding(name: str, tmp_path: Path) -> None:
    project = copied(name, tmp_path)
    wanted = sorted(readable(expected(project)))
    path, line, code = wanted[len(wanted) // 2]
    silence(project, {(path, line): code})
    assert places(command_line(project, ".")) == expected(project) - {(path, line, code)}


@EACH
def test_noqa_of_another_code_silences_nothing(name: str, tmp_path: Path) -> None:
    project = copied(name, tmp_path)
    silence(project, {(path, line): "BGT998" for path, line, _ in readable(expected(project))})
    assert places(command_line(project, ".")) == expected(project)


@EACH
def test_neither_the_order_of_files_nor_a_second_run_changes_a_byte(name: str) -> None:
    files = python_files(FIXTURES / name)
    first = command_line_output(FIXTURES / name, *files)
    assert command_line_output(FIXTURES / name, *files) == first
    assert command_line_output(FIXTURES / name, *reversed(files)) == first


@EACH
@pytest.mark.parametrize("offset", [0, 1])
def test_both_doors_agree_on_a_part_of_the_files(name: str, offset: int) -> None:
    files = python_files(FIXTURES / name)[offset::2]
    found = command_line(FIXTURES / name, *files)
    assert {one.path for one in found} <= set(files)
    assert sorted(flake8(FIXTURES / name, *files)) == sorted(one for one in found if one.code != UNREADABLE)
