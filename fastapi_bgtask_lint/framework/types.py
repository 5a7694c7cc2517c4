"""Classes of FastAPI and Starlette, and predicates on values for being such a class or an instance of one."""

from __future__ import annotations

from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.values import Class, External, ExternalInstance, Instance, Value

_TASKS = frozenset(
    {"fastapi.BackgroundTasks", "fastapi.background.BackgroundTasks", "starlette.background.BackgroundTasks"}
)
_TASK = frozenset({"starlette.background.BackgroundTask", "fastapi.background.BackgroundTask"})
_RESPONSE = "starlette.responses.Response"
_HTTP_EXCEPTIONS = frozenset(
    {"fastapi.HTTPException", "fastapi.exceptions.HTTPException", "starlette.exceptions.HTTPException"}
)
ROUTES = frozenset({"get", "post", "put", "patch", "delete", "options", "head", "trace", "api_route"})


def is_background_tasks(evaluator: Evaluator, value: Value) -> bool | None:
    """Whether a value is an instance of `BackgroundTasks`; None if unknown."""
    match value:
        case ExternalInstance(type=name):
            return None if name.endswith("()") else name in _TASKS
        case Instance():
            return _derives(evaluator, value.cls, _TASKS)
        case _:
            return None if _is_unknown(value) else False


def builds_tasks(evaluator: Evaluator, value: Value) -> bool:
    """Whether a value is the class `BackgroundTasks` or a subclass."""
    return _is_class_of(evaluator, value, _TASKS)


def builds_task(evaluator: Evaluator, value: Value) -> bool:
    """Whether a value is the class `BackgroundTask` or a subclass."""
    return _is_class_of(evaluator, value, _TASK)


def is_background_task(evaluator: Evaluator, value: Value) -> bool:
    """Whether a value is an instance of `BackgroundTask`, which `BackgroundTasks` is not here."""
    match value:
        case ExternalInstance(type=name):
            return name in _TASK
        case Instance():
            return _derives(evaluator, value.cls, _TASK) is True
        case _:
            return False


def is_response(evaluator: Evaluator, value: Value) -> bool:
    """Whether a value is an instance of Starlette's `Response` or of a subclass."""
    match value:
        case ExternalInstance(type=name):
            return _is_response_class(evaluator, name)
        case Instance():
            return any(
                isinstance(base, External) and _is_response_class(evaluator, base.name)
                for base in evaluator.classes.external_bases(value.cls)
            )
        case _:
            return False


def _is_response_class(evaluator: Evaluator, name: str) -> bool:
    return evaluator.table.is_subtype(name, _RESPONSE) is True


def exception_names(evaluator: Evaluator, value: Value) -> frozenset[str]:
    """The qualified names of an exception's class: its own, or those of its bases outside the project."""
    match value:
        case External(name=name) | ExternalInstance(type=name):
            return frozenset({name})
        case Class():
            return _bases(evaluator, value)
        case Instance():
            return _bases(evaluator, value.cls)
        case _:
            return frozenset()


def _bases(evaluator: Evaluator, cls: Class) -> frozenset[str]:
    return frozenset(b.name for b in evaluator.classes.external_bases(cls) if isinstance(b, External))


def is_http_exception(evaluator: Evaluator, value: Value) -> bool:
    """Whether a class, or the class of an instance, is `HTTPException` of FastAPI or Starlette, or a subclass."""
    return bool(exception_names(evaluator, value) & _HTTP_EXCEPTIONS)


def _is_class_of(evaluator: Evaluator, value: Value, names: frozenset[str]) -> bool:
    match value:
        case External(name=name):
            return name in names
        case Class():
            return _derives(evaluator, value, names) is True
        case _:
            return False


def _derives(evaluator: Evaluator, cls: Class, names: frozenset[str]) -> bool | None:
    answer: bool | None = False
    for base in evaluator.classes.external_bases(cls):
        if not isinstance(base, External):
            answer = None
        elif base.name in names:
            return True
    return answer


def _is_unknown(value: Value) -> bool:
    return type(value).__name__ in ("Unknown", "ExternalMethod", "Super")
