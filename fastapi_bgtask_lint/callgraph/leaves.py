"""What a function does itself: the leaves of the call graph."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TypeAlias

from fastapi_bgtask_lint.callgraph.covers import UNCOVERED, Caught, Covers, takes_raised
from fastapi_bgtask_lint.callgraph.timing import Timing
from fastapi_bgtask_lint.knowledge import Row
from fastapi_bgtask_lint.reading.facts import Try
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.values import Context, Generator, Site, Value, Values

_EXIT = "builtins.SystemExit"


class Side(enum.Enum):
    """Where something runs, seen from the function that makes it run."""

    HERE = "here"
    """In the same thread, on the same event loop."""
    THREAD = "thread"
    NEW_LOOP = "new loop"
    LATER = "later"
    """Whoever makes it run neither waits for it nor learns of its failure: it is scheduled, or nobody awaits it yet."""


class LeafKind(enum.Enum):
    """What a leaf is."""

    CALL = "call"
    """A call of a library."""
    RAISE = "raise"
    DEADLINE = "deadline"
    """A deadline that raises when it has passed."""
    YIELD = "yield"
    """Where a generator hands control out."""
    PARTIAL_CONSUMPTION = "partial consumption"
    """A generator is started and not run to its end."""
    HANDLER = "handler"
    """An `except` clause for every exception or for cancellation."""
    ENDLESS = "endless"
    """A loop or a retry that nothing in it ends."""
    EXIT = "exit"
    """The process ends at once; nothing catches that."""


Category: TypeAlias = "tuple[LeafKind, str]"
"""What rules tell apart: the kind of a leaf, and of what is called."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """What is done instead where a setting is another."""

    categories: frozenset[Category]
    """Of what is done by the call itself."""
    contexts: tuple[Context, ...]
    """The functions that are called."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """Something that a function does itself."""

    kind: LeafKind
    what: str
    """The qualified name of what is called; of the generator that is consumed."""
    site: Site
    row: Row | None = None
    raised: Values = ()
    receiver: Value | None = None
    generator: Generator | None = None
    """The generator that is consumed partially."""
    attempt: Try | None = None
    """The `try` of a handler."""
    fallible: bool = False
    """It may end in an exception."""
    awaited: bool = False
    """A deadline of the loop ends it."""
    timing: Timing = Timing.NO_WAIT
    client: Site | None = None
    """Where the client was made that says how long it waits."""
    side: Side = Side.HERE
    covers: Covers = UNCOVERED
    others: tuple[Alternative, ...] = ()
    """What a setting may choose in its place."""

    @property
    def category(self) -> Category:
        """What rules tell apart."""
        return self.kind, self.row.kind if self.row is not None else ""

    @property
    def is_exit(self) -> bool:
        """What is raised is `SystemExit`."""
        return any(getattr(value, "name", getattr(value, "type", "")) == _EXIT for value in self.raised)

    def is_caught(self, evaluator: Evaluator, caught: Caught) -> bool:
        """Its failure ends in what is caught: any handler takes the failure of a call, whatever class it names."""
        if self.kind is not LeafKind.RAISE:
            return bool(caught)
        return takes_raised(evaluator, caught, self.raised)
