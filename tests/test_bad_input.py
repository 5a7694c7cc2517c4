"""Bad input: a clear message that names it, the right exit status, and everything else is still checked."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.doors import APP, AWAITED, Done, by_command_line, tool, write

MENTION = b"# BackgroundTasks\n"


@pytest.fixture
def app(tmp_path: Path) -> Path:
    return write(tmp_path, {"pyproject.toml": "", "app.py": APP})


def failed_but_checked(done: Done, *words: str) -> None:
    """The run names what it could not do, and shows the one finding of the rest."""
    assert done.status == 2, done
    assert "app.py:12:11: BGT506" in done.out
    assert "Traceback" not in done.error
    for word in words:
        assert word in done.error


def concise(folder: Path, *arguments: str) -> Done:
    return tool(folder, "--output-format", "concise", *arguments)


def test_a_missing_path(app: Path) -> None:
    failed_but_checked(concise(app, "app.py", "missing.py"), "missing.py: no such file or directory")


def test_a_folder_without_python_files(app: Path) -> None:
    (app / "empty").mkdir()
    done = tool(app, "empty")
    assert (done.status, done.out) == (0, "No findings in 0 files.\n")
    assert f"no Python files in {app / 'empty'}" in done.error
    assert concise(app, "empty", "app.py").status == 1


@pytest.mark.parametrize("paths", [["."], ["app.py", "link.py"]])
def test_a_dangling_link(app: Path, paths: list[str]) -> None:
    (app / "link.py").symlink_to(app / "nowhere.py")
    failed_but_checked(concise(app, *paths), "link.py: ")


@pytest.mark.parametrize("paths", [["."], ["app.py", "link.py"]])
def test_a_circular_link(app: Path, paths: list[str]) -> None:
    (app / "link.py").symlink_to(app / "link.py")
    failed_but_checked(concise(app, *paths), "link.py: ", "symbolic links")


def test_a_circular_link_to_a_folder(app: Path) -> None:
    (app / "loop").symlink_to(app)
    assert by_command_line(app, ".") == [AWAITED]


def test_trouble_outside_the_given_paths_is_none_of_theirs(app: Path) -> None:
    (app / "link.py").symlink_to(app / "nowhere.py")
    assert concise(app, "app.py").status == 1


def without_rights(arguments: list[str]) -> list[str]:
    """A command that cannot read what its user may not read: root must give up the right to read everything."""
    if os.geteuid() != 0:
        return arguments
    if shutil.which("setpriv") is None:
        pytest.skip("root can read everything, and there is no setpriv")
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *arguments]


@pytest.mark.skipif(sys.platform == "win32", reason="other rights")
@pytest.mark.parametrize("name", ["closed.py", "closed"])
def test_a_file_or_folder_that_may_not_be_read(app: Path, name: str) -> None:
    closed = app / name
    if name.endswith(".py"):
        closed.write_bytes(MENTION)
    else:
        closed.mkdir()
    closed.chmod(0)
    command = without_rights([sys.executable, "-m", "fastapi_bgtask_lint", "--output-format", "concise", "."])
    done = subprocess.run(command, cwd=app, capture_output=True, text=True, check=False)
    closed.chmod(0o755)
    failed_but_checked(Done(done.returncode, done.stdout, done.stderr), f"{name}: permission denied")


def test_what_is_no_regular_file(app: Path) -> None:
    os.mkfifo(app / "pipe.py")
    failed_but_checked(concise(app, "."), "pipe.py: is not a regular file")
    failed_but_checked(concise(app, "app.py", "pipe.py"), "pipe.py: is not a regular file")


def test_a_socket_is_left_alone(app: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        try:
            server.bind(str(app / "s.py"))
        except OSError:
            pytest.skip("the path is too long for a socket")
        failed_but_checked(concise(app, "."), "s.py: is not a regular file")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(MENTION + bytes(range(256)) * 20, id="binary"),
        pytest.param(MENTION + b"\x00", id="null byte"),
        pytest.param("x = 1  # BackgroundTasks".encode("utf-16"), id="UTF-16 with the name hidden"),
        pytest.param(MENTION + b"x = '\xff'\n", id="not UTF-8"),
        pytest.param(b"# coding: no-such\n" + MENTION, id="unknown encoding"),
        pytest.param(MENTION + b"def (:\n", id="syntax"),
        pytest.param(MENTION + b"(" * 10_000, id="brackets"),
    ],
)
def test_a_file_that_is_no_python(app: Path, content: bytes) -> None:
    (app / "odd.py").write_bytes(content)
    done = concise(app, ".")
    assert done.status == 1, done
    assert "app.py:12:11: BGT506" in done.out
    assert ("odd.py:" in done.out) == (MENTION.strip() in content)
    assert "BGT001" in done.out or MENTION.strip() not in content
    assert done.error == ""


def test_an_unreadable_file_is_silent_only_by_its_full_code(app: Path) -> None:
    (app / "odd.py").write_bytes(MENTION + b"def (:\n")
    assert "BGT001" in concise(app, "--select", "BGT5").out
    assert "BGT001" in concise(app, "--ignore", "BGT0").out
    assert "BGT001" not in concise(app, "--ignore", "BGT001").out


def test_an_empty_file(app: Path) -> None:
    (app / "empty.py").write_bytes(b"")
    assert by_command_line(app, ".") == [AWAITED]
    assert by_command_line(app, "empty.py") == []
    assert by_command_line(app, "-", stdin=b"") == []


def test_a_line_of_ten_megabytes(app: Path) -> None:
    (app / "long.py").write_bytes(b"x = '" + b"a" * 10_000_000 + b"'\n" + MENTION)
    assert by_command_line(app, ".") == [AWAITED]
    (app / "long.py").write_bytes(APP.replace("await", f"x = '{'a' * 10_000_000}'; await").encode())
    done = tool(app, "long.py")
    assert done.status == 1
    assert max(map(len, done.out.splitlines())) < 400


@pytest.mark.parametrize("content", [b"[tool", b"\xff\xfe", b"\x00"])
def test_a_broken_pyproject(app: Path, content: bytes) -> None:
    (app / "pyproject.toml").write_bytes(content)
    failed_but_checked(concise(app, "."), str(app / "pyproject.toml"))


def test_names_that_are_no_text(app: Path) -> None:
    try:
        Path(os.fsdecode(os.fsencode(app) + b"/od\xffd\n\x1b[31m.py")).write_bytes(APP.encode())
    except OSError:
        pytest.skip("this file system takes no such names")
    for form in ("text", "concise", "json"):
        done = tool(app, "--output-format", form)
        assert done.status == 1, done
        assert "\x1b" not in done.out


def test_a_deleted_working_folder_is_no_traceback(tmp_path: Path) -> None:
    program = "import os, sys; d = sys.argv[1]; os.mkdir(d); os.chdir(d); os.rmdir(d); "
    program += "os.execv(sys.executable, [sys.executable, '-P', '-m', 'fastapi_bgtask_lint'])"
    (tmp_path / "run.py").write_text(program, "utf-8")
    done = subprocess.run(
        [sys.executable, "run.py", str(tmp_path / "gone")], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("line", [b"# caf\xe9", b"total = 1  # caf\xe9"])
def test_a_stray_byte_that_cpython_takes_loses_nothing(tmp_path: Path, line: bytes) -> None:
    write(tmp_path, {"pyproject.toml": "", "app.py": APP})
    (tmp_path / "app.py").write_bytes((tmp_path / "app.py").read_bytes() + line + b"\n")
    done = concise(tmp_path)
    assert (done.status, done.error) == (1, "")
    assert "app.py:12:11: BGT506" in done.out


def test_a_stray_byte_that_cpython_refuses_is_named(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": "", "app.py": APP})
    (tmp_path / "other.py").write_bytes(MENTION + b"name = 'caf\xe9'\n")
    done = concise(tmp_path)
    assert (done.status, done.error) == (1, "")
    assert "other.py:2:12: BGT001" in done.out
    assert "app.py:12:11: BGT506" in done.out
