"""The command line: what it prints, and with which exit status it ends."""

from __future__ import annotations

import json
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fastapi_bgtask_lint import __version__, lint_text
from tests.doors import APP, AWAITED, FIRST, RETURNED, SHOP, by_command_line, document, tool, write

ESCAPE = re.compile(r"\x1b\[")


@pytest.fixture
def app(tmp_path: Path) -> Path:
    return write(tmp_path, {"pyproject.toml": "", "app.py": APP})


def test_nothing_found(tmp_path: Path) -> None:
    done = tool(write(tmp_path, {"app.py": "x = 1\n"}))
    assert (done.status, done.out, done.error) == (0, "No findings in 1 file.\n", "")


def test_text_shows_source_and_carets(app: Path) -> None:
    done = tool(app)
    assert done.status == 1
    lines = done.out.splitlines()
    assert lines[0].startswith("app.py:12:11: error BGT506 [add-task-awaited] ")
    assert lines[1:4] == [
        "   |",
        "12 |     await tasks.add_task(note)",
        "   |           ^^^^^^^^^^^^^^^^^^^^",
    ]
    assert lines[-1] == "1 finding in 1 file: 1 error, 0 warnings."


def test_text_shows_related_places(tmp_path: Path) -> None:
    done = tool(write(tmp_path, SHOP))
    assert "= shop/main.py:10:5: registered here" in done.out
    assert "= shop/main.py:15:5: registered here" in done.out
    assert done.out.count("     tasks.add_task(answer)") == 2


def test_carets_stand_under_wide_characters_and_tabs(tmp_path: Path) -> None:
    content = APP.replace(
        "    await tasks.add_task(note)", "\tx = '\N{CJK UNIFIED IDEOGRAPH-6F22}\u0301\x07'; await tasks.add_task(note)"
    )
    lines = tool(write(tmp_path, {"app.py": content})).out.splitlines()
    assert (
        lines[2]
        == "12 |     x = '\N{CJK UNIFIED IDEOGRAPH-6F22}\u0301\N{REPLACEMENT CHARACTER}'; await tasks.add_task(note)"
    )
    assert lines[3] == "   |" + " " * (1 + 4 + 5 + 2 + 1 + 3 + 6) + "^" * 20


def test_a_very_long_line_is_cut_round_the_place(tmp_path: Path) -> None:
    content = APP.replace(
        "    await tasks.add_task(note)", f"    x = '{'a' * 5000}'; await tasks.add_task(note); y = '{'b' * 5000}'"
    )
    lines = tool(write(tmp_path, {"app.py": content})).out.splitlines()
    assert max(map(len, lines[1:])) < 200
    assert lines[3].strip(" |") == "^" * 20
    assert lines[2][lines[3].index("^") :].startswith("tasks.add_task(note)")


def test_concise(app: Path) -> None:
    done = tool(app, "--output-format", "concise", "--quiet")
    assert done.status == 1
    assert re.fullmatch(r"app\.py:12:11: BGT506 [^\n]+\n", done.out)


def test_json(tmp_path: Path) -> None:
    found = document(write(tmp_path, SHOP))
    assert set(found) == {"version", "findings", "summary"}
    assert found["version"] == 1
    assert found["summary"] == {
        "files": 3, "findings": 1, "errors": 1, "warnings": 0, "suppressed": 0, "problems": 0,
    }  # fmt: skip
    (finding,) = found["findings"]
    message = finding.pop("message")
    assert "response" in message
    assert finding == {
        "code": "BGT101",
        "name": "task-returns-response",
        "severity": "error",
        "path": "shop/tasks.py",
        "line": 5,
        "column": 5,
        "end_line": 5,
        "end_column": 22,
        "related": [
            {"path": "shop/main.py", "line": 10, "column": 5, "message": "registered here"},
            {"path": "shop/main.py", "line": 15, "column": 5, "message": "registered here"},
        ],
    }


def test_columns_count_code_points_and_no_byte_order_mark(tmp_path: Path) -> None:
    content = APP.replace("    await", "    x = '\N{GRINNING FACE}'; await")
    write(tmp_path, {"app.py": b"\xef\xbb\xbf" + content.replace("\n", "\r\n").encode()})
    assert by_command_line(tmp_path) == [AWAITED._replace(column=AWAITED.column + len("x = '.'; "))]


