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
    Unread,
)
from fastapi_bgtask_lint.reading.source import Fits
from fastapi_bgtask_lint.reading.traversal import blocks, expressions, holds, statements, walk
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.project import Module
from fastapi_bgtask_lint.resolving.values import Frame


@dataclass(frozen=True, slots=True)
class Step:
    """An expression and the statement that it stands in."""

    statement: Statement
    expression: Expression


def anything(text: str) -> bool:
    """Whatever is written."""
    return True


def scopes_saying(evaluator: Evaluator, module: Module, fits: Fits) -> Iterator[Frame]:
    """The module itself and those of its functions whose text, or that of a function round them, it fits."""
    root = evaluator.module_frame(module)
    yield root
    yield from _inner(evaluator, root, module.sketch, fits)


def nested(evaluator: Evaluator, frame: Frame) -> Iterator[Frame]:
    """A function and those that are nested in it, when nothing is known of its callers."""
    root = _plain(evaluator, frame)
    yield root
    yield from _inner(evaluator, root, body_of(root), anything)


def _plain(evaluator: Evaluator, frame: Frame) -> Frame:
    parent = None if frame.parent is None else _plain(evaluator, frame.parent)
    return evaluator.frame(frame.module, frame.scope, parent)


def _inner(evaluator: Evaluator, parent: Frame, body: tuple[Statement, ...], fits: Fits) -> Iterator[Frame]:
    module = parent.module
    for found in _definitions(body):
        if isinstance(found, Unread) and not module.source.says(found, fits):
            continue
        definition = module.definition(found)
        if definition is None:
            continue
        frame = evaluator.frame(module, definition, parent)
        if isinstance(definition, FunctionDef):
            yield frame
        yield from _inner(evaluator, frame, definition.body, fits)


def _definitions(body: tuple[Statement, ...]) -> Iterator[FunctionDef | ClassDef | Unread]:
    stack = list(reversed(body))
    while stack:
        statement = stack.pop()
        if isinstance(statement, FunctionDef | ClassDef | Unread):
            yield statement
        else:
            stack.extend(reversed([child for block in blocks(statement) for child in block]))


def body_of(frame: Frame) -> tuple[Statement, ...]:
    """The statements of a frame's scope, the definitions in a module not read; a lambda has none."""
    if frame.scope is None:
        return frame.module.sketch
    return getattr(frame.scope, "body", ()) if isinstance(frame.scope, FunctionDef | ClassDef) else ()


def whole_body_of(frame: Frame) -> tuple[Statement, ...]:
    """The same with the definitions in a module read, for those who look into them."""
    return frame.module.facts.body if frame.scope is None else body_of(frame)


def steps(frame: Frame) -> Iterator[Step]:
    """All expressions of the scope's own body, nested definitions left out, in the order of the source."""
    return _steps(body_of(frame))


def _steps(body: tuple[Statement, ...]) -> Iterator[Step]:
    for statement in statements(body):
        for top in expressions(statement):
            for expression in walk(top):
                yield Step(statement, expression)


def steps_saying(frame: Frame, fits: Fits) -> Iterator[Step]:
    """All expressions of the scope's own body; of a module, those of the statements that it fits."""
    return _steps(frame.module.saying(fits) if frame.scope is None else body_of(frame))


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
