"""The versions of a distribution that a project allows: where they are read from, and how they compare with a limit."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from fastapi_bgtask_lint.dependencies import Dependencies
from fastapi_bgtask_lint.requirements import Requirements, is_older, specifiers
from tests.doors import write


def allowed(folder: Path, distribution: str = "redis", file: str = "app.py") -> list[str]:
    found = Requirements(folder, Dependencies()).allowed(distribution, folder / file)
    return sorted(map(str, found))


# --- where they are read from -----------------------------------------------------------------------------------------

STATED = [
    ("uv.lock", '[[package]]\nname = "redis"\nversion = "5.0.1"\n', ["==5.0.1"]),
    ("poetry.lock", '[[package]]\nname = "Redis"\nversion = "5.0.1"\n', ["==5.0.1"]),
    ("pdm.lock", '[[package]]\nname = "redis"\nversion = "5.0.1"\n', ["==5.0.1"]),
    (
        "uv.lock",
        '[[package]]\nname = "redis"\nversion = "5.0.1"\n\n[[package]]\nname = "redis"\nversion = "8.0.0"\n',
        ["==5.0.1", "==8.0.0"],
    ),
    ("uv.lock", '[[package]]\nname = "redis-om"\nversion = "0.3"\n', []),
    ("requirements.txt", "redis==5.0.1\n", ["==5.0.1"]),
    ("requirements.txt", "# cache\nRedis[hiredis] >=5,<8 ; python_version > '3.8'  # pinned\n", ["<8,>=5"]),
    ("requirements.txt", "redis==5.0.1 \\\n    --hash=sha256:00 \\\n    --hash=sha256:01\n", ["==5.0.1"]),
    ("requirements.txt", "redis==5.0.1 --hash=sha256:00\n", ["==5.0.1"]),
    ("requirements/base.txt", "redis ~= 5.0\n", ["~=5.0"]),
    ("requirements.txt", "redis\nredis-om>=1\nredis.om>=1\nredis @ git+https://example.org/x\nredis=>1\n", []),
    ("pyproject.toml", '[project]\nname = "a"\ndependencies = ["fastapi", "redis<8"]\n', ["<8"]),
    ("pyproject.toml", '[project.optional-dependencies]\ncache = ["redis<8"]\n', ["<8"]),
    ("pyproject.toml", '[dependency-groups]\ncache = [{ include-group = "x" }, "redis<8"]\n', ["<8"]),
    (
        "pyproject.toml",
        "[project]\ndependencies = [\"redis<8 ; python_version<'3.10'\", \"redis>=8 ; python_version>='3.10'\"]\n",
        ["<8", ">=8"],
    ),
    ("pyproject.toml", '[tool.poetry.dependencies]\nredis = "^5.0"\n', ["<6,>=5.0"]),
    ("pyproject.toml", '[tool.poetry.dependencies]\nredis = "^0.0.3"\n', ["<0.0.4,>=0.0.3"]),
    ("pyproject.toml", '[tool.poetry.dependencies]\nredis = "^0.5"\n', ["<0.6,>=0.5"]),
    ("pyproject.toml", '[tool.poetry.dependencies]\nredis = "~5.2"\n', ["<5.3,>=5.2"]),
    ("pyproject.toml", '[tool.poetry.dependencies]\nredis = "~5"\n', ["<6,>=5"]),
    ("pyproject.toml", '[tool.poetry.dependencies]\nredis = "5.0.1"\n', ["==5.0.1"]),
    ("pyproject.toml", '[tool.poetry.dependencies]\nredis = "5.*"\n', ["==5.*"]),
    ("pyproject.toml", '[tool.poetry.dependencies]\nredis = ">=5, <8"\n', ["<8,>=5"]),
    ("pyproject.toml", '[tool.poetry.dependencies]\nredis = { version = "^5", extras = ["hiredis"] }\n', ["<6,>=5"]),
    ("pyproject.toml", '[tool.poetry.dependencies]\nredis = [{ version = "5" }, { version = "8" }]\n', ["==5", "==8"]),
    ("pyproject.toml", '[tool.poetry.dependencies]\nredis = "^5 || ^8"\n', []),
    ("pyproject.toml", '[tool.poetry.dependencies]\nredis = "*"\n', []),
    ("pyproject.toml", "not = toml = at all", []),
]


@pytest.mark.parametrize(("name", "text", "expected"), STATED)
def test_specifiers_of_a_file(tmp_path: Path, name: str, text: str, expected: list[str]) -> None:
    assert allowed(write(tmp_path, {name: text})) == expected


@pytest.mark.parametrize("name", ["sse-starlette", "sse_starlette", "SSE.Starlette"])
@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("uv.lock", '[[package]]\nname = "sse-starlette"\nversion = "3.0"\n'),
        ("poetry.lock", '[[package]]\nname = "SSE_Starlette"\nversion = "3.0"\n'),
        ("requirements.txt", "sse.starlette==3.0\n"),
        ("pyproject.toml", '[tool.poetry.dependencies]\nSSE_starlette = "3.0"\n'),
    ],
)
def test_names_are_normalised(tmp_path: Path, name: str, file: str, text: str) -> None:
    assert allowed(write(tmp_path, {file: text}), name) == ["==3.0"]


LOCKED = '[[package]]\nname = "redis"\nversion = "5.0.1"\n'
DECLARED = '[project]\nname = "a"\ndependencies = ["redis>=4"]\n'


def test_lock_file_precedes_pyproject_which_precedes_requirements(tmp_path: Path) -> None:
    write(tmp_path, {"requirements.txt": "redis>=3\n", "pyproject.toml": DECLARED})
    assert allowed(tmp_path) == [">=4"]
    write(tmp_path, {"uv.lock": LOCKED})
    assert allowed(tmp_path) == ["==5.0.1"]


def test_requirements_files_of_a_folder_are_alternatives(tmp_path: Path) -> None:
    write(tmp_path, {"requirements.txt": "redis==5\n", "requirements-dev.txt": "redis==8\n"})
    assert allowed(tmp_path) == ["==5", "==8"]


def test_nearest_folder_that_states_a_version_decides(tmp_path: Path) -> None:
    write(tmp_path, {"uv.lock": LOCKED, "api/requirements.txt": "fastapi\n", "api/old/requirements.txt": "redis==3\n"})
    assert allowed(tmp_path, file="api/app.py") == ["==5.0.1"]
    assert allowed(tmp_path, file="api/old/app.py") == ["==3"]


def test_folders_above_the_root_are_not_searched(tmp_path: Path) -> None:
    write(tmp_path, {"uv.lock": LOCKED, "api/app.py": ""})
    assert allowed(tmp_path / "api") == []


def test_files_that_were_read_or_missing_are_recorded(tmp_path: Path) -> None:
    write(tmp_path, {"api/requirements.txt": "redis==5\n", "uv.lock": LOCKED})
    dependencies = Dependencies()
    Requirements(tmp_path, dependencies).allowed("redis", tmp_path / "api" / "app.py")
    assert dependencies.holds({})
    write(tmp_path, {"api/uv.lock": LOCKED})
    assert not dependencies.holds({})


# --- comparison with a limit ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5.0.1", True),
        ("<8", True),
        ("<8.0", True),
        (">7.4,<8", True),
        ("~=5.2", True),
        ("==7.*", True),
        ("==8.0.0b1", True),
        ("===5.0.1", True),
        ("8", False),
        ("8.0.0", False),
        (">=8", False),
        (">8", False),
        (">=7,!=7.*", False),
        ("==8.*", False),
        ("~=8.1", False),
        ("<=8.0", None),
        (">=5", None),
        ("!=8", None),
        ("!=8.*", None),
        (">=7.9,<8.1", None),
        ("<5,>6", None),
        ("", None),
    ],
)
def test_versions_older_than_8(text: str, expected: bool | None) -> None:
    found = specifiers(text) if text else SpecifierSet()
    assert found is not None
    assert is_older([found], "8.0") is expected


def test_alternatives_have_to_agree() -> None:
    assert is_older([SpecifierSet("==5"), SpecifierSet("==7")], "8.0") is True
    assert is_older([SpecifierSet("==5"), SpecifierSet("==8")], "8.0") is None
    assert is_older([], "8.0") is None


def test_invalid_specifiers_are_none() -> None:
    assert specifiers("=>5") is None
    assert specifiers("latest") is None


EVERY = [Version(".".join(map(str, parts))) for parts in itertools.product(range(4), range(4), range(3))]
SPECIFIER = st.builds(
    "{}{}.{}".format, st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "~="]), st.integers(0, 3), st.integers(0, 3)
)
SERIES = st.builds("{}{}.*".format, st.sampled_from(["==", "!="]), st.integers(0, 3))


@given(st.lists(SPECIFIER | SERIES, min_size=1, max_size=3), st.integers(0, 3), st.integers(0, 3))
def test_no_version_contradicts_the_answer(texts: list[str], major: int, minor: int) -> None:
    found = SpecifierSet(",".join(texts))
    limit = Version(f"{major}.{minor}")
    seen = {version < limit for version in found.filter(EVERY)}
    answer = is_older([found], str(limit))
    assert answer is None or seen <= {answer}
    assert answer is not None or len(seen) != 1 or _has_other_versions(found, limit, seen)


def _has_other_versions(found: SpecifierSet, limit: Version, seen: set[bool]) -> bool:
    """Whether versions that `EVERY` does not have lie on the other side of the limit."""
    beyond = [Version(f"{major}.{minor}.{patch}") for major in range(6) for minor in range(6) for patch in (0, 1, 2, 3)]
    tight = [Version(f"{version}.0.0.1") for version in beyond]
    return {version < limit for version in found.filter([*beyond, *tight])} != seen