def test_paths_are_relative_to_the_working_directory(tmp_path: Path) -> None:
    write(tmp_path, {**SHOP, "other/README": ""})
    assert [one.path for one in by_command_line(tmp_path / "other", "..")] == ["../shop/tasks.py"]
    assert [one.path for one in by_command_line(tmp_path / "shop", ".")] == ["tasks.py"]


def test_placement_follows_the_given_paths(tmp_path: Path) -> None:
    write(tmp_path, SHOP)
    found = document(tmp_path, "shop/main.py")["findings"]
    assert [(one["path"], one["line"], one["column"]) for one in found] == [FIRST[:3]]
    assert ("shop/tasks.py", 5) in {(one["path"], one["line"]) for one in found[0]["related"]}
    assert by_command_line(tmp_path, "shop/main.py", "shop/tasks.py") == [RETURNED]
    assert by_command_line(tmp_path, "shop/tasks.py", "shop/main.py", ".") == [RETURNED]
    assert by_command_line(tmp_path, "shop/__init__.py") == []


def test_standard_input_without_a_name(tmp_path: Path) -> None:
    write(tmp_path, SHOP)
    assert by_command_line(tmp_path, "-", stdin=APP.encode()) == [AWAITED._replace(path="-")]
    done = tool(tmp_path, "-", stdin=APP.encode())
    assert "12 |     await tasks.add_task(note)" in done.out
    assert by_command_line(tmp_path, "-", stdin=HANDLER_BYTES) == []


HANDLER_BYTES = SHOP["shop/main.py"].encode()


def test_standard_input_takes_a_files_place(tmp_path: Path) -> None:
    write(tmp_path, {**SHOP, "shop/main.py": "", "shop/new/__init__.py": ""})
    assert by_command_line(tmp_path, ".") == []
    assert by_command_line(tmp_path, "-", "--stdin-filename", "shop/main.py", stdin=HANDLER_BYTES) == [FIRST]
    found = by_command_line(tmp_path, "-", "--stdin-filename", "shop/not_yet.py", stdin=HANDLER_BYTES)
    assert found == [FIRST._replace(path="shop/not_yet.py")]
    assert by_command_line(tmp_path, "-", ".", "--stdin-filename", "shop/main.py", stdin=HANDLER_BYTES) == [RETURNED]


def test_standard_input_name_without_standard_input(app: Path) -> None:
    done = tool(app, "--stdin-filename", "app.py")
    assert done.status == 2
    assert '"-"' in done.error


@pytest.mark.parametrize(
    ("arguments", "codes"),
    [
        (["--select", "BGT5"], ["BGT506"]),
        (["--select", "BGT1,BGT2"], []),
        (["--ignore", "BGT506"], []),
        (["--ignore", "BGT1", "--ignore", "BGT2"], ["BGT506"]),
        (["--select", "BGT1", "--extend-select", "BGT506"], ["BGT506"]),
    ],
)
def test_selection(app: Path, arguments: list[str], codes: list[str]) -> None:
    assert [one.code for one in by_command_line(app, *arguments)] == codes


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--select", "BGT999"], ["--select", "BGT999"]),
        (["--ignore", "E501"], ["--ignore", "E501"]),
        (["--target-fastapi", "latest"], ["--target-fastapi", "latest"]),
        (["--explain", "BGT518"], ["BGT518", "did you mean"]),
        (["--unknown"], ["--unknown"]),
        (["--output-format", "xml"], ["xml"]),
    ],
)
def test_usage_errors(app: Path, arguments: list[str], words: list[str]) -> None:
    done = tool(app, *arguments)
    assert done.status == 2
    assert done.out == ""
    assert "Traceback" not in done.error
    for word in words:
        assert word in done.error


def test_exit_zero(app: Path) -> None:
    assert tool(app, "--exit-zero").status == 0
    assert tool(app, "--exit-zero", "missing.py").status == 2


