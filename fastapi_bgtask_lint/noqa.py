"""`noqa` comments, read the way flake8 7.5 reads them, so that one comment means the same through both front doors.

Seen there: a comment counts wherever it stands in the physical line, in a string too, and only the first of a line
counts; lines that a backslash or a string over several lines joins are one line, brackets join nothing; after the colon
comes at most one blank, else the comment is a blanket one; codes are prefixes and case-sensitive; a line that begins
with `# flake8: noqa` leaves the file out, whatever follows.
"""

from __future__ import annotations

import re
import tokenize
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from fastapi_bgtask_lint.lines import decoded_lines

_COMMENT = re.compile(r"# noqa(?::\s?(?P<codes>(?:[A-Z]+[0-9]+[,\s]*)+))?", re.IGNORECASE)
_WHOLE_FILE = re.compile(r"\s*# flake8[:=]\s*noqa", re.IGNORECASE)
_MAY_HAVE_ONE = re.compile(rb"noqa", re.IGNORECASE)
_BETWEEN_CODES = re.compile(r"[,\s]+")
_LINE_ENDS = frozenset({tokenize.NL, tokenize.NEWLINE})
_NO_LENGTH = frozenset({tokenize.DEDENT, tokenize.ENDMARKER})


@dataclass(frozen=True, slots=True)
class Comment:
    """What one comment silences: the codes that begin so, or everything."""

    starts: tuple[str, ...] | None

    def covers(self, code: str) -> bool:
        """Whether it silences this code on its own line."""
        return self.starts is None or code.startswith(self.starts)

    def names(self, code: str) -> bool:
        """Whether it silences this code by naming it, as a comment on a `def` must."""
        return self.starts is not None and code.startswith(self.starts)


class FileComments:
    """The comments of one file. Nothing is looked at before it is asked for."""

    def __init__(self, data: bytes) -> None:
        self._data = data if _MAY_HAVE_ONE.search(data) else b""

    @cached_property
    def leave_out_file(self) -> bool:
        """A comment on a line of its own leaves the whole file out."""
        return any(_WHOLE_FILE.match(line) for line in self._lines)

    def at(self, line: int) -> Comment | None:
        """The comment that holds for a line, counted from 1."""
        first, last = self._joined.get(line, (line, line))
        found = _COMMENT.search("".join(self._lines[first - 1 : last]))
        if found is None:
            return None
        codes = found["codes"]
        return Comment(None if codes is None else tuple(filter(None, _BETWEEN_CODES.split(codes))))

    @cached_property
    def _lines(self) -> list[str]:
        return decoded_lines(self._data)

    @cached_property
    def _joined(self) -> dict[int, tuple[int, int]]:
        """The first and the last line of each line's stretch; nothing when Python cannot read the file."""
        lines = iter(self._lines)
        spans: dict[int, tuple[int, int]] = {}
        first = last = 0
        try:
            for token in tokenize.generate_tokens(lambda: next(lines)):
                if token.type in _NO_LENGTH:
                    continue
                first = min(first or token.start[0], token.start[0])
                last = max(last, token.end[0])
                if token.type in _LINE_ENDS:
                    spans.update(dict.fromkeys(range(first, last + 1), (first, last)))
                    first = last = 0
        except (tokenize.TokenError, SyntaxError):
            return {}
        return spans


@dataclass(slots=True)
class Comments:
    """The comments of every file, read when a finding first stands in it."""

    read: Callable[[Path], bytes]
    """A file's content; empty when it cannot be had."""
    _files: dict[Path, FileComments] = field(default_factory=dict)

    def of(self, path: Path) -> FileComments:
        """The comments of one file."""
        if path not in self._files:
            self._files[path] = FileComments(self.read(path))
        return self._files[path]
