"""A total order of values by what they are, and how deep they nest.

Sets of values are kept in this order, so that two sets with the same members are equal however they came about, and the
first of them is the same in every run.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeAlias

from fastapi_bgtask_lint.resolving.values import (
    Alias,
    Awaitable,
    CallArgument,
    Class,
    Context,
    Coroutine,
    Data,
    EnumMember,
    External,
    ExternalInstance,
    ExternalMethod,
    FromCall,
    FromParameter,
    FromRequestState,
    FromWith,
    Function,
    Generator,
    Injected,
    Instance,
    Literal,
    Loaded,
    ModuleValue,
    Origin,
    Partial,
    Site,
    Super,
    Unknown,
    Value,
    Values,
)

Key: TypeAlias = tuple[Any, ...]
"""Keys of values of one class have the same layout, and their first item is the rank of the class."""


def as_shared(values: Values) -> Values:
    """The values where others hold them, too: collections may have got further items."""
    if not any(isinstance(value, Data) and value.complete for value in values):
        return values
    shared = (replace(v, complete=False) if isinstance(v, Data) and v.complete else v for v in values)
    return canonical(tuple(shared))


def union(*groups: Values) -> Values:
    """All values of all groups, each once, in canonical order."""
    some = [group for group in groups if group]
    if len(some) < 2:
        return some[0] if some else ()
    first = some[0]
    if all(group == first for group in some):
        return first
    found = dict.fromkeys(value for group in some for value in group)
    return tuple(found) if len(found) == 1 else tuple(sorted(found, key=order_key))


def canonical(values: Values) -> Values:
    """The same values, each once, in canonical order."""
    return values if len(values) < 2 else union(values, values[:1])


def order_key(value: Value) -> Key:
    """The key of a value in the order."""
    known: Key | None = getattr(value, "_order", None)
    if known is not None:
        return known
    key = _key(value)
    if hasattr(type(value), "_order"):
        object.__setattr__(value, "_order", key)
    return key


def _key(value: Value) -> Key:
    match value:
        case Unknown():
            return (0,)
        case Literal():
            return (1, type(value.value).__name__, repr(value.value), value.computed)
        case Data():
            items = tuple((name, _keys(found)) for name, found in value.items)
            return (2, value.type, value.exact, value.complete, value.text is not None, value.text or "", items)
        case EnumMember():
            return (3, order_key(value.cls), value.name)
        case External():
            return (4, value.name)
        case ModuleValue():
            return (5, value.dotted, str(value.location.path))
        case Class():
            return (6, *_place(value.module.path, value.definition.at), context_key(value.parent))
        case Alias():
            return (7, value.base, *_place(value.context.module.path, value.expression.at), context_key(value.context))
        case _:
            return _key_of_composite(value)


def _key_of_composite(value: Value) -> Key:
    match value:
        case Function():
            holder = () if value.holder is None else order_key(value.holder)
            rest = (value.hides_async, value.manages, _keys(value.receiver), holder, value.configured)
            return (8, *_place(value.module.path, value.definition.at), context_key(value.parent), *rest)
        case Instance():
            return (9, order_key(value.cls), _named(value.arguments), _origin_key(value.origin))
        case ExternalInstance():
            entity = () if value.entity is None else order_key(value.entity)
            return (10, value.type, _origin_key(value.origin), entity)
        case ExternalMethod():
            return (11, value.name, order_key(value.receiver))
        case Partial():
            arguments = tuple(map(_argument_key, value.arguments))
            return (12, _site_key(value.site), _keys(value.function), arguments)
        case Coroutine() | Generator():
            return (13, type(value).__name__, order_key(value.function), context_key(value.context))
        case Awaitable():
            return (14, _keys(value.result), value.coroutine, _site_key(value.site))
        case Super():
            return (15, order_key(value.cls), _keys(value.receiver))
        case _:
            raise TypeError(f"{type(value).__name__} has no place in the order of values")


def context_key(context: Context | None) -> Key:
    """The key of a context."""
    if context is None:
        return ()
    if context.order is None:
        at = -1 if context.scope is None else context.scope.at
        place = _place(context.module.path, at)
        context.order = (*place, context_key(context.parent), _named(context.arguments), context.assumptions)
    return context.order


def _keys(values: Values) -> Key:
    return tuple(order_key(value) for value in values)


def _named(pairs: tuple[tuple[str, Values], ...]) -> Key:
    return tuple((name, _keys(values)) for name, values in pairs)


def _argument_key(argument: CallArgument) -> Key:
    return (argument.keyword or "", argument.star, _keys(argument.values))


def _place(path: object, at: int) -> Key:
    return (str(path), at)


def _site_key(site: Site | None) -> Key:
    return () if site is None else (*_place(site.module.path, site.fact.at), context_key(site.context))


def _origin_key(origin: Origin) -> Key:
    match origin:
        case None:
            return ()
        case FromCall():
            return (1, _site_key(origin.site))
        case FromWith():
            return (2, _site_key(origin.site), origin.statement.at)
        case FromRequestState():
            return (3, _site_key(origin.site))
        case Loaded():
            return (4, _site_key(origin.site), order_key(origin.session))
        case FromParameter():
            return (5, context_key(origin.context), origin.parameter.at)
        case Injected():
            return (6, context_key(origin.context), origin.parameter.at, _keys(origin.provider))


# --- nesting ----------------------------------------------------------------------------------------------------------


def nesting(value: Value) -> int:
    """How many values deep a value nests; a plain value is 0 deep."""
    known: int | None = getattr(value, "_nesting", None)
    if known is not None:
        return known
    depth = _nesting(value)
    if hasattr(type(value), "_nesting"):
        object.__setattr__(value, "_nesting", depth)
    return depth


def _nesting(value: Value) -> int:
    match value:
        case Data():
            return _above(value.items)
        case Function():
            return 1 + max(context_nesting(value.parent), deepest(value.receiver))
        case Instance():
            return max(_above(value.arguments), _origin_nesting(value.origin))
        case ExternalInstance():
            return max(_origin_nesting(value.origin), 0 if value.entity is None else 1 + nesting(value.entity))
        case ExternalMethod():
            return nesting(value.receiver)
        case Partial():
            held = [deepest(argument.values) for argument in value.arguments]
            return 1 + max([deepest(value.function), context_nesting(value.site.context), *held])
        case Coroutine() | Generator():
            return 1 + max(nesting(value.function), context_nesting(value.context))
        case Awaitable():
            return 1 + deepest(value.result)
        case Super():
            return 1 + deepest(value.receiver)
        case Class() | Alias():
            return context_nesting(value.parent if isinstance(value, Class) else value.context)
        case _:
            return 0


def deepest(values: Values) -> int:
    """How deep the deepest of some values nests."""
    return max(map(nesting, values), default=0)


def context_nesting(context: Context | None) -> int:
    """How deep the arguments of a context, and of those around it, nest."""
    if context is None:
        return 0
    if context.nesting is None:
        context.nesting = max(_above(context.arguments), context_nesting(context.parent))
    return context.nesting


def _above(pairs: tuple[tuple[str, Values], ...]) -> int:
    return 1 + max(deepest(values) for _, values in pairs) if pairs else 0


def _origin_nesting(origin: Origin) -> int:
    match origin:
        case FromCall() | FromWith() | FromRequestState():
            return context_nesting(origin.site.context)
        case Loaded():
            return max(context_nesting(origin.site.context), 1 + nesting(origin.session))
        case FromParameter():
            return context_nesting(origin.context)
        case Injected():
            return max(context_nesting(origin.context), 1 + deepest(origin.provider))
        case _:
            return 0
