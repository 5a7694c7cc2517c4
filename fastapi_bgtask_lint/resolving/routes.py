"""Which HTTP methods lead to a function, by the decorators that make it a path operation."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi_bgtask_lint.reading.facts import Attribute, Call, Collection, Constant, Expression, ExprStmt, FunctionDef
from fastapi_bgtask_lint.reading.traversal import last_name
from fastapi_bgtask_lint.resolving.project import Module
from fastapi_bgtask_lint.resolving.values import Context

ROUTES = frozenset({"get", "post", "put", "patch", "delete", "options", "head", "trace"})
_GENERIC = frozenset({"api_route", "route"})
_ADDING = "add_api_route"


def request_methods(context: Context) -> tuple[str, ...]:
    """The methods of the requests that a path operation answers; empty where they are not all known."""
    if not isinstance(context.scope, FunctionDef):
        return ()
    found: dict[str, None] = {}
    for decorator in context.scope.decorators:
        if not isinstance(decorator, Call) or not isinstance(decorator.function, Attribute):
            continue
        name = decorator.function.attr
        if name in ROUTES:
            found[name.upper()] = None
        elif name in _GENERIC:
            methods = _listed(decorator)
            if not methods:
                return ()
            found |= dict.fromkeys(methods)
    added = _added(context.module, context.scope.name) if context.parent and context.parent.scope is None else ()
    for call in added:
        methods = _listed(call)
        if not methods:
            return ()
        found |= dict.fromkeys(methods)
    return tuple(sorted(found))


def _added(module: Module, name: str) -> Iterator[Call]:
    """The calls of a module that add a function to a router: `router.add_api_route("/path", name)`."""
    for statement in module.skeleton:
        if isinstance(statement, ExprStmt) and isinstance(statement.value, Call):
            call = statement.value
            endpoints = [a.value for i, a in enumerate(call.arguments) if a.keyword == "endpoint" or i == 1]
            if last_name(call.function) == _ADDING and any(last_name(endpoint) == name for endpoint in endpoints):
                yield call


def _listed(call: Call) -> tuple[str, ...]:
    """The methods of `api_route(path, methods=["GET", "POST"])`; GET where it names none."""
    if any(argument.star for argument in call.arguments):
        return ()
    listed: Expression | None = next((a.value for a in call.arguments if a.keyword == "methods"), None)
    if listed is None:
        return ("GET",) if last_name(call.function) != "route" else ()
    items = listed.items if isinstance(listed, Collection) else ()
    if not all(isinstance(item, Constant) and isinstance(item.value, str) for item in items):
        return ()
    return tuple(str(item.value).upper() for item in items if isinstance(item, Constant))
