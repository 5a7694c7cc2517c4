"""What covers a place in a function: which exceptions end there, and whether a deadline bounds what is awaited.

What is caught is a set of `Catch`es, ordered by inclusion: nothing, some `try` statements, everything.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from fastapi_bgtask_lint.callgraph.exceptions import BEYOND_EXCEPTION, catches
from fastapi_bgtask_lint.reading.facts import Fact
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.limits import CATCHES
from fastapi_bgtask_lint.resolving.values import External, Values


@dataclass(frozen=True, slots=True)
class ExceptClause:
    """An `except` clause, or what catches like one."""

    classes: Values | None
    """The classes that it names; empty where they are not known, None for every exception."""
    reraises: bool = False
    """It raises again what it has caught."""


Catch: TypeAlias = tuple[ExceptClause, ...]
"""The clauses of one `try`, in their order; at least one of them does not raise again."""
Caught: TypeAlias = frozenset[Catch]

NOTHING: Caught = frozenset()
_ALL: Catch = (ExceptClause(None),)
EVERYTHING: Caught = frozenset({_ALL})
_ALL_EXCEPTIONS: Catch = (ExceptClause((External("builtins.Exception"),)),)


def unite(first: Caught, second: Caught) -> Caught:
    """What is caught by either."""
    if not second or second <= first:
        return first
    if not first:
        return second
    both = first | second
    if _ALL in both:
        return EVERYTHING
    if _ALL_EXCEPTIONS in both:
        both = frozenset(catch for catch in both if catch == _ALL_EXCEPTIONS or not _is_below_exception(catch))
    return both if len(both) <= CATCHES else EVERYTHING


def _is_below_exception(catch: Catch) -> bool:
    """Everything that it catches is an `Exception`, so that `except Exception` catches as much."""
    return all(
        bool(clause.classes) and all(isinstance(v, External) and _is_ordinary(v) for v in clause.classes or ())
        for clause in catch
    )


def _is_ordinary(cls: External) -> bool:
    last = cls.name.rpartition(".")[2]
    return last != "BaseException" and last not in BEYOND_EXCEPTION


def takes_raised(evaluator: Evaluator, caught: Caught, raised: Values) -> bool:
    """One of the catches takes an exception that is raised explicitly."""
    return any(_takes(evaluator, catch, raised) for catch in caught)


def _takes(evaluator: Evaluator, catch: Catch, raised: Values) -> bool:
    for clause in catch:
        verdict = True if clause.classes is None else catches(evaluator, clause.classes, raised)
        if verdict is False:
            continue
        if not clause.reraises:
            return True
        if verdict:
            return False
    return False


@dataclass(frozen=True, slots=True)
class Cover:
    """What one statement, call or decorator does for what it encloses."""

    fact: Fact | None = None
    """The `try`, `with` or call."""
    caught: Caught = NOTHING
    bounds: bool = False
    """It sets a deadline of the event loop, which ends what awaits."""


NO_COVER = Cover()


@dataclass(frozen=True, slots=True)
class Covers:
    """Everything that covers a place, from the outside to the inside."""

    all: tuple[Cover, ...] = ()
    caught: Caught = field(default=NOTHING, compare=False)
    bounded: bool = field(default=False, compare=False)

    def within(self, cover: Cover) -> Covers:
        """The covers of a place inside a further one."""
        return Covers((*self.all, cover), unite(self.caught, cover.caught), self.bounded or cover.bounds)

    def inside(self, fact: Fact) -> tuple[Cover, ...] | None:
        """The covers that lie inside one of them; None when it is not among them."""
        for index, cover in enumerate(self.all):
            if cover.fact is fact:
                return self.all[index + 1 :]
        return None


UNCOVERED = Covers()
