"""The functions of a module, each with the context of its body when nothing is known of its callers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi_bgtask_lint.reading.facts import (
    Call,
    ClassDef,
    DeferredDefinition,
    Expression,
    Fact,
    FunctionDef,
    Statement,
    Try,
)
from fastapi_bgtask_lint.reading.source import Fits
from fastapi_bgtask_lint.reading.traversal import blocks, expressions, holds, statements, walk
from fastapi_bgtask_lint.resolving.values import Context

if TYPE_CHECKING:
    from fastapi_bgtask_lint.resolving.evaluation import Evaluator
    from fastapi_bgtask_lint.resolving.project import Module


@dataclass(frozen=True, slots=True)
class Step:
    """An expression and the statement that it stands in."""

    statement: Statement
    expression: Expression


def anything(text: str) -> bool:
    """Whatever is written."""
    return True


def scopes_saying(evaluator: Evaluator, module: Module, fits: Fits) -> Iterator[Context]:
    """The module itself and those of its functions whose text, or that of a function round them, it fits."""
    root = evaluator.module_context(module)
    yield root
    yield from _inner(evaluator, root, module.skeleton, fits)


def nested(evaluator: Evaluator, context: Context) -> Iterator[Context]:
    """A function and those that are nested in it, when nothing is known of its callers."""
    root = _plain(evaluator, context)
    yield root
    yield from _inner(evaluator, root, body_of(root), anything)


def _plain(evaluator: Evaluator, context: Context) -> Context:
    parent = None if context.parent is None else _plain(evaluator, context.parent)
    return evaluator.context(context.module, context.scope, parent)


def _inner(evaluator: Evaluator, parent: Context, body: tuple[Statement, ...], fits: Fits) -> Iterator[Context]:
    module = parent.module
    for found in _definitions(body):
        if isinstance(found, DeferredDefinition) and not module.source.says(found, fits):
            continue
        definition = module.definition(found)
        if definition is None:
            continue
        context = evaluator.context(module, definition, parent)
        if isinstance(definition, FunctionDef):
            yield context
        yield from _inner(evaluator, context, definition.body, fits)


def _definitions(body: tuple[Statement, ...]) -> Iterator[FunctionDef | ClassDef | DeferredDefinition]:
    stack = list(reversed(body))
    while stack:
        statement = stack.pop()
        if isinstance(statement, FunctionDef | ClassDef | DeferredDefinition):
            yield statement
        else:
            stack.extend(reversed([child for block in blocks(statement) for child in block]))


def body_of(context: Context) -> tuple[Statement, ...]:
    """The statements of a context's scope, the definitions in a module not read; a lambda has none."""
    if context.scope is None:
        return context.module.skeleton
    return getattr(context.scope, "body", ()) if isinstance(context.scope, FunctionDef | ClassDef) else ()


def whole_body_of(context: Context) -> tuple[Statement, ...]:
    """The same with the definitions in a module read, for those who look into them."""
    return context.module.facts.body if context.scope is None else body_of(context)


def steps(context: Context) -> Iterator[Step]:
    """All expressions of the scope's own body, nested definitions left out, in the order of the source."""
    return _steps(body_of(context))


def _steps(body: tuple[Statement, ...]) -> Iterator[Step]:
    for statement in statements(body):
        for top in expressions(statement):
            for expression in walk(top):
                yield Step(statement, expression)


def steps_saying(context: Context, fits: Fits) -> Iterator[Step]:
    """All expressions of the scope's own body; of a module, those of the statements that it fits."""
    return _steps(context.module.saying(fits) if context.scope is None else body_of(context))


def calls(context: Context) -> Iterator[tuple[Statement, Call]]:
    """All calls of the scope's own body with their statements."""
    for step in steps(context):
        if isinstance(step.expression, Call):
            yield step.statement, step.expression


def function_name(context: Context) -> str:
    """The name of the context's function, `<lambda>` or `<module>`."""
    if context.scope is None:
        return "<module>"
    return context.scope.name if isinstance(context.scope, FunctionDef | ClassDef) else "<lambda>"


def statement_of(context: Context, fact: Fact) -> Fact:
    """The innermost statement of the scope that a fact stands in; the fact itself in a lambda."""
    for statement in statements(body_of(context)):
        if statement is fact:
            return statement
        if any(found is fact for top in expressions(statement) for found in walk(top)):
            return statement
    return fact


def is_tried(context: Context, fact: Fact) -> bool:
    """A fact of the scope stands in the body of a `try` with handlers."""
    tries = [found for found in statements(body_of(context)) if isinstance(found, Try) and found.handlers]
    return any(holds(attempt.body, fact) for attempt in tries)
