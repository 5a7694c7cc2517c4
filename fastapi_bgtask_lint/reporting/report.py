"""What a report consists of, and how its parts are written in every format."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fastapi_bgtask_lint.findings import Finding, Severity
from fastapi_bgtask_lint.reporting.palette import PLAIN, Palette

_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories that a terminal obeys instead of showing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that a format needs."""

    findings: tuple[Finding, ...]
    silenced: tuple[Finding, ...] = ()
    """Suppressed findings to be shown as such; empty unless the user asked for them."""
    suppressed: int = 0
    """How many findings the user has silenced."""
    problems: int = 0
    """How many things could not be done."""
    files: int = 0
    here: Path
    """The folder that paths are shown relative to."""
    read: Callable[[Path], bytes]
    """A file's content for excerpts; empty when it cannot be had."""
    palette: Palette = PLAIN
    with_statistics: bool = False
    with_summary: bool = True

    def shown(self, path: Path) -> str:
        """A path as every format shows it: relative to `here`, with `/`, on one line."""
        return printable(self.relative(path))

    def relative(self, path: Path) -> str:
        """A path relative to `here`, with `/`."""
        if not path.is_absolute():
            return path.as_posix()
        try:
            return Path(os.path.relpath(path, self.here)).as_posix()
        except ValueError:
            return path.as_posix()  # on another drive

    def count(self, severity: Severity) -> int:
        """How many findings are of this severity."""
        return sum(finding.severity is severity for finding in self.findings)

    def statistics(self) -> Iterator[tuple[int, str, str]]:
        """The number of findings of each rule, with its code and name, most frequent first."""
        counts = Counter((finding.code, finding.name) for finding in self.findings)
        for (code, name), count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
            yield count, code, name


def printable(text: str) -> str:
    """A text on one line, without what a terminal would obey."""
    return "".join("\N{REPLACEMENT CHARACTER}" if is_unprintable(character) else character for character in text)


def is_unprintable(character: str) -> bool:
    """Whether a terminal would obey the character instead of showing it."""
    return unicodedata.category(character) in _UNPRINTABLE


def one_line(message: str) -> str:
    """A message on one line: flake8 and the line formats know no other."""
    return printable(" ".join(message.split()))


def counted(count: int, noun: str) -> str:
    """A number and its noun."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
