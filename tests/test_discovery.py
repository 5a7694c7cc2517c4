"""Which files belong to a project."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from fastapi_bgtask_lint.discovery import Problem, Seed, project_root, python_files
from tests.doors import APP, by_command_line, write


def found(root: Path) -> list[str]:
    return [path.relative_to(root).as_posix() for path in python_files(root)]


@pytest.mark.parametrize("mark", ["pyproject.toml", "setup.cfg", "setup.py", ".git/HEAD"])
def test_the_nearest_folder_with_a_mark_is_the_root(tmp_path: Path, mark: str) -> None:
    write(tmp_path, {mark: "", "a/b/c.py": ""})
    assert project_root(tmp_path / "a" / "b" / "c.py") == tmp_path
    assert project_root(tmp_path / "a") == tmp_path
    assert project_root(tmp_path) == tmp_path


def test_the_nearest_of_several_roots_counts(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": "", "a/setup.py": "", "a/b/c.py": ""})
    assert project_root(tmp_path / "a" / "b" / "c.py") == tmp_path / "a"


def test_what_is_left_out(tmp_path: Path) -> None:
    names = ["a.py", "b/c.py", ".hidden/x.py", "node_modules/x.py", "build/x.py", "b/dist/x.py", "__pycache__/x.py"]
    names += ["env/x.py", "lib/site-packages/x.py", "c.txt", "d.pyi"]
    write(tmp_path, {**dict.fromkeys(names, ""), "env/pyvenv.cfg": ""})
    assert found(tmp_path) == ["a.py", "b/c.py"]


def test_a_named_folder_is_walked_whatever_it_is_called(tmp_path: Path) -> None:
    write(tmp_path, {".git/HEAD": "", ".gitignore": "build/\n", "build/x.py": ""})
    assert found(tmp_path / "build") == ["x.py"]
    assert found(tmp_path) == []


IGNORES = {
    ".gitignore": "*.gen.py\n/top.py\nlogs/\n!keep.gen.py\ndeep/**/x.py\n\\#odd.py\n",
    "sub/.gitignore": "!again.gen.py\nlocal.py\n",
    ".git/info/exclude": "private.py\n",
}
NAMES = [
    "a.gen.py", "keep.gen.py", "top.py", "sub/top.py", "logs/a.py", "sub/logs/b.py", "deep/one/two/x.py", "deep/x.py",
    "sub/again.gen.py", "sub/other.gen.py", "sub/local.py", "local.py", "sub/private.py", "#odd.py", "plain.py",
    "logs_not/a.py", "sub/inner/again.gen.py",
]  # fmt: skip


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_git_ignores_the_same(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    write(tmp_path, {**dict.fromkeys(NAMES, ""), **IGNORES})
    listing = subprocess.run(
        ["git", "-C", str(tmp_path), "ls-files", "-co", "--exclude-standard", "-z"], check=True, capture_output=True
    )
    seen = [name for name in listing.stdout.decode().split("\0") if name.endswith(".py")]
    assert 0 < len(seen) < len(NAMES)
    assert sorted(found(tmp_path)) == sorted(seen)
    assert sorted(found(tmp_path / "sub")) == sorted(
        name.removeprefix("sub/") for name in seen if name.startswith("sub/")
    )


def test_an_ignore_file_with_a_bad_pattern_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    write(tmp_path, {".gitignore": "!\nb.py\n", "a.py": "", "b.py": ""})
    assert found(tmp_path) == ["a.py"]


def test_links(tmp_path: Path) -> None:
    outside = write(tmp_path / "outside", {"real.py": "", "more/x.py": ""})
    root = write(tmp_path / "root", {"a.py": ""})
    (root / "linked.py").symlink_to(outside / "real.py")
    (root / "twice.py").symlink_to(root / "a.py")
    (root / "folder").symlink_to(outside / "more")
    (root / "loop").symlink_to(root)
    (root / "dangling.py").symlink_to(root / "nowhere")
    (root / "circle.py").symlink_to(root / "circle.py")
    (root / ".#a.py").symlink_to("nowhere")
    problems: list[Problem] = []
    files = [path.name for path in python_files(root, problems.append)]
    assert files == ["a.py", "linked.py"]
    assert [problem.path.name for problem in problems] == ["circle.py", "dangling.py"]
    assert "leads nowhere" in problems[1].message


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"from fastapi import BackgroundTasks", True),
        (b"tasks.add_task(f)", True),
        (b"import fastapi\nResponse(background=x)", True),
        (b"import starlette\nresponse.background = x", True),
        (b"Label(background='red')", False),
        (b"import fastapi", False),
        (b"", False),
        (b"\xff\xfeB\x00a\x00", False),
    ],
)
def test_the_test_by_bytes(data: bytes, expected: bool) -> None:
    assert bool(Seed.of(data)) is expected


def test_ignored_files_are_checked_when_they_are_named(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": "", ".gitignore": "gen/\n", "gen/app.py": APP})
    assert by_command_line(tmp_path, ".") == []
    assert [one.path for one in by_command_line(tmp_path, "gen/app.py")] == ["gen/app.py"]
    assert [one.path for one in by_command_line(tmp_path, "gen")] == ["gen/app.py"]
