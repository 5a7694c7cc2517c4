"""The `except` clauses of a `try`: which exceptions they take, and whether they raise them again."""

from __future__ import annotations

from fastapi_bgtask_lint.callgraph.covers import NOTHING, Caught, Cover, ExceptClause
from fastapi_bgtask_lint.callgraph.exceptions import caught_by
from fastapi_bgtask_lint.reading.facts import Break, Continue, ExceptHandler, Name, Raise, Return, Statement, Try
from fastapi_bgtask_lint.reading.traversal import statements
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.values import Context, External

_BROAD = frozenset({"Exception", "BaseException", "CancelledError"})


def cover_of(evaluator: Evaluator, attempt: Try, context: Context) -> Cover:
    """What the handlers of a `try` do for its body."""
    return Cover(attempt, _caught(evaluator, attempt.handlers, context))


def _caught(evaluator: Evaluator, handlers: tuple[ExceptHandler, ...], context: Context) -> Caught:
    clauses = tuple(
        ExceptClause(
            None if handler.catches is None else caught_by(evaluator, handler, context),
            reraises(handler),
        )
        for handler in handlers
    )
    return NOTHING if all(clause.reraises for clause in clauses) else frozenset({clauses})


def is_broad(evaluator: Evaluator, handler: ExceptHandler, context: Context) -> bool:
    """The handler is for every exception, or for cancellation."""
    if handler.catches is None:
        return True
    caught = caught_by(evaluator, handler, context)
    return any(isinstance(value, External) and value.name.rpartition(".")[2] in _BROAD for value in caught)


def reraises(handler: ExceptHandler) -> bool:
    """The handler ends in raising what it caught, on every path: a `return`, `break` or `continue` leads past it."""
    if not handler.body or not is_reraise(handler.body[-1], handler):
        return False
    return not any(isinstance(found, Return | Break | Continue) for found in statements(handler.body))


def is_reraise(statement: Statement, handler: ExceptHandler) -> bool:
    """`raise`, or `raise error` with the handler's own name."""
    if not isinstance(statement, Raise):
        return False
    exception = statement.exception
    return exception is None or (isinstance(exception, Name) and exception.id == handler.name)
