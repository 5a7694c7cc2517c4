"""The functions of a module, each with the frame that its body is evaluated in when nothing is known of its callers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fastapi_bgtask_lint.reading.facts import (
    Call,
    ClassDef,
    Expression,
    Fact,
    FunctionDef,
    Statement,
    Try,
)
from fastapi_bgtask_lint.reading.traversal import blocks, expressions, holds, statements, walk
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.project import Module
from fastapi_bgtask_lint.resolving.values import Frame


@dataclass(frozen=True, slots=True)
class Step:
    """An expression and the statement that it stands in."""

    statement: Statement
    expression: Expression


def scopes(evaluator: Evaluator, module: Module) -> Iterator[Frame]:
    """The module itself and all its functions, nested ones and methods too, in the order of the source."""
    root = evaluator.module_frame(module)
    yield root
    yield from _inner(evaluator, root, module.facts.body)


def scopes_naming(evaluator: Evaluator, module: Module, names: tuple[str, ...]) -> Iterator[Frame]:
    """Those of these scopes that stand in a statement of the module's body in which one of the names is written."""
    root = evaluator.module_frame(module)
    yield root
    yield from _inner(evaluator, root, module.naming(names))


def _inner(evaluator: Evaluator, parent: Frame, body: tuple[Statement, ...]) -> Iterator[Frame]:
    for statement in _definitions(body):
        frame = evaluator.frame(parent.module, statement, parent)
        if isinstance(statement, FunctionDef):
            yield frame
        yield from _inner(evaluator, frame, statement.body)


def _definitions(body: tuple[Statement, ...]) -> Iterator[FunctionDef | ClassDef]:
    stack = list(reversed(body))
    while stack:
        statement = stack.pop()
        if isinstance(statement, FunctionDef | ClassDef):
            yield statement
        else:
            stack.extend(reversed([child for block in blocks(statement) for child in block]))


def body_of(frame: Frame) -> tuple[Statement, ...]:
    """The statements of a frame's scope; a lambda has none."""
    if frame.scope is None:
        return frame.module.facts.body
    return getattr(frame.scope, "body", ()) if isinstance(frame.scope, FunctionDef | ClassDef) else ()


def steps(frame: Frame) -> Iterator[Step]:
    """All expressions of the scope's own body, nested definitions left out, in the order of the source."""
    for statement in statements(body_of(frame)):
        for top in expressions(statement):
            for expression in walk(top):
                yield Step(statement, expression)


def calls(frame: Frame) -> Iterator[tuple[Statement, Call]]:
    """All calls of the scope's own body with their statements."""
    for step in steps(frame):
        if isinstance(step.expression, Call):
            yield step.statement, step.expression


def function_name(frame: Frame) -> str:
    """The name of the frame's function, `<lambda>` or `<module>`."""
    if frame.scope is None:
        return "<module>"
    return frame.scope.name if isinstance(frame.scope, FunctionDef | ClassDef) else "<lambda>"


def statement_of(frame: Frame, fact: Fact) -> Fact:
    """The innermost statement of the scope that a fact stands in; the fact itself in a lambda."""
    for statement in statements(body_of(frame)):
        if statement is fact:
            return statement
        if any(found is fact for top in expressions(statement) for found in walk(top)):
            return statement
    return fact


def is_tried(frame: Frame, fact: Fact) -> bool:
    """A fact of the scope stands in the body of a `try` with handlers."""
    tries = [found for found in statements(body_of(frame)) if isinstance(found, Try) and found.handlers]
    return any(holds(attempt.body, fact) for attempt in tries)
