"""Where a function reads a collection that no other code can have given further items since it was made."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi_bgtask_lint.reading.facts import (
    Assert,
    Assign,
    Attribute,
    Call,
    ClassDef,
    Comprehension,
    Conditional,
    Expression,
    For,
    FunctionDef,
    If,
    Lambda,
    Name,
    Operation,
    Statement,
    Subscript,
    While,
)
from fastapi_bgtask_lint.reading.traversal import last_name, parts, statements

_READING = frozenset(
    {"len", "print", "list", "tuple", "set", "dict", "str", "repr", "sorted", "enumerate", "sum", "any", "all", "min",
     "max", "zip", "reversed", "isinstance", "bool", "debug", "info", "warning", "error", "exception", "dumps"}
)  # fmt: skip
"""Functions that change none of their arguments and keep none."""
_READING_METHODS = frozenset({"get", "keys", "values", "items", "copy", "index", "count"})


def complete_uses(scope: FunctionDef) -> frozenset[int]:
    """The uses of names, by ordinal, before which nothing else has got what the name is bound to.

    A use that only reads is no matter. Of the others there may be one, and no loop that repeats it.
    """
    found = list(statements(scope.body))
    every = list(parts(scope.body))
    if any(isinstance(part, FunctionDef | ClassDef) for part in found) or any(isinstance(p, Lambda) for p in every):
        return frozenset()
    loops = any(isinstance(s, For | While) for s in found) or any(isinstance(p, Comprehension) for p in every)
    bound = {target.at for s in found if isinstance(s, Assign) for target in s.targets}
    reading = {name.at for s in found for name in _tested(s)} | {name.at for part in every for name in _read(part)}
    uses: dict[str, list[int]] = {}
    for part in every:
        if isinstance(part, Name) and part.at not in bound:
            uses.setdefault(part.id, []).append(part.at)
    complete: set[int] = set()
    for places in uses.values():
        giving = [at for at in places if at not in reading]
        if not giving:
            complete.update(places)
        elif len(giving) == 1 and not loops:
            complete.update(giving)
    return frozenset(complete)


def _tested(statement: Statement) -> Iterator[Name]:
    """The names that are the test or the iterable of a statement."""
    match statement:
        case If():
            tests: list[Expression] = [branch.test for branch in statement.branches]
        case While() | Assert():
            tests = [statement.test]
        case For():
            tests = [statement.iterable]
        case _:
            tests = []
    yield from (test for test in tests if isinstance(test, Name))


def _read(expression: Expression) -> Iterator[Name]:
    """The names that an expression only reads."""
    match expression:
        case Attribute(value=Name() as name, attr=attribute) if attribute in _READING_METHODS:
            yield name
        case Subscript(value=Name() as name):
            yield name
        case Operation(operands=operands):
            yield from (operand for operand in operands if isinstance(operand, Name))
        case Conditional(test=Name() as name):
            yield name
        case Call() if last_name(expression.function) in _READING:
            yield from (a.value for a in expression.arguments if isinstance(a.value, Name))
        case Comprehension():
            yield from (c.iterable for c in expression.clauses if isinstance(c.iterable, Name))
        case _:
            return