def test_statistics_and_quiet(app: Path) -> None:
    assert "    1  BGT506  add-task-awaited\n" in tool(app, "--statistics").out
    assert "finding in" not in tool(app, "--quiet").out
    counted = document(app, "--statistics", "--no-cache")
    assert counted["statistics"] == [{"count": 1, "code": "BGT506", "name": "add-task-awaited"}]


def test_version_is_quick_because_it_loads_no_parser(tmp_path: Path) -> None:
    assert tool(tmp_path, "--version").out == f"fastapi-bgtask-lint {__version__}\n"
    program = "import sys, fastapi_bgtask_lint.findings, fastapi_bgtask_lint.settings, fastapi_bgtask_lint.cli as cli\n"
    program += "try:\n    cli.main(['--version'])\nexcept SystemExit:\n    print('libcst' in sys.modules)\n"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"


def test_rules_are_listed_and_explained(tmp_path: Path) -> None:
    listing = tool(tmp_path, "--list-rules")
    assert listing.status == 0
    assert re.search(r"^BGT506 +add-task-awaited +error +on +\S", listing.out, re.MULTILINE)
    explanation = tool(tmp_path, "--explain", "BGT506")
    assert explanation.status == 0
    assert explanation.out.startswith("BGT506 add-task-awaited (error, on)\n")
    assert "## Good" in explanation.out


def test_settings_are_shown(tmp_path: Path) -> None:
    lines = 'ignore = ["BGT101"]\nper-file-ignores = { "app.py" = ["BGT5"] }\n'
    write(tmp_path, {"app.py": APP, "pyproject.toml": f"[tool.fastapi-bgtask-lint]\n{lines}"})
    done = tool(tmp_path, "--show-settings", "app.py")
    assert done.status == 0
    assert str(tmp_path / "pyproject.toml") in done.out
    assert 'ignore = ["BGT101"]' in done.out
    on = next(line for line in done.out.splitlines() if line.startswith("on for"))
    assert "BGT403" in on
    assert "BGT101" not in on
    assert "BGT506" not in on


def test_colours(app: Path) -> None:
    assert not ESCAPE.search(tool(app).out)
    assert ESCAPE.search(tool(app, environment={"FORCE_COLOR": "1"}).out)
    assert not ESCAPE.search(tool(app, environment={"FORCE_COLOR": "1", "NO_COLOR": "1"}).out)


def on_a_terminal(folder: Path, *arguments: str) -> str:
    """What the command writes when all its streams are a terminal."""
    command = [sys.executable, "-m", "fastapi_bgtask_lint", *arguments]
    program = (
        f"import os, pty, sys; os.chdir({str(folder)!r}); sys.exit(os.waitstatus_to_exitcode(pty.spawn({command!r})))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False, stdin=subprocess.DEVNULL)
    return done.stdout.decode()


@pytest.mark.skipif(not hasattr(pty, "spawn"), reason="there are no terminals here")
def test_a_terminal_gets_colours_and_progress(app: Path) -> None:
    written = on_a_terminal(app)
    assert "\x1b[1;31merror BGT506\x1b[0m" in written
    assert "judging 1 files" in written
    assert "\x1b[K" in written


def test_a_reader_that_goes_away(app: Path) -> None:
    command = f"{sys.executable} -m fastapi_bgtask_lint --list-rules --no-cache | true"
    done = subprocess.run(command, shell=True, cwd=app, capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_two_runs_give_the_same_bytes(tmp_path: Path) -> None:
    write(tmp_path, {**SHOP, "app.py": APP})
    outs = {
        tool(tmp_path, "--output-format", "json", *paths).out
        for paths in ([], ["."], ["shop", "app.py"], ["app.py", "shop"])
    }
    assert len(outs) == 1


def test_the_public_api(tmp_path: Path) -> None:
    (finding,) = lint_text(APP).findings
    assert (finding.code, finding.place.line, str(finding.place.path)) == ("BGT506", 12, "-")
    write(tmp_path, {**SHOP, "shop/main.py": ""})
    (finding,) = lint_text(SHOP["shop/main.py"], tmp_path / "shop" / "main.py").findings
    assert finding.place.path == tmp_path / "shop" / "main.py"
    assert json.dumps(finding.code) == '"BGT101"'
