"""What findings depend on beyond the files that hold registrations: enough to tell whether they still hold."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from fastapi_bgtask_lint.discovery import Problem, Stamp, stamp
from fastapi_bgtask_lint.findings import Finding

FILE, FOLDER, MISSING = "file", "folder", ""


def kind(path: str) -> str:
    """What a path is at the moment."""
    try:
        if os.path.isfile(path):
            return FILE
        return FOLDER if os.path.isdir(path) else MISSING
    except (OSError, ValueError):
        return MISSING


class Search(msgspec.Struct, frozen=True, array_like=True):
    """All files of the project were looked through for patterns, which fit only where one of the words stands.

    A pattern should begin with a word of its own: then the `re` module finds the places where it may fit ten times as
    fast.
    """

    words: tuple[bytes, ...]
    patterns: tuple[bytes, ...]

    def finds(self, text: bytes) -> bool:
        """Whether a pattern fits in a file's content."""
        return any(word in text for word in self.words) and any(re.search(found, text) for found in self.patterns)

    def fits(self, text: str) -> bool:
        """Whether a pattern fits in a part of a file."""
        return any(_of_text(pattern).search(text) for pattern in self.patterns)


@functools.cache
def _of_text(pattern: bytes) -> re.Pattern[str]:
    return re.compile(pattern.decode())


class Dependencies(msgspec.Struct):
    """What was asked about a project while it was judged. Paths are absolute."""

    modules: set[str] = msgspec.field(default_factory=set)
    """Files that were read as modules, or tried."""
    kinds: dict[str, str] = msgspec.field(default_factory=dict)
    """Paths that an import might lead to, and what was there; most often nothing."""
    searches: list[Search] = msgspec.field(default_factory=list)
    matches: set[str] = msgspec.field(default_factory=set)
    """Files in which one of the searches found something."""
    stamps: dict[str, Stamp | None] = msgspec.field(default_factory=dict)
    """Other files, such as those that say which FastAPI is in use."""
    globs: list[tuple[str, str, list[str]]] = msgspec.field(default_factory=list)
    """Folders whose entries were listed: the folder, the pattern, the names."""

    def holds(self, changed: Mapping[str, bytes | None]) -> bool:
        """Whether every answer would be the same now that these files have another content, or none."""
        return (
            all(self._is_indifferent(path, text) for path, text in changed.items())
            and all(stamp(path) == known for path, known in self.stamps.items())
            and all(listed(folder, pattern) == names for folder, pattern, names in self.globs)
            and all(kind(path) == known for path, known in self.kinds.items())
        )

    def _is_indifferent(self, path: str, text: bytes | None) -> bool:
        if path in self.modules or path in self.matches:
            return False
        return text is None or not any(search.finds(text) for search in self.searches)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What all rules say about the registrations in some files of a project, before selection and suppression."""

    findings: tuple[Finding, ...]
    dependencies: Dependencies
    problems: tuple[Problem, ...] = ()
    """What could not be judged because of a bug of this tool. With one the findings are not all."""


def listed(folder: str, pattern: str) -> list[str]:
    """The files of a folder that fit a pattern, in a fixed order."""
    try:
        return sorted(map(str, Path(folder).glob(pattern)))
    except OSError:
        return []
