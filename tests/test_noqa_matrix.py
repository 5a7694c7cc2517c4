"""`noqa`: what real flake8 does with a code of pyflakes, this tool does with its own, comment form by comment form."""

from __future__ import annotations

from pathlib import Path

from fastapi_bgtask_lint.noqa import FileComments
from tests.doors import APP, AWAITED, FIRST, RETURNED, SECOND, SHOP, Found, by_command_line, by_flake8, tool, write

COMMENTS = [
    "# noqa",
    "#noqa",
    "#  noqa",
    "# NOQA",
    "# NoQa: CODE",
    "# noqa:CODE",
    "# noqa: CODE",
    "# noqa:\tCODE",
    "# noqa:  CODE",
    "# noqa : CODE",
    "# noqa CODE",
    "# noqa: code",
    "# noqa: PREFIX",
    "# noqa: OTHER",
    "# noqa: OTHER,CODE",
    "# noqa: OTHER, CODE",
    "# noqa: OTHER CODE",
    "# noqa: OTHER , CODE",
    "# noqa: CODE because",
    "# noqa: because CODE",
    "# noqa: OTHER because CODE",
    "# noqa: CODEx",
    "# noqa: OTHERCODE",
    "# noqa: CODE1",
    "# noqa:",
    "# noqa;CODE",
    "# noqa: OTHER  # noqa: CODE",
    "# noqa: CODE  # noqa: OTHER",
    "# text # noqa: CODE",
    "# noqa-CODE",
    "# noqa:CODE:OTHER",
    "# noqas",
    "# flake8: noqa",
    "# flake8: noqa: CODE",
    "; '# noqa: CODE'",
    "; '# noqa: OTHER'",
    "# noqa:\N{NO-BREAK SPACE}CODE",
    "# noqa: OTHER\N{NO-BREAK SPACE}CODE",
    "# ruff: noqa: CODE",
    "# type: ignore  # noqa: CODE",
]

WHOLE_FILE = [
    "# flake8: noqa",
    "#flake8: noqa",
    "#  flake8: noqa",
    "# flake8:noqa",
    "# flake8=noqa",
    "# FLAKE8: NOQA",
    "    # flake8: noqa",
    "# flake8: noqa: CODE",
    "# flake8: noqa: OTHER",
    "# flake8: noqa because",
    "x = 1  # flake8: noqa",
    "'''\n# flake8: noqa\n'''",
    "# flake8 : noqa",
    "# text # flake8: noqa",
]

LAYOUTS = [
    "{statement}  # noqa: CODE\n",
    "{statement}; \\\n    x = 1  # noqa: CODE\n",
    "x = 1; \\\n    {statement}  # noqa: OTHER\n",
    "{statement}; x = '''\n# noqa: CODE\n'''\n",
    "x = '''\n# noqa: CODE\n'''; {statement}\n",
    "{statement}; f(  # a\n    1,  # noqa: CODE\n)\n",
    "f(  # noqa: CODE\n    1,\n); {statement}\n",
    "{statement}; x = f'''\n{{1}}\n# noqa: CODE\n'''\n",
    "x = 1  # noqa: CODE\n{statement}\n",
    "{statement}\n# noqa: CODE\n",
    "# noqa: CODE\n{statement}\n",
    "\x0c{statement}  # noqa: CODE\n",
    "{statement}  # noqa: CODE",
    "{statement}  # noqa: CODE\r\n",
    "x = '\N{LINE SEPARATOR}# noqa: CODE'; {statement}\n",
    "x = '\x1c'; {statement}  # noqa: CODE\n",
]

FORMS = [f"{{statement}}  {comment}\n" for comment in COMMENTS]
FORMS += [f"{{statement}}\n{comment}\n" for comment in WHOLE_FILE]
FORMS += [f"{comment}\n{{statement}}\n" for comment in WHOLE_FILE]
FORMS += LAYOUTS


def text(form: str, code: str, prefix: str) -> str:
    named = form.replace("OTHER", "E999").replace("CODE", code).replace("code", code.lower()).replace("PREFIX", prefix)
    return "f = print\n" + named.replace("{statement}", "import os").replace("{{", "{").replace("}}", "}")


def is_silent(content: str, code: str) -> bool:
    """What this tool's reading of comments says for the import's line."""
    comments = FileComments(content.encode("utf-8"))
    lines = content.replace("\r\n", "\n").split("\n")
    number = next(number for number, line in enumerate(lines, 1) if "import os" in line)
    comment = comments.at(number)
    return comments.leave_out_file or (comment is not None and comment.covers(code))


