"""The examples in the rules' documentation, read without importing the rules."""

from __future__ import annotations

import ast
import re
from pathlib import Path

RULES = Path(__file__).parent.parent / "fastapi_bgtask_lint" / "rules"
BLOCK = re.compile(r"^```(?:py|txt) (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARK = re.compile(r"#\s*(BGT\d{3}(?:,\s*BGT\d{3})*)\s*$")

Files = dict[str, str]
Marks = set[tuple[str, int, str]]


def documentation(path: Path) -> str:
    """A rule's docstring."""
    return ast.get_docstring(ast.parse(path.read_text("utf-8")), clean=False) or ""


def examples(text: str) -> dict[str, Files]:
    """The files of the bad and of the good example."""
    bad, _, good = text.partition("\n## Good\n")
    return {"bad": dict(BLOCK.findall(bad)), "good": dict(BLOCK.findall(good))}


def marks(files: Files) -> Marks:
    """File, line and code of every mark."""
    return {
        (name, number, code)
        for name, text in files.items()
        for number, line in enumerate(text.splitlines(), 1)
        if (found := MARK.search(line))
        for code in re.findall(r"BGT\d{3}", found[1])
    }


def written(files: Files, folder: Path) -> Path:
    """A project of these files."""
    (folder / "pyproject.toml").touch()
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
    return folder


DOCUMENTED = {path.name[:6].upper(): documentation(path) for path in sorted(RULES.glob("bgt*.py"))}
EXAMPLES = {code: examples(text) for code, text in DOCUMENTED.items()}
EACH = [(code, kind) for code in DOCUMENTED for kind in ("bad", "good")]
