"""Ways through facts: what an expression or statement holds, in the order of evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from fastapi_bgtask_lint.reading.facts import (
    Assert,
    Assign,
    Attribute,
    Await,
    BoolOp,
    Break,
    Call,
    ClassDef,
    Collection,
    Comprehension,
    Conditional,
    Delete,
    Expression,
    ExprStmt,
    Fact,
    For,
    FString,
    FunctionDef,
    If,
    Lambda,
    Mapping,
    Match,
    NamedExpr,
    Operation,
    Raise,
    Return,
    Starred,
    Statement,
    Subscript,
    Try,
    While,
    With,
    Yield,
)


def children(expression: Expression) -> Sequence[Expression]:
    """The expressions directly inside, in the order of evaluation; a lambda's body runs later and is not among them."""
    inside = _CHILDREN.get(type(expression))
    return () if inside is None else inside(expression)


def _of_call(call: Call) -> Sequence[Expression]:
    return (call.function, *[argument.value for argument in call.arguments])


def _of_mapping(mapping: Mapping) -> Sequence[Expression]:
    return [part for item in mapping.items for part in item if part is not None]


def _of_comprehension(comprehension: Comprehension) -> Sequence[Expression]:
    clauses = [part for clause in comprehension.clauses for part in (clause.iterable, *clause.conditions)]
    return (*clauses, comprehension.element)


def _of_lambda(function: Lambda) -> Sequence[Expression]:
    return [parameter.default for parameter in function.parameters if parameter.default is not None]


def _value(holder: Attribute | Await | Starred | NamedExpr) -> Sequence[Expression]:
    return (holder.value,)


_CHILDREN: dict[type[Expression], Callable[[Any], Sequence[Expression]]] = {
    Attribute: _value,
    Await: _value,
    Starred: _value,
    NamedExpr: _value,
    Call: _of_call,
    Yield: lambda found: () if found.value is None else (found.value,),
    FString: lambda found: found.values,
    BoolOp: lambda found: found.values,
    Collection: lambda found: found.items,
    Mapping: _of_mapping,
    Conditional: lambda found: (found.test, found.body, found.orelse),
    Operation: lambda found: found.operands,
    Subscript: lambda found: (found.value, *found.indices),
    Comprehension: _of_comprehension,
    Lambda: _of_lambda,
}
"""What has no entry holds nothing. Expressions are walked more than all else, so this is looked up by type."""


def walk(expression: Expression) -> Iterator[Expression]:
    """The expression and all inside it, each before what it holds, lambdas' bodies left out."""
    stack = [expression]
    while stack:
        current = stack.pop()
        yield current
        stack.extend(reversed(children(current)))


def blocks(statement: Statement) -> Sequence[tuple[Statement, ...]]:
    """The blocks that a statement runs as part of its own function, nested definitions left out."""
    inside = _BLOCKS.get(type(statement))
    return () if inside is None else inside(statement)


_BLOCKS: dict[type[Statement], Callable[[Any], Sequence[tuple[Statement, ...]]]] = {
    If: lambda found: [*(branch.body for branch in found.branches), found.orelse],
    While: lambda found: (found.body, found.orelse),
    For: lambda found: (found.body, found.orelse),
    With: lambda found: (found.body,),
    Try: lambda found: [found.body, *(handler.body for handler in found.handlers), found.orelse, found.final],
    Match: lambda found: [case.body for case in found.cases],
}
"""What has no entry has no block."""


def statements(body: tuple[Statement, ...]) -> Iterator[Statement]:
    """All statements of a body and its blocks, in the order of the source; definitions are named but not entered."""
    stack = list(reversed(body))
    while stack:
        current = stack.pop()
        yield current
        for block in reversed(blocks(current)):
            stack.extend(reversed(block))


def expressions(statement: Statement) -> Iterator[Expression]:
    """The expressions of the statement itself, in the order of evaluation, its blocks left out."""
    match statement:
        case Assign():
            if statement.value is not None:
                yield statement.value
            yield from statement.targets
        case ExprStmt():
            yield statement.value
        case Return():
            if statement.value is not None:
                yield statement.value
        case Raise():
            yield from (part for part in (statement.exception, statement.cause) if part is not None)
        case If():
            yield from (branch.test for branch in statement.branches)
        case While():
            yield statement.test
        case For():
            yield statement.iterable
        case With():
            yield from (item.context_expr for item in statement.items)
        case Match():
            yield statement.subject
            yield from (case.guard for case in statement.cases if case.guard is not None)
        case Assert():
            yield statement.test
            if statement.message is not None:
                yield statement.message
        case Delete():
            yield from statement.targets
        case Try():
            yield from (handler.catches for handler in statement.handlers if handler.catches is not None)
        case FunctionDef():
            yield from statement.decorators
            yield from (p.default for p in statement.parameters if p.default is not None)
        case ClassDef():
            yield from statement.decorators
            yield from statement.bases
            yield from (keyword.value for keyword in statement.keywords)
        case _:
            return


def breaks(body: tuple[Statement, ...]) -> bool:
    """The body of a loop has a `break` of that loop itself."""
    for statement in body:
        if isinstance(statement, Break):
            return True
        if isinstance(statement, FunctionDef | ClassDef):
            continue
        if isinstance(statement, For | While):
            if breaks(statement.orelse):
                return True
            continue
        if any(breaks(block) for block in blocks(statement)):
            return True
    return False


def parts(body: tuple[Statement, ...]) -> Iterator[Expression]:
    """Every expression of a body, nested definitions and lambdas' bodies left out."""
    for statement in statements(body):
        for top in expressions(statement):
            yield from walk(top)


def holds(body: tuple[Statement, ...], fact: Fact) -> bool:
    """An expression stands in a body, as `parts` sees it."""
    return any(part is fact for part in parts(body))


def last_name(expression: Expression) -> str:
    """`c` of `a.b.c` and of `c`; empty for what has no name."""
    return expression.attr if isinstance(expression, Attribute) else getattr(expression, "id", "")
