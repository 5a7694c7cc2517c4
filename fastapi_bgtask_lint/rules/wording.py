"""The words that several rules' messages share."""

from __future__ import annotations

from fastapi_bgtask_lint.knowledge import Row
from fastapi_bgtask_lint.resolving.values import Class, External, ExternalInstance, ExternalMethod, Instance, Value


def type_name(value: Value) -> str:
    """The name of a class, or of an object's class, as people write it."""
    match value:
        case Instance():
            return value.cls.definition.name
        case Class():
            return value.definition.name
        case External(name=name) | ExternalInstance(type=name):
            return name.rpartition(".")[2]
        case _:
            return "an exception"


def callable_name(value: Value) -> str:
    """The name of a library's callable."""
    match value:
        case External(name=name):
            return name
        case ExternalMethod():
            return value.qualified
        case _:
            return "this call"


def instead(row: Row) -> str:
    """What to do in place of a blocking call."""
    if row.instead:
        return f"use {row.instead}, or hand it to run_in_threadpool"
    return "hand it to run_in_threadpool"
