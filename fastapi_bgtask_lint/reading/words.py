"""What a text may say, told by patterns and not by parsing: more than there is in it, never less."""

from __future__ import annotations

import re
from collections.abc import Iterator

_ASSIGNED = re.compile(r"\.(\w+)[\s\\]*=(?!=)")
_ANNOTATED = re.compile(r"^[ \t]*[\w.]*\.(\w+)[ \t]*:(?!=)", re.MULTILINE)
_AMONG_OTHERS = re.compile(r"^[^\n=#:{}]*,[^\n=#:{}]*=(?!=)", re.MULTILINE)
_OVER_LINES = re.compile(r"^[ \t]*[(\[][^=:{}]{0,400}[)\]][ \t]*=(?!=)", re.MULTILINE)
"""`a, self.b = ...`, and the same in brackets."""
_ATTRIBUTE = re.compile(r"\.(\w+)")
_GLOBAL = re.compile(r"global(?<!\wglobal)[ \t\\]([\w,\s\\]*)")
_WORD = re.compile(r"\w+")


def assigned_attributes(text: str) -> frozenset[str]:
    """The attributes of something that are assigned to."""
    return frozenset(_assigned(text))


def _assigned(text: str) -> Iterator[str]:
    yield from _ASSIGNED.findall(text)
    yield from _ANNOTATED.findall(text)
    for among_others in (_AMONG_OTHERS, _OVER_LINES):
        for targets in among_others.finditer(text):
            yield from _ATTRIBUTE.findall(targets[0])


def declared_globals(text: str) -> frozenset[str]:
    """The names that are declared `global`."""
    return frozenset(name for names in _GLOBAL.findall(text) for name in _WORD.findall(names))
