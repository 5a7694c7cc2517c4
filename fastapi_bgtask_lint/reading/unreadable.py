"""The error for a file that cannot be read as Python."""

from __future__ import annotations

from pathlib import Path


class Unreadable(Exception):
    """A file that can't be decoded or parsed, with CPython's place and reason where it refuses the file too.

    Lines and columns count from 1, in code points; both are 1 where the place is not known.
    """

    def __init__(self, path: Path, line: int, column: int, reason: str) -> None:
        super().__init__(f"{path}:{line}:{column}: {reason}")
        self.path = path
        self.line = line
        self.column = column
        self.reason = reason
