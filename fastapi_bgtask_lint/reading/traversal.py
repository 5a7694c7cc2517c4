"""Ways through facts: what an expression or statement holds, in the order of evaluation."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi_bgtask_lint.reading.facts import (
    Assert,
    Assign,
    Attribute,
    Await,
    Call,
    Choice,
    ClassDef,
    Collection,
    Comprehension,
    Conditional,
    Delete,
    Evaluate,
    Expression,
    Fact,
    For,
    Formatted,
    FunctionDef,
    If,
    Jump,
    Lambda,
    Mapping,
    Match,
    Named,
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


def children(expression: Expression) -> Iterator[Expression]:
    """The expressions directly inside, in the order of evaluation; a lambda's body runs later and is not among them."""
    match expression:
        case Attribute() | Await() | Starred():
            yield expression.value
        case Call():
            yield expression.function
            yield from (argument.value for argument in expression.arguments)
        case Yield():
            if expression.value is not None:
                yield expression.value
        case Formatted() | Choice():
            yield from expression.values
        case Collection():
            yield from expression.items
        case Mapping():
            for key, value in expression.items:
                if key is not None:
                    yield key
                yield value
        case Conditional():
            yield from (expression.test, expression.body, expression.orelse)
        case Operation():
            yield from expression.operands
        case Subscript():
            yield expression.value
            yield from expression.indices
        case Named():
            yield expression.value
        case Comprehension():
            for clause in expression.clauses:
                yield clause.iterable
                yield from clause.conditions
            yield expression.element
        case Lambda():
            yield from (p.default for p in expression.parameters if p.default is not None)
        case _:
            return


def walk(expression: Expression) -> Iterator[Expression]:
    """The expression and all inside it, each before what it holds, lambdas' bodies left out."""
    stack = [expression]
    while stack:
        current = stack.pop()
        yield current
        stack.extend(reversed(list(children(current))))


def blocks(statement: Statement) -> Iterator[tuple[Statement, ...]]:
    """The blocks that a statement runs as part of its own function, nested definitions left out."""
    match statement:
        case If():
            yield from (branch.body for branch in statement.branches)
            yield statement.orelse
        case While() | For():
            yield statement.body
            yield statement.orelse
        case With():
            yield statement.body
        case Try():
            yield statement.body
            yield from (handler.body for handler in statement.handlers)
            yield statement.orelse
            yield statement.final
        case Match():
            yield from (case.body for case in statement.cases)
        case _:
            return


def statements(body: tuple[Statement, ...]) -> Iterator[Statement]:
    """All statements of a body and its blocks, in the order of the source; definitions are named but not entered."""
    stack = list(reversed(body))
    while stack:
        current = stack.pop()
        yield current
        inner = [statement for block in blocks(current) for statement in block]
        stack.extend(reversed(inner))


def expressions(statement: Statement) -> Iterator[Expression]:
    """The expressions of the statement itself, in the order of evaluation, its blocks left out."""
    match statement:
        case Assign():
            if statement.value is not None:
                yield statement.value
            yield from statement.targets
        case Evaluate():
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
            yield from (item.context for item in statement.items)
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
        if isinstance(statement, Jump) and statement.kind == "break":
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
