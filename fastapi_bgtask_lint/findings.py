"""The vocabulary of what the tool says: severities, places and findings.

Rules produce findings, triage chooses among them, reporting writes them. Nothing here knows how they come about.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from pathlib import Path


class Severity(enum.StrEnum):
    """How much harm a finding means: an error fails or loses work, a warning hurts under load or faults."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A stretch of a source file.

    Lines and columns count from 1 in code points, ends are exclusive, a byte order mark is not counted.
    """

    path: Path
    """Absolute."""
    line: int
    column: int
    end_line: int
    end_column: int
    scopes: tuple[int, ...] = ()
    """Lines of the `def` and the decorators of every function round the place: a `noqa` there covers it."""


@dataclass(frozen=True, slots=True)
class Related:
    """A further place that belongs to a finding, and what it has to do with it."""

    place: Place
    message: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, where, and why.

    A finding about what a task does names the registrations that lead to it: it is silent when all of them are.
    """

    code: str
    name: str
    severity: Severity
    message: str
    place: Place
    related: tuple[Related, ...] = ()
    registrations: tuple[Place, ...] = ()
    pedantic: bool = False
    """Reported only where pedantic rules are: its rule is one, or it is a doubtful finding of another."""
