"""Every pattern of the package takes time in proportion to the text, whatever stands in the text."""

from __future__ import annotations

import importlib
import itertools
import pkgutil
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from regexploit.ast.sre import SreOpParser
from regexploit.redos import find

import fastapi_bgtask_lint
from tests.doors import APP, tool, write

_SCRIPTS = {
    "Japanese": "日本語のテキスト",
    "Chinese": "中文文本",
    "Korean": "한국어텍스트",
    "Russian": "русскийтекст",
    "Greek": "ελληνικόκείμενο",
}
_LETTERS = 100_000
_SECONDS = 10
_CHARACTERS = "a1A.,:=# \t\n\\\"'()[]{}_-é語я"


def patterns() -> Iterator[tuple[str, re.Pattern[str] | re.Pattern[bytes]]]:
    """The patterns that the package's modules compile when they are imported, by name."""
    for info in pkgutil.walk_packages(fastapi_bgtask_lint.__path__, "fastapi_bgtask_lint."):
        if "reference_app" in info.name or info.name.endswith("__main__"):
            continue
        module = importlib.import_module(info.name)
        for name, value in vars(module).items():
            if isinstance(value, re.Pattern):
                yield f"{info.name}.{name}", value


PATTERNS = dict(patterns())


def test_there_are_patterns() -> None:
    assert "fastapi_bgtask_lint.noqa._COMMENT" in PATTERNS


@pytest.mark.parametrize("name", PATTERNS)
def test_no_pattern_repeats_what_repeats(name: str) -> None:
    pattern = PATTERNS[name]
    text = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode()
    assert [str(found) for found in find(SreOpParser().parse_sre(text, pattern.flags & ~re.UNICODE))] == []


def starts(text: str) -> list[str]:
    """The words of a pattern, which bring the search to its repeated parts."""
    return ["", ".", *re.findall(r"\w{3,}", text)[:4]]


PROGRAM = """
import re, sys, time
pattern = re.compile({pattern!r}, {flags})
for text in {texts!r}:
    began = time.perf_counter()
    pattern.search(text)
    if time.perf_counter() - began > 0.2:
        sys.exit(repr(text))
"""


@pytest.mark.parametrize("name", PATTERNS)
def test_no_pattern_tries_one_text_in_many_ways(name: str) -> None:
    """An ambiguous repetition takes 2^n steps for n characters: 40 are enough to see it."""
    pattern = PATTERNS[name]
    text = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode()
    pairs = ["".join(pair) for pair in itertools.product(_CHARACTERS, repeat=2)]
    texts = [f"{start}{pair * 20}\0" for start in starts(text) for pair in pairs]
    tried = texts if isinstance(pattern.pattern, str) else [made.encode() for made in texts]
    program = PROGRAM.format(pattern=pattern.pattern, flags=int(pattern.flags), texts=tried)
    done = subprocess.run([sys.executable, "-"], input=program, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("script", _SCRIPTS)
def test_texts_of_all_scripts_are_read_in_no_time(script: str, tmp_path: Path) -> None:
    letters = (_SCRIPTS[script] * _LETTERS)[:_LETTERS]
    text = (
        f"{APP}\n# .{letters} = 1\nTEXT = '.{letters}'\nglobal_{letters} = TEXT\n"
        f"class Named:\n    def set(self):\n        self.{letters} = '.{letters}'\n        global {letters}\n"
        f"        {letters} = 1\n"
    )
    write(tmp_path, {"pyproject.toml": "", "app.py": text})
    began = time.perf_counter()
    done = tool(tmp_path, "--no-cache", "--output-format", "concise", "app.py")
    assert time.perf_counter() - began < _SECONDS
    assert (done.status, done.error) == (1, "")
    assert "BGT506" in done.out