def test_every_form_of_comment_means_what_flake8_takes_it_for(tmp_path: Path) -> None:
    texts = {f"form_{number:03}.py": text(form, "F401", "F4") for number, form in enumerate(FORMS)}
    write(tmp_path, texts)
    reported = {found.path for found in by_flake8(tmp_path, "--isolated", "--select", "F401", ".")}
    assert reported, "flake8 reported nothing: the matrix shows nothing"
    assert reported != set(texts), "flake8 silenced nothing: the matrix shows nothing"
    differing = {
        FORMS[number]: name in reported
        for number, (name, content) in enumerate(texts.items())
        if is_silent(content, "F401") == (name in reported)
    }
    assert differing == {}


def test_a_file_in_another_encoding(tmp_path: Path) -> None:
    content = "# coding: latin-1\nx = '\xe4'; import os  # noqa: F401\n".encode("latin-1")
    write(tmp_path, {"a.py": content, "b.py": b"\xef\xbb\xbfimport os  # noqa: F401\n", "c.py": b"import os\n"})
    assert [found.path for found in by_flake8(tmp_path, "--isolated", "--select", "F401", ".")] == ["c.py"]
    for name in ("a.py", "b.py"):
        comment = FileComments((tmp_path / name).read_bytes()).at(2 if name == "a.py" else 1)
        assert comment is not None
        assert comment.covers("F401")


def both_doors(folder: Path, *paths: str) -> list[Found]:
    """What the command line finds; flake8 must find the same."""
    found = by_command_line(folder, *paths)
    assert by_flake8(folder, "--isolated", "--select", "BGT", *paths) == sorted(found)
    return found


def test_every_form_of_comment_through_both_doors(tmp_path: Path) -> None:
    files = {"pyproject.toml": ""}
    for number, form in enumerate(COMMENTS):
        comment = form.replace("OTHER", "E999").replace("CODE", "BGT506").replace("code", "bgt506")
        line = f"    await tasks.add_task(note)  {comment.replace('PREFIX', 'BGT5')}\n"
        files[f"form_{number:02}.py"] = APP.replace("    await tasks.add_task(note)\n", line)
    write(tmp_path, files)
    found = both_doors(tmp_path, ".")
    assert 0 < len(found) < len(COMMENTS)


def test_a_comment_with_codes_on_the_def_covers_the_function(tmp_path: Path) -> None:
    for comment, left in (
        ("# noqa: BGT506", []),
        ("# noqa: BGT5", []),
        ("# noqa: BGT1", [AWAITED]),
        ("# noqa", [AWAITED]),
    ):
        content = APP.replace("-> None:\n    await", f"-> None:  {comment}\n    await")
        assert comment in content
        write(tmp_path, {"pyproject.toml": "", "app.py": content})
        assert both_doors(tmp_path, ".") == left, comment


def test_a_comment_with_codes_on_a_decorator_covers_the_function(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": "", "app.py": APP.replace('@app.get("/")', '@app.get("/")  # noqa: BGT506')})
    assert both_doors(tmp_path, ".") == []


def test_a_file_that_is_left_out(tmp_path: Path) -> None:
    for comment in ("# flake8: noqa", "# flake8: noqa: E501"):
        write(tmp_path, {"pyproject.toml": "", "app.py": f"{comment}\n{APP}"})
        assert both_doors(tmp_path, ".") == []


def silenced(lines: tuple[int, ...]) -> str:
    rows = SHOP["shop/main.py"].split("\n")
    return "\n".join(f"{row}  # noqa: BGT101" if number in lines else row for number, row in enumerate(rows, 1))


def test_a_comment_at_one_of_two_registrations_takes_only_that_away(tmp_path: Path) -> None:
    write(tmp_path, {**SHOP, "shop/main.py": silenced((10,))})
    assert both_doors(tmp_path, ".") == [RETURNED]
    assert both_doors(tmp_path, "shop/main.py") == [SECOND]


def test_comments_at_all_registrations_silence_the_finding(tmp_path: Path) -> None:
    write(tmp_path, {**SHOP, "shop/main.py": silenced((10, 15))})
    assert both_doors(tmp_path, ".") == []


def test_disable_noqa_reaches_both_doors(tmp_path: Path) -> None:
    write(tmp_path, {**SHOP, "shop/main.py": silenced((10, 15))})
    assert by_command_line(tmp_path, "--disable-noqa", ".") == [RETURNED]
    assert by_flake8(tmp_path, "--isolated", "--select", "BGT", "--disable-noqa", ".") == [RETURNED]


def test_what_is_suppressed_is_counted_and_can_be_shown(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": "", "app.py": APP.replace("(note)", "(note)  # noqa: BGT506")})
    done = tool(tmp_path, "--show-suppressed", "--output-format", "concise")
    assert done.status == 0
    assert "app.py:12:11: BGT506" in done.out
    assert "1 suppressed" in done.out


def test_placement_without_comments(tmp_path: Path) -> None:
    write(tmp_path, SHOP)
    assert both_doors(tmp_path, ".") == [RETURNED]
    assert both_doors(tmp_path, "shop/tasks.py") == [RETURNED]
    assert both_doors(tmp_path, "shop/main.py") == [FIRST]
