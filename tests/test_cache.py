"""The cache: the same findings, sooner, whatever becomes of it and of the files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.doors import Found, by_command_line, by_flake8, tool, write

CACHE = ".fastapi_bgtask_lint_cache"
BLOCKING = "import time\n\n\nasync def work() -> None:\n    time.sleep(1)\n"
HARMLESS = "import asyncio\n\n\nasync def work() -> None:\n    await asyncio.sleep(1)\n"
APP = """from fastapi import BackgroundTasks, FastAPI

from tasks import work

app = FastAPI()


@app.post("/")
async def post(tasks: BackgroundTasks) -> None:
    tasks.add_task(work)
"""
SLEEPS = [Found("tasks.py", 5, 5, "BGT301")]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with one finding, old enough to be known by its stamps, and known."""
    folder = tmp_path / "project"
    write(
        folder,
        {
            "pyproject.toml": '[project]\nname = "p"\ndependencies = ["fastapi==0.110"]\n',
            "app.py": APP,
            "tasks.py": BLOCKING,
            "other.py": "x = 1\n",
        },
    )
    for path in folder.iterdir():
        aged(path)
    assert by_command_line(folder) == SLEEPS
    return folder


def aged(path: Path) -> None:
    """Let a file seem to have been written a minute ago."""
    then = time.time() - 60
    os.utime(path, (then, then))


def imported(folder: Path, *options: str) -> str:
    """The modules that a run imports."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "fastapi_bgtask_lint", *options],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stderr


def judges(folder: Path) -> bool:
    """Whether a run has to judge anything."""
    return "fastapi_bgtask_lint.judging" in imported(folder)


def test_a_second_run_says_the_same_and_parses_nothing(project: Path) -> None:
    assert not judges(project)
    assert by_command_line(project) == SLEEPS
    assert tool(project).out == tool(project, "--no-cache").out


def test_without_cache_everything_is_parsed_and_nothing_kept(tmp_path: Path) -> None:
    write(tmp_path, {"app.py": APP, "tasks.py": BLOCKING})

    assert tool(tmp_path, "--no-cache").status == 1

    assert not (tmp_path / CACHE).exists()


def test_where_no_file_knows_of_tasks_nothing_is_judged(tmp_path: Path) -> None:
    """`add_task` is a method of progress bars, too."""
    write(tmp_path, {"pyproject.toml": "", "bars.py": "def show(bars):\n    bars.add_task('copying', total=3)\n"})
    assert "fastapi_bgtask_lint.judging" not in imported(tmp_path, "--no-cache")

    write(tmp_path, {"app.py": APP, "tasks.py": BLOCKING})
    assert by_command_line(tmp_path) == SLEEPS


def test_git_ignores_it(project: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=project, check=True)

    status = subprocess.run(["git", "status", "--short"], cwd=project, check=True, capture_output=True, text=True)

    assert CACHE not in status.stdout


def test_a_file_that_has_nothing_to_do_with_tasks_changes_nothing(project: Path) -> None:
    (project / "other.py").write_text("x = 2\n")
    (project / "new.py").write_text("def f():\n    return 1\n")
    assert not judges(project)

    (project / "new.py").unlink()
    (project / "other.py").unlink()
    assert not judges(project)
    assert by_command_line(project) == SLEEPS


def test_a_file_that_was_only_touched_changes_nothing(project: Path) -> None:
    (project / "tasks.py").touch()

    assert not judges(project)


EDITS: dict[str, tuple[Callable[[Path], object], list[Found]]] = {
    "the task": (lambda folder: (folder / "tasks.py").write_text(HARMLESS), []),
    "the task, of the same size": (
        lambda folder: (folder / "tasks.py").write_text(BLOCKING.replace("sl", "SL")),
        [],
    ),
    "the registration": (
        lambda folder: (folder / "app.py").write_text(APP.replace("tasks.add_task", "print")),
        [],
    ),
    "a module goes": (lambda folder: (folder / "tasks.py").unlink(), []),
    "a module that is found sooner": (lambda folder: write(folder, {"tasks/__init__.py": HARMLESS}), []),
    "a further registration": (
        lambda folder: write(folder, {"more.py": APP.replace("tasks.add_task(work)", "await tasks.add_task(work)")}),
        [Found("more.py", 10, 11, "BGT506"), *SLEEPS],
    ),
    "a comment that silences": (
        lambda folder: (folder / "tasks.py").write_text(BLOCKING.replace("sleep(1)", "sleep(1)  # noqa: BGT301")),
        [],
    ),
    "the settings": (
        lambda folder: (folder / "pyproject.toml").write_text('[tool.fastapi-bgtask-lint]\nignore = ["BGT301"]\n'),
        [],
    ),
    "what git ignores": (lambda folder: write(folder, {".git/config": "", ".gitignore": "app.py\n"}), []),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_is_seen(project: Path, edit: str) -> None:
    change, expected = EDITS[edit]
    change(project)

    assert by_command_line(project) == expected
    assert by_command_line(project) == expected
    assert by_command_line(project, "--no-cache") == expected


def test_a_name_that_is_used_elsewhere_now_is_seen(tmp_path: Path) -> None:
    """What a dependency yields is looked for in all files: an edit where none was concerned can concern it."""
    app = """from fastapi import BackgroundTasks, FastAPI

