"""For people: each finding with the source lines of its places and carets under them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from fastapi_bgtask_lint.findings import Finding, Place, Severity
from fastapi_bgtask_lint.lines import decoded_lines
from fastapi_bgtask_lint.reporting.closing import closing_lines
from fastapi_bgtask_lint.reporting.report import Report, is_unprintable, one_line

_TAB = 4
_BEFORE = 40
"""How much of a very long line is shown before the place, in characters."""
_WIDEST = 120
"""How much of a very long line is shown, in characters."""


def lines(report: Report) -> Iterator[str]:
    """The report's lines."""
    excerpts = _Excerpts(report)
    for finding in report.findings:
        yield from _finding(report, excerpts, finding, finding.severity.value)
        yield ""
    for finding in report.silenced:
        yield from _finding(report, excerpts, finding, f"suppressed {finding.severity.value}")
        yield ""
    yield from closing_lines(report)


def _finding(report: Report, excerpts: _Excerpts, finding: Finding, kind: str) -> Iterator[str]:
    palette = report.palette
    colour = palette.error if finding.severity is Severity.ERROR else palette.warning
    head = palette.paint(f"{kind} {finding.code}", colour)
    yield f"{_where(report, finding.place)}: {head} [{finding.name}] {one_line(finding.message)}"
    width = len(str(max(place.line for place in (finding.place, *(related.place for related in finding.related)))))
    yield from excerpts.of(finding.place, width, colour)
    for related in finding.related:
        yield f"{' ' * width} = {_where(report, related.place)}: {one_line(related.message)}"
        yield from excerpts.of(related.place, width, palette.aside)


def _where(report: Report, place: Place) -> str:
    return report.palette.paint(f"{report.shown(place.path)}:{place.line}:{place.column}", report.palette.emphasis)


@dataclass(slots=True)
class _Excerpts:
    """Source lines with carets. A file is read when a place in it is first shown."""

    report: Report
    _files: dict[Path, list[str]] = field(default_factory=dict)

    def of(self, place: Place, width: int, colour: str) -> Iterator[str]:
        """The first line of a place and the carets under it; nothing when the line cannot be had."""
        if place.path not in self._files:
            self._files[place.path] = decoded_lines(self.report.read(place.path))
        of_file = self._files[place.path]
        if not 0 < place.line <= len(of_file):
            return
        line = of_file[place.line - 1].rstrip("\n")
        end = place.end_column if place.end_line == place.line else len(line) + 1
        source, carets = _marked(line, place.column - 1, end - 1)
        paint = self.report.palette.paint
        gutter = paint(f"{' ' * width} |", self.report.palette.aside)
        yield gutter
        yield f"{paint(f'{place.line:>{width}} |', self.report.palette.aside)} {source}".rstrip()
        yield f"{gutter} {' ' * carets[0]}{paint('^' * carets[1], colour)}"


def _marked(line: str, start: int, end: int) -> tuple[str, tuple[int, int]]:
    """A line as it is shown, and where its carets begin and how many they are, in columns of a terminal.

    `start` and `end` count characters from 0. Of a very long line only the part round the place is left.
    """
    start = min(start, len(line))
    end = max(min(end, len(line)), start)
    first = max(start - _BEFORE, 0) if len(line) > _WIDEST else 0
    last = min(first + _WIDEST, len(line))
    lead = "..." if first else ""
    before = _shown(line[first:start], len(lead))
    marked = _shown(line[start : min(end, last)], len(lead) + _columns(before))
    column = len(lead) + _columns(before)
    after = _shown(line[min(end, last) : last], column + _columns(marked))
    tail = "..." if last < len(line) else ""
    return f"{lead}{before}{marked}{after}{tail}", (column, max(_columns(marked), 1))


def _shown(text: str, column: int) -> str:
    """A text with tabs as blanks, from a column on, and without what a terminal would obey."""
    parts = []
    for character in text:
        if character == "\t":
            part = " " * (_TAB - column % _TAB)
        elif is_unprintable(character):
            part = "\N{REPLACEMENT CHARACTER}"
        else:
            part = character
        parts.append(part)
        column += _columns(part)
    return "".join(parts)


def _columns(text: str) -> int:
    """How many columns of a terminal a text without tabs takes."""
    if text.isascii():
        return len(text)
    return sum(_width(character) for character in text)


def _width(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) == "Me":
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
