"""The one way from a callable to its row in the table of libraries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi_bgtask_lint.reading.facts import FunctionDef
from fastapi_bgtask_lint.resolving.values import (
    Class,
    External,
    ExternalInstance,
    ExternalMethod,
    Function,
    Value,
)

if TYPE_CHECKING:
    from fastapi_bgtask_lint.knowledge import Row
    from fastapi_bgtask_lint.resolving.evaluation import Evaluator


def qualified_name(value: Value) -> str:
    """The qualified name of what calling a value calls; empty where it has none.

    An object of a library is called by its `__call__`, a function of the project goes by its own name.
    """
    match value:
        case External(name=name):
            return name
        case ExternalMethod():
            return value.qualified
        case ExternalInstance(type=name):
            return f"{name}.__call__"
        case Function(definition=FunctionDef() as definition):
            return definition.name
        case _:
            return ""


def row_of(evaluator: Evaluator, value: Value) -> Row | None:
    """What the table, or the configuration, says of calling a value."""
    table = evaluator.table
    match value:
        case External(name=name):
            return table.row(name)
        case ExternalMethod():
            return table.method(value.receiver.type, value.name)
        case ExternalInstance():
            return table.method(value.type, "__call__")
        case Function() | Class():
            configured = evaluator.configured(value)
            return table.row(configured) if configured is not None else None
        case _:
            return None
