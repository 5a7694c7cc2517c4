"""What a text may say, told by patterns and not by parsing: more than there is in it, never less."""

from __future__ import annotations

import re
from collections.abc import Iterator

_WORD = r"[\w\x80-\U0010ffff]+"
"""A name; some letters outside ASCII are none for the `re` module."""
_ASSIGNMENT = re.compile(r"(?<![=!<>:+\-*/%&|^@])=(?!=)")
_ATTRIBUTE = re.compile(rf"\.[\s\\]*({_WORD})")
_ANNOTATED = re.compile(rf"\.[ \t]*({_WORD})[\s\\]*:(?!=)[ \t]*[^\s#]")
_GLOBAL = re.compile(r"global(?<!\wglobal)[ \t\\]([\w\x80-\U0010ffff,\s\\]*)")
_NAME = re.compile(_WORD)
_LINES = 40
"""How many lines above an equals sign its targets may begin."""


def assigned_attributes(text: str) -> frozenset[str]:
    """The attributes of something that are assigned to."""
    return frozenset(_assigned(text))


def _assigned(text: str) -> Iterator[str]:
    yield from _ANNOTATED.findall(text)
    for equals in _ASSIGNMENT.finditer(text):
        targets = _targets(text, equals.start())
        if "." in targets:
            yield from _ATTRIBUTE.findall(targets)


def _targets(text: str, end: int) -> str:
    """What stands before an equals sign, from the line on that its brackets were opened on.

    Nothing where a bracket is still open: then it gives a keyword its value.
    """
    start = text.rfind("\n", 0, end) + 1
    for _ in range(_LINES):
        if start == 0 or not (text.endswith("\\\n", 0, start) or _closes(text[start:end])):
            break
        start = text.rfind("\n", 0, start - 1) + 1
    targets = text[start:end]
    return "" if _opens(targets) else targets


def _closes(targets: str) -> bool:
    return targets.count(")") + targets.count("]") > targets.count("(") + targets.count("[")


def _opens(targets: str) -> bool:
    is_told = "'" not in targets and '"' not in targets and "#" not in targets
    return is_told and targets.count("(") + targets.count("[") > targets.count(")") + targets.count("]")


def declared_globals(text: str) -> frozenset[str]:
    """The names that are declared `global`."""
    return frozenset(name for names in _GLOBAL.findall(text) for name in _NAME.findall(names))
