"""What was done when modules were imported, and is kept: a cached function does not run again for the same call."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TypeAlias

from fastapi_bgtask_lint.callgraph.sources import Sources
from fastapi_bgtask_lint.dependencies import Search
from fastapi_bgtask_lint.reading.facts import (
    Assign,
    Attribute,
    Branch,
    Call,
    Constant,
    Expression,
    ExprStmt,
    FunctionDef,
    GlobalDecl,
    Name,
    Operation,
)
from fastapi_bgtask_lint.reading.traversal import children, last_name, statements
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.library import decorator_name
from fastapi_bgtask_lint.resolving.project import Module
from fastapi_bgtask_lint.resolving.values import CallArgument, Context, Data, Function, Literal, Site, Value

_CACHES = frozenset({"functools.lru_cache", "functools.cache"})
_Calls: TypeAlias = "dict[str, tuple[Call, ...]]"
_NO_CALLS: _Calls = {}


class ImportTime:
    """Asks the modules that are certainly imported before a call: its own, and that of the function called."""

    def __init__(self, evaluator: Evaluator, sources: Sources) -> None:
        self._evaluator = evaluator
        self._sources = sources
        self._calls = evaluator.solver.query(_calls_at_import, _NO_CALLS)

    def has_computed(self, function: Function, arguments: tuple[CallArgument, ...], site: Site) -> bool:
        """A cached function was called with these arguments at import, and nothing clears its cache."""
        definition = function.definition
        if not isinstance(definition, FunctionDef) or not definition.decorators or function.receiver:
            return False
        if definition.is_async or definition.is_generator:
            return False
        calls = list(self._made_at_import(definition, function.module, site.module))
        if not calls or not self._is_cached(function, definition, is_keyed=bool(arguments)):
            return False
        if not any(_are_same(arguments, self._evaluator.calls.evaluated_arguments(*call)) for call in calls):
            return False
        return not self._sources.files_with(_clearing(definition.name))

    def has_filled(self, branch: Branch, context: Context) -> bool:
        """`if _x is None: _x = make()` in a function that was called when its module was imported: `_x` is there."""
        function, test = context.scope, branch.test
        if not isinstance(function, FunctionDef) or not isinstance(test, Operation) or test.operator != "is":
            return False
        key = _kept(test.operands[0], function)
        if not key or not isinstance(test.operands[1], Constant) or test.operands[1].kind != "none":
            return False
        assigned = [_kept(t, function) for s in statements(branch.body) if isinstance(s, Assign) for t in s.targets]
        if key not in assigned or not list(self._made_at_import(function, context.module, context.module)):
            return False
        return not self._is_assigned_elsewhere(key.rpartition(".")[2], function, context.module)

    def _made_at_import(self, definition: FunctionDef, home: Module, caller: Module) -> Iterator[tuple[Call, Context]]:
        """The calls of a function that are made whenever these modules are imported."""
        for module in (home, caller) if home is not caller else (home,):
            context = self._evaluator.module_context(module)
            for call in self._calls(module).get(definition.name, ()):
                values = self._evaluator.evaluate(call.function, context)
                if len(values) == 1 and getattr(values[0], "definition", None) is definition:
                    yield call, context

    def _is_cached(self, function: Function, definition: FunctionDef, is_keyed: bool) -> bool:
        """The outermost decorator is a cache that keeps what was computed for these arguments."""
        decorator = definition.decorators[0]
        if isinstance(decorator, Call):
            sizes = [argument.value for argument in decorator.arguments]
            if any(not isinstance(size, Constant) or size.value == 0 for size in sizes):
                return False
            if is_keyed and not all(isinstance(size, Constant) and size.kind == "none" for size in sizes):
                return False
        values = self._evaluator.evaluate(decorator, function.parent)
        return len(values) == 1 and decorator_name(values[0]) in _CACHES

    def _is_assigned_elsewhere(self, name: str, function: FunctionDef, home: Module) -> bool:
        """Other code than the function, and the class or module around it, may assign to a name or an attribute."""
        own = sum(
            last_name(target) == name
            for statement in statements(function.body)
            if isinstance(statement, Assign)
            for target in statement.targets
        )
        search = _assigning(name)
        if any(path != home.path for path in self._sources.files_with(search)):
            return True
        text = self._evaluator.project.text(home.path)
        initial = len(re.findall(rb"\b%b[ \t]*(?::[^=\n]*)?=[ \t]*None\b" % re.escape(name.encode()), text))
        return len(re.findall(search.patterns[0], text)) > own + min(initial, 1)


def _kept(expression: Expression, function: FunctionDef) -> str:
    """A name that is declared global, or an attribute of the class in a class method, as text; else nothing."""
    match expression:
        case Name(id=name):
            declared = (found.names for found in statements(function.body) if isinstance(found, GlobalDecl))
            return name if any(name in names for names in declared) else ""
        case Attribute(value=Name(id=owner), attr=name):
            is_class = any(last_name(decorator) == "classmethod" for decorator in function.decorators)
            return f"{owner}.{name}" if is_class and owner == function.parameters[0].name else ""
        case _:
            return ""


def _clearing(name: str) -> Search:
    return Search((b"cache_clear",), (rb"\b%b\.cache_clear\b" % re.escape(name.encode()),))


def _assigning(name: str) -> Search:
    word = re.escape(name.encode())
    return Search((name.encode(),), (rb"\b%b\b[ \t]*(?::[^=\n]*)?=(?!=)" % word,))


def _are_same(asked: tuple[CallArgument, ...], made: tuple[CallArgument, ...]) -> bool:
    """Both calls have the same constants as arguments."""
    return len(asked) == len(made) and all(
        one.keyword == other.keyword
        and not one.star
        and one.values == other.values
        and len(one.values) == 1
        and _is_constant(one.values[0])
        for one, other in zip(asked, made, strict=True)
    )


def _is_constant(value: Value) -> bool:
    match value:
        case Literal():
            return not value.computed
        case Data(type="str", text=str()):
            return True
        case _:
            return False


def _calls_at_import(module: Module) -> _Calls:
    """The calls that the statements of a module always make, by the name of what is called."""
    found: dict[str, tuple[Call, ...]] = {}
    for statement in module.skeleton:
        if not isinstance(statement, Assign | ExprStmt) or statement.value is None:
            continue
        stack = [statement.value]
        while stack:
            current = stack.pop()
            if isinstance(current, Call):
                name = last_name(current.function)
                found[name] = (*found.get(name, ()), current)
            if isinstance(current, Call | Attribute):
                stack.extend(children(current))
    return found
