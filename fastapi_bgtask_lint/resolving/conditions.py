"""Under which tests a statement, or a call in an arm of an expression, runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

from fastapi_bgtask_lint.reading.facts import (
    Assert,
    BoolOp,
    Break,
    Call,
    Comprehension,
    Conditional,
    Continue,
    Expression,
    FunctionDef,
    If,
    Match,
    Raise,
    Return,
    Statement,
    While,
    With,
)
from fastapi_bgtask_lint.reading.traversal import blocks, children, expressions


class MatchTest(NamedTuple):
    """Whether a `case` takes the subject of its `match`."""

    at: int
    subject: Expression
    pattern: Expression
    """See `facts.Case`."""


Test: TypeAlias = Expression | MatchTest
Condition: TypeAlias = tuple[Test, bool]
"""A test and the answer that leads to the statement."""
Held: TypeAlias = tuple[Condition, ...]
Conditions: TypeAlias = dict[int, Held]
"""By the ordinal of a statement, or of an expression in an arm."""


def conditions(definition: FunctionDef) -> Conditions:
    """The tests that must have gone one way for each statement and each conditional expression of a function to run."""
    found: Conditions = {}
    stack: list[tuple[tuple[Statement, ...], Held]] = [(definition.body, ())]
    while stack:
        block, held = stack.pop()
        for statement in block:
            found[statement.at] = held
            for top in expressions(statement):
                _add_arms(top, held, found)
            stack.extend(_inner(statement, held))
            held = (*held, *_afterwards(statement))
    return found


def _inner(statement: Statement, held: Held) -> Iterator[tuple[tuple[Statement, ...], Held]]:
    """The blocks of a statement, each with the tests on the way to it."""
    match statement:
        case If():
            refused = held
            for branch in statement.branches:
                yield branch.body, (*refused, (branch.test, True))
                refused = (*refused, (branch.test, False))
            yield statement.orelse, refused
        case While():
            yield statement.body, (*held, (statement.test, True))
            yield statement.orelse, held
        case Match():
            yield from _cases(statement, held)
        case _:
            yield from ((block, held) for block in blocks(statement))


def _cases(statement: Match, held: Held) -> Iterator[tuple[tuple[Statement, ...], Held]]:
    """The bodies of the cases: none before has taken the subject."""
    refused = held
    for case in statement.cases:
        test = None if case.pattern is None else MatchTest(case.pattern.at, statement.subject, case.pattern)
        own = () if test is None else ((test, True),)
        guard = () if case.guard is None else ((case.guard, True),)
        yield case.body, (*refused, *own, *guard)
        if test is not None and case.guard is None:
            refused = (*refused, (test, False))


def _afterwards(statement: Statement) -> Iterator[Condition]:
    """What is known after a statement, because it is left otherwise."""
    if isinstance(statement, Assert):
        yield statement.test, True
    if isinstance(statement, Match):
        left = (case.pattern for case in statement.cases if leaves(case.body) and case.guard is None)
        yield from ((MatchTest(p.at, statement.subject, p), False) for p in left if p is not None)
    if not isinstance(statement, If):
        return
    for branch in statement.branches:
        if not leaves(branch.body):
            break
        yield branch.test, False
    if leaves(statement.orelse) and len(statement.branches) == 1:
        yield statement.branches[0].test, True


def leaves(body: tuple[Statement, ...]) -> bool:
    """A block never falls through to what follows it, by its last statement."""
    if not body:
        return False
    match body[-1]:
        case Return() | Raise() | Break() | Continue():
            return True
        case If(branches=branches, orelse=orelse):
            return leaves(orelse) and all(leaves(branch.body) for branch in branches)
        case With(body=inner):
            return isinstance(inner[-1], Return)
        case _:
            return False


def _add_arms(top: Expression, held: Held, found: Conditions) -> None:
    """The calls in expressions that are evaluated only when a test goes one way."""
    stack = [(top, held)]
    while stack:
        current, inner = stack.pop()
        if isinstance(current, Call) and inner is not held:
            found[current.at] = inner
        stack.extend(_arms(current, inner))


def _arms(expression: Expression, held: Held) -> Iterator[tuple[Expression, Held]]:
    match expression:
        case Conditional():
            yield expression.test, held
            yield expression.body, (*held, (expression.test, True))
            yield expression.orelse, (*held, (expression.test, False))
        case BoolOp():
            for operand in expression.values:
                yield operand, held
                held = (*held, (operand, expression.operator == "and"))
        case Comprehension():
            for clause in expression.clauses:
                yield clause.iterable, held
                for condition in clause.conditions:
                    yield condition, held
                    held = (*held, (condition, True))
            yield expression.element, held
        case _:
            yield from ((child, held) for child in children(expression))
