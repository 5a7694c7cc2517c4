"""What is done once and then kept: the answer of a cached function, a value that is made where it is missing."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi_bgtask_lint.callgraph.search import Hit
from fastapi_bgtask_lint.reading.facts import (
    Assign,
    Attribute,
    Expression,
    Fact,
    FunctionDef,
    GlobalDecl,
    If,
    Name,
    Return,
    Statement,
    Subscript,
)
from fastapi_bgtask_lint.reading.traversal import expressions, statements, walk
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.library import decorator_name
from fastapi_bgtask_lint.resolving.values import Context, Site

_CACHES = frozenset(
    {"functools.lru_cache", "functools.cache", "functools.cached_property", "cachetools.cached",
     "cachetools.cachedmethod", "cachetools.func.lru_cache", "cachetools.func.lfu_cache", "cachetools.func.fifo_cache"}
)  # fmt: skip


def is_kept(evaluator: Evaluator, hit: Hit) -> bool:
    """The code keeps what this gave, so that a later task does not do it again."""
    return any(_is_cached(evaluator, site.context) or _is_made_when_missing(site) for site in hit.chain)


def _is_cached(evaluator: Evaluator, context: Context) -> bool:
    if not isinstance(context.scope, FunctionDef):
        return False
    outside = context.parent or context
    found = (value for decorator in context.scope.decorators for value in evaluator.evaluate(decorator, outside))
    return any(decorator_name(value) in _CACHES for value in found)


def _is_made_when_missing(site: Site) -> bool:
    """`if _x is None: _x = f()`, and `if _x: return _x` with `_x = f()` below it, `_x` outliving the function."""
    scope = site.context.scope
    if not isinstance(scope, FunctionDef):
        return False
    body = scope.body
    own = _own_names(scope)
    kept = _outliving(body, own)
    if not kept:
        return False
    for question in (statement for statement in statements(body) if isinstance(statement, If)):
        for branch in question.branches:
            tested = {key for part in walk(branch.test) if (key := _key(part)) in kept}
            if not tested:
                continue
            if tested & _outliving(branch.body, own) and _holds(branch.body, site.fact):
                return True
            if any(isinstance(inner, Return) for inner in branch.body) and site.fact.at > question.at:
                return True
    return False


def _own_names(function: FunctionDef) -> set[str]:
    """The names that end with the function: its parameters, and what it assigns without declaring it global."""
    declared = {name for found in statements(function.body) if isinstance(found, GlobalDecl) for name in found.names}
    assigned = {target.id for target in _targets(function.body) if isinstance(target, Name)}
    return {parameter.name for parameter in function.parameters} | (assigned - declared)


def _outliving(part: tuple[Statement, ...], own: set[str]) -> set[str]:
    """The names and attributes that a part of a function's body assigns, or fills, and that outlive the function."""
    held = (target.value if isinstance(target, Subscript) else target for target in _targets(part))
    return {key for target in held if (key := _key(target)) and key not in own}


def _targets(part: tuple[Statement, ...]) -> Iterator[Expression]:
    for statement in statements(part):
        yield from statement.targets if isinstance(statement, Assign) else ()


def _key(expression: Expression) -> str:
    """A name, or `self.x` as text; nothing for anything else."""
    match expression:
        case Name(id=name):
            return name
        case Attribute(value=Name(id=name), attr=attribute):
            return f"{name}.{attribute}"
        case _:
            return ""


def _holds(body: tuple[Statement, ...], fact: Fact) -> bool:
    return any(
        statement is fact or any(inner is fact for top in expressions(statement) for inner in walk(top))
        for statement in statements(body)
    )
