"""Which HTTP methods lead to a function, by the decorators that make it a path operation."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi_bgtask_lint.reading.facts import Attribute, Call, Collection, Constant, Expression, FunctionDef
from fastapi_bgtask_lint.resolving.values import Context

ROUTES = frozenset({"get", "post", "put", "patch", "delete", "options", "head", "trace"})
_GENERIC = frozenset({"api_route", "route"})


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
            methods = list(_listed(decorator))
            if not methods:
                return ()
            found |= dict.fromkeys(methods)
    return tuple(sorted(found))


def _listed(decorator: Call) -> Iterator[str]:
    """The methods of `api_route(path, methods=["GET", "POST"])`."""
    listed: Expression | None = next((a.value for a in decorator.arguments if a.keyword == "methods"), None)
    if not isinstance(listed, Collection):
        return
    for item in listed.items:
        if not isinstance(item, Constant) or not isinstance(item.value, str):
            return
        yield item.value.upper()
