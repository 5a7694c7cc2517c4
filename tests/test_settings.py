"""The table and the options: what they mean, and what is said when they mean nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fastapi_bgtask_lint.settings import BrokenFile, PathFilter, Settings, SettingsError, is_on, load, with_options
from tests.doors import APP, AWAITED, by_command_line, by_flake8, flake8, tool, write

CODES = {"BGT001": False, "BGT101": False, "BGT403": False, "BGT406": True, "BGT501": False, "BGT506": False}


def table(folder: Path, text: str) -> Settings:
    write(folder, {"pyproject.toml": f"[tool.fastapi-bgtask-lint]\n{text}\n"})
    return load(folder, CODES)


def test_without_a_table_the_defaults_hold(tmp_path: Path) -> None:
    assert load(tmp_path, CODES) == Settings()


def test_every_key(tmp_path: Path) -> None:
    settings = table(
        tmp_path,
        """
        select = ["BGT5", "BGT101"]
        ignore = ["BGT506"]
        extend-select = ["BGT406"]
        pedantic = true
        exclude = ["legacy/"]
        per-file-ignores = { "tests/*.py" = ["BGT1"] }
        target-fastapi = ">=0.118"
        src = ["source"]
        session-types = ["shop.db.Session"]
        safe-providers = ["shop.db.factory"]
        offloaders = ["shop.run"]
        error-handlers = ["shop.guarded"]
        deadlines = ["shop.limited"]
        blocking-calls = ["shop.client.send"]
        waits = { "shop.client.fetch" = "timeout" }
        """,
    )
    assert settings == Settings(
        select=("BGT5", "BGT101"),
        ignore=("BGT506",),
        extend_select=("BGT406",),
        pedantic=True,
        exclude=("legacy/",),
        per_file_ignores={"tests/*.py": ("BGT1",)},
        target_fastapi=">=0.118",
        src=(tmp_path / "source",),
        session_types=("shop.db.Session",),
        safe_providers=("shop.db.factory",),
        offloaders=("shop.run",),
        error_handlers=("shop.guarded",),
        deadlines=("shop.limited",),
        blocking_calls=("shop.client.send",),
        waits={"shop.client.fetch": "timeout"},
        root=tmp_path,
    )


def test_the_nearest_table_upward_counts(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    write(tmp_path, {"a/pyproject.toml": "[project]\nname = 'a'\n"})
    table(tmp_path, "pedantic = true")
    settings = load(inner, CODES)
    assert settings.pedantic
    assert settings.root == tmp_path


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ('selekt = ["BGT5"]', ["selekt", 'did you mean "select"']),
        ("per_file_ignores = {}", ["per_file_ignores", 'did you mean "per-file-ignores"']),
        ('select = ["BGT502"]', ["select", "BGT502", "did you mean"]),
        ('select = ["E501"]', ["select", "E501"]),
        ('select = ["BGT"]\nignore = ["bgt501"]', ["ignore", "bgt501", 'did you mean "BGT501"']),
        ('select = "BGT5"', ["select", "a list of strings, not a string"]),
        ("select = [5]", ["select", "a number"]),
        ("pedantic = 1", ["pedantic", "true or false"]),
        ("target-fastapi = 0.118", ["target-fastapi", "a string"]),
        ('target-fastapi = "new"', ["target-fastapi", '"new"']),
        ('session-types = ["shop.db:Session"]', ["session-types", "shop.db:Session"]),
        ('waits = ["shop.wait"]', ["waits", "a table"]),
        ('waits = { "shop.wait" = 5 }', ["waits", "shop.wait", "timeout argument"]),
        ('per-file-ignores = { "a.py" = ["BGT599"] }', ["per-file-ignores", "a.py", "BGT599"]),
        ('per-file-ignores = { "a.py" = "BGT5" }', ["per-file-ignores", "a.py", "a list of strings"]),
    ],
)
def test_what_has_no_meaning_is_an_error_that_names_it(tmp_path: Path, text: str, parts: list[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        table(tmp_path, text)
    for part in (str(tmp_path / "pyproject.toml"), *parts):
        assert part in str(caught.value)


def test_a_table_that_is_none(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": "[tool]\nfastapi-bgtask-lint = 5\n"})
    with pytest.raises(SettingsError, match="must be a table"):
        load(tmp_path, CODES)


@pytest.mark.parametrize("content", [b"[tool", b"\xff\xfe", b"a = " + b"[" * 5000])
def test_a_file_that_is_no_toml(tmp_path: Path, content: bytes) -> None:
    write(tmp_path, {"pyproject.toml": content})
    with pytest.raises(BrokenFile, match=re.escape(str(tmp_path / "pyproject.toml"))):
        load(tmp_path, CODES)


@pytest.mark.parametrize(
    ("settings", "on"),
    [
        (Settings(), {"BGT001", "BGT101", "BGT403", "BGT501", "BGT506"}),
        (Settings(pedantic=True), set(CODES)),
        (Settings(select=("BGT5",)), {"BGT001", "BGT501", "BGT506"}),
        (Settings(select=("BGT5",), ignore=("BGT506",)), {"BGT001", "BGT501"}),
        (Settings(select=("BGT506",), ignore=("BGT5",)), {"BGT001", "BGT506"}),
        (Settings(select=("BGT4",)), {"BGT001", "BGT403"}),
        (Settings(select=("BGT406",)), {"BGT001", "BGT406"}),
        (Settings(select=("BGT4",), pedantic=True), {"BGT001", "BGT403", "BGT406"}),
        (Settings(select=("BGT101",), extend_select=("BGT406",)), {"BGT001", "BGT101", "BGT406"}),
        (Settings(extend_select=("BGT406",), ignore=("BGT",)), {"BGT001", "BGT406"}),
        (Settings(ignore=("BGT0", "BGT101")), {"BGT001", "BGT403", "BGT501", "BGT506"}),
        (Settings(ignore=("BGT001",)), {"BGT101", "BGT403", "BGT501", "BGT506"}),
        (Settings(select=("BGT501",), ignore=("BGT501",)), {"BGT001"}),
    ],
)
def test_which_rules_are_on(settings: Settings, on: set[str]) -> None:
    assert {code for code in CODES if is_on(code, settings, CODES)} == on


def test_options_lie_over_the_table(tmp_path: Path) -> None:
    settings = table(tmp_path, 'select = ["BGT5"]\nextend-select = ["BGT406"]\nignore = ["BGT501"]')
    both = with_options(settings, CODES, select=["BGT1"], extend_select=["BGT403"], target_fastapi="0.118")
    assert both.select == ("BGT1",)
    assert both.extend_select == ("BGT406", "BGT403")
    assert both.ignore == ("BGT501",)
    assert both.target_fastapi == "0.118"
    assert with_options(settings, CODES, pedantic=True).pedantic


def test_globs_are_relative_to_the_table(tmp_path: Path) -> None:
    settings = table(tmp_path, 'exclude = ["/old", "*_pb2.py"]\nper-file-ignores = { "tests/" = ["BGT4"] }')
    globs = PathFilter(settings)
    assert globs.excludes(tmp_path / "old" / "a.py")
    assert globs.excludes(tmp_path / "new" / "a_pb2.py")
    assert not globs.excludes(tmp_path / "new" / "old" / "a.py")
    assert not globs.excludes(tmp_path.parent / "old" / "a.py")
    assert globs.ignores(tmp_path / "tests" / "a.py", "BGT403")
    assert not globs.ignores(tmp_path / "tests" / "a.py", "BGT501")
    assert not globs.ignores(tmp_path / "a.py", "BGT403")


def test_one_table_serves_both_doors(tmp_path: Path) -> None:
    files = {"a.py": APP, "old/a.py": APP, "tests/a.py": APP}
    lines = 'exclude = ["old"]\nper-file-ignores = { "tests/*" = ["BGT506"] }\n'
    write(tmp_path, {**files, "pyproject.toml": f"[tool.fastapi-bgtask-lint]\n{lines}"})
    found = by_command_line(tmp_path, ".")
    assert found == [AWAITED._replace(path="a.py")]
    assert by_flake8(tmp_path, "--isolated", "--select", "BGT", ".") == found


def test_a_wrong_table_is_a_usage_error_at_both_doors(tmp_path: Path) -> None:
    write(tmp_path, {"app.py": APP, "pyproject.toml": '[tool.fastapi-bgtask-lint]\nselekt = ["BGT5"]\n'})
    done = tool(tmp_path)
    assert done.status == 2
    assert 'selekt: unknown key, did you mean "select"?' in done.error
    done = flake8(tmp_path, "--isolated", "--select", "BGT", ".")
    assert done.status == 1
    assert 'selekt: unknown key, did you mean "select"?' in done.out
