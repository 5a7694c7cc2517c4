"""The flake8 plugin: real flake8, and the command line beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.doors import APP, AWAITED, FIRST, RETURNED, SHOP, by_command_line, by_flake8, flake8, write

ISOLATED = ("--isolated", "--select", "BGT")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return write(tmp_path, {**SHOP, "app.py": APP})


def test_flake8_knows_the_plugin(tmp_path: Path) -> None:
    assert "fastapi-bgtask-lint" in flake8(tmp_path, "--version").out


@pytest.mark.parametrize("jobs", ["1", "2", "4"])
def test_any_number_of_workers_says_the_same(shop: Path, jobs: str) -> None:
    assert by_flake8(shop, *ISOLATED, "-j", jobs, ".") == [AWAITED, RETURNED]


def test_findings_stand_in_the_files_that_were_given(shop: Path) -> None:
    for paths in (["shop/main.py"], ["shop"], ["shop/tasks.py"], ["shop/main.py", "app.py"], []):
        assert by_flake8(shop, *ISOLATED, *paths) == sorted(by_command_line(shop, *paths)), paths


def test_standard_input(shop: Path) -> None:
    write(shop, {"shop/main.py": ""})
    data = SHOP["shop/main.py"].encode()
    named = ("--stdin-display-name", "shop/main.py")
    assert by_flake8(shop, *ISOLATED, *named, "-", stdin=data) == [FIRST]
    assert by_flake8(shop, *ISOLATED, "-", stdin=data) == []
    assert by_flake8(shop, *ISOLATED, "-", stdin=APP.encode()) == [AWAITED._replace(path="stdin")]


def test_standard_input_in_another_encoding(tmp_path: Path) -> None:
    content = ("# coding: latin-1\n" + APP.replace("    await", "    x = '\xe4'; await")).encode("latin-1")
    found = by_flake8(tmp_path, *ISOLATED, "-", stdin=content)
    assert found == [AWAITED._replace(path="stdin", line=13, column=20)]


@pytest.mark.parametrize(
    ("options", "count"),
    [
        (["--bgtask-select", "BGT5"], 1),
        (["--bgtask-select", "BGT1"], 0),
        (["--bgtask-ignore", "BGT506"], 0),
        (["--bgtask-select", "BGT1", "--bgtask-extend-select", "BGT506,BGT501"], 1),
        (["--bgtask-pedantic", "--bgtask-target-fastapi", "0.118"], 1),
    ],
)
def test_options(tmp_path: Path, options: list[str], count: int) -> None:
    write(tmp_path, {"app.py": APP})
    assert len(by_flake8(tmp_path, *ISOLATED, *options, ".")) == count


def test_options_in_flake8s_own_configuration(tmp_path: Path) -> None:
    write(tmp_path, {"app.py": APP, "setup.cfg": "[flake8]\nselect = BGT\nbgtask-ignore = BGT506\n"})
    assert by_flake8(tmp_path, ".") == []
    write(tmp_path, {"setup.cfg": "[flake8]\nselect = BGT\nignore = E501\n"})
    assert by_flake8(tmp_path, ".") == [AWAITED]


def test_plugins_are_on_without_being_selected(tmp_path: Path) -> None:
    write(tmp_path, {"app.py": APP})
    assert AWAITED in by_flake8(tmp_path, "--isolated", ".")


def test_a_wrong_option_is_said_to_be_wrong(tmp_path: Path) -> None:
    write(tmp_path, {"app.py": APP})
    done = flake8(tmp_path, *ISOLATED, "--bgtask-select", "BGT599", ".")
    assert done.status == 1
    assert '--bgtask-select: unknown code "BGT599"' in done.out


def test_a_file_that_python_refuses_spoils_nothing(tmp_path: Path) -> None:
    write(tmp_path, {"app.py": APP, "broken.py": "from fastapi import BackgroundTasks\ndef (:\n"})
    assert by_flake8(tmp_path, *ISOLATED, ".") == [AWAITED]