app = FastAPI()


class NotFound(Exception):
    pass


async def work() -> None:
    raise NotFound


@app.post("/")
async def post(tasks: BackgroundTasks) -> None:
    tasks.add_task(work)
"""
    handlers = """from app import NotFound, app


@app.exception_handler(NotFound)
async def handle(request: object, error: Exception) -> object: ...
"""
    write(tmp_path, {"app.py": app, "handlers.py": "x = 1\n"})
    codes = {found.code for found in by_command_line(tmp_path)}
    aged(tmp_path / "app.py")
    by_command_line(tmp_path)

    (tmp_path / "handlers.py").write_text(handlers)

    assert "BGT103" not in codes
    assert "BGT103" in {found.code for found in by_command_line(tmp_path)}


def test_the_version_of_fastapi_is_seen(tmp_path: Path) -> None:
    source = """from fastapi import BackgroundTasks, Depends, FastAPI
from sqlalchemy.orm import Session

app = FastAPI()


def session():
    with Session() as found:
        yield found


def work(found: Session) -> None:
    found.commit()


@app.post("/")
def post(tasks: BackgroundTasks, found: Session = Depends(session)) -> None:
    tasks.add_task(work, found)
"""
    write(tmp_path, {"app.py": source, "requirements.txt": "fastapi==0.110\n", "setup.py": ""})
    before = tool(tmp_path, "--select", "BGT201").out
    assert "BGT201" in before

    (tmp_path / "requirements.txt").write_text("fastapi==0.100\n")
    older = tool(tmp_path, "--select", "BGT201").out
    (tmp_path / "uv.lock").write_text('[[package]]\nname = "fastapi"\nversion = "0.110.0"\n')

    assert older != before
    assert tool(tmp_path, "--select", "BGT201").out == before


def test_the_version_of_a_library_is_seen(tmp_path: Path) -> None:
    source = APP.replace("from tasks import work\n", "import redis.asyncio\n\nstore = redis.asyncio.Redis()\n") + (
        "\n\nasync def work() -> None:\n    await store.incr('visits')\n"
    )
    write(tmp_path, {"pyproject.toml": "", "app.py": source, "requirements.txt": "redis==8.0.1\n"})
    for version, codes in {"8.0.1": set(), "5.0.8": {"BGT401"}, "8.1": set()}.items():
        (tmp_path / "requirements.txt").write_text(f"redis=={version}\n")
        assert {found.code for found in by_command_line(tmp_path, "--select", "BGT401")} == codes


def test_what_was_read_is_not_parsed_again_under_other_settings(project: Path) -> None:
    (project / "tasks.py").write_text(HARMLESS)
    assert by_command_line(project) == []

    modules = imported(project, "--target-fastapi", "0.100")

    assert "fastapi_bgtask_lint.judging" in modules
    assert "libcst._nodes" not in modules


def test_what_was_read_is_known_by_its_content(project: Path) -> None:
    (project / "work.py").write_text((project / "tasks.py").read_text())
    (project / "app.py").write_text(APP.replace("from tasks", "from work"))

    assert by_command_line(project) == [Found("work.py", 5, 5, "BGT301")]
    assert tool(project).out == tool(project, "--no-cache").out


def entry(project: Path) -> Path:
    """The file of the cache."""
    (found,) = (project / CACHE).glob("*.bin")
    return found


def is_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def is_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def is_foreign(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))


def is_away(path: Path) -> None:
    shutil.rmtree(path.parent)


def is_under_a_file(path: Path) -> None:
    shutil.rmtree(path.parent)
    path.parent.write_text("")


DAMAGES: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "short": lambda path: path.write_bytes(path.read_bytes()[:100]),
    "noise": lambda path: path.write_bytes(os.urandom(5_000)),
    "one bit": is_foreign,
    "a folder": is_a_folder,
    "a pipe": is_a_pipe,
    "gone": is_away,
    "a file in the folder's place": is_under_a_file,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_cache_is_none(project: Path, damage: str) -> None:
    DAMAGES[damage](entry(project))

    done = tool(project)
    assert (done.status, done.error) == (1, "")
    assert by_command_line(project) == SLEEPS


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_facts_are_none(project: Path, damage: str) -> None:
    DAMAGES[damage](project / CACHE / "facts")
    (project / "app.py").write_text(f"# judged again\n{APP}")

    assert by_command_line(project) == SLEEPS
    assert by_command_line(project) == SLEEPS


def test_facts_that_are_somebody_elses_are_none(project: Path, tmp_path: Path) -> None:
    elsewhere = {"XDG_CACHE_HOME": str(tmp_path / "home")}
    shutil.rmtree(project / CACHE)
    assert tool(project, environment=elsewhere).status == 1
    foreign = (project / CACHE / "facts").read_bytes()
    shutil.rmtree(project / CACHE)
    (project / "tasks.py").write_text(HARMLESS)
    assert by_command_line(project) == []
    (project / CACHE / "facts").write_bytes(foreign)

    assert "libcst._nodes" in imported(project, "--target-fastapi", "0.100")


def test_a_cache_that_is_somebody_elses_is_none(project: Path, tmp_path: Path) -> None:
    """It was made with another secret: nobody can bring findings, or their absence, with a project."""
    elsewhere = {"XDG_CACHE_HOME": str(tmp_path / "home")}
    (project / "tasks.py").write_text(HARMLESS)
    aged(project / "tasks.py")
    assert tool(project, environment=elsewhere).status == 0
    foreign = entry(project).read_bytes()
    stamp = (project / "tasks.py").stat()
    (project / "tasks.py").write_text(BLOCKING)
    os.utime(project / "tasks.py", ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    entry(project).write_bytes(foreign)

    assert by_command_line(project) == SLEEPS


def test_nothing_is_written_through_a_link(project: Path) -> None:
    outside = project.parent / "outside"
    outside.mkdir()
    shutil.rmtree(project / CACHE)
    (project / CACHE).symlink_to(outside)

    assert by_command_line(project) == SLEEPS
    assert list(outside.iterdir()) == []


def test_a_disk_that_is_full_costs_only_time(project: Path) -> None:
    shutil.rmtree(project / CACHE)
    program = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0));"
        "from fastapi_bgtask_lint.cli import main; sys.exit(main([]))"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=project, capture_output=True, text=True, check=False, timeout=60
    )

    assert (done.returncode, done.stderr) == (1, "")
    assert "BGT301" in done.stdout
    assert [path.name for path in (project / CACHE).iterdir() if path.name != ".gitignore"] == []
    assert by_command_line(project) == SLEEPS


def test_many_runs_at_once(project: Path) -> None:
    shutil.rmtree(project / CACHE)
    runs = [
        subprocess.Popen([sys.executable, "-m", "fastapi_bgtask_lint"], cwd=project, stdout=subprocess.PIPE)
        for _ in range(8)
    ]

    outputs = {run.communicate(timeout=60)[0] for run in runs}

    assert len(outputs) == 1
    assert len(list((project / CACHE).iterdir())) == 3  # what is known, what was read, and the ignore file
    assert not judges(project)


def test_flake8_finds_what_the_command_line_knows(project: Path) -> None:
    assert by_flake8(project) == by_command_line(project)
    assert len(list((project / CACHE).glob("*.bin"))) == 1


def test_few_files_of_a_known_project(project: Path) -> None:
    assert by_command_line(project, "app.py") == by_command_line(project, "app.py", "--no-cache")
    assert not judges(project)
