"""Small programs for the tests of the engine: written to a folder, read, and asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from fastapi_bgtask_lint.application import Application, application
from fastapi_bgtask_lint.callgraph.body import Body
from fastapi_bgtask_lint.callgraph.search import Hit
from fastapi_bgtask_lint.framework.registrations.registrations import Registration
from fastapi_bgtask_lint.reading.facts import ClassDef, FunctionDef, If, Statement
from fastapi_bgtask_lint.reading.facts_cache import FactsCache
from fastapi_bgtask_lint.reading.traversal import statements
from fastapi_bgtask_lint.resolving.project import Module
from fastapi_bgtask_lint.resolving.scopes import calls
from fastapi_bgtask_lint.resolving.values import (
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
    Function,
    Generator,
    Instance,
    Literal,
    ModuleValue,
    Partial,
    Site,
    Unknown,
    Value,
    Values,
)
from fastapi_bgtask_lint.settings import Settings


class Program:
    """A module, perhaps with others beside it, and what is asked of its functions."""

    def __init__(self, folder: Path, text: str, others: Mapping[str, str] | None = None, head: str = "") -> None:
        for name, content in (others or {}).items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, "utf-8")
        path = folder / "module.py"
        path.write_text(head + text, "utf-8")
        self._head = head
        self.app: Application = application(folder, Settings(), {}, FactsCache())
        module = self.app.project.module(path)
        assert module is not None
        self.module: Module = module

    # --- functions ----------------------------------------------------------------------------------------------------

    def function(self, name: str) -> tuple[Function, Context]:
        """A function of the module, or a method as `Class.name`, and its body when nothing is known of its callers."""
        context = self.app.evaluator.module_context(self.module)
        body: tuple[Statement, ...] = self.module.facts.body
        *owners, last = name.split(".")
        for owner in owners:
            scope = _definition(body, owner)
            context, body = self.app.evaluator.context(self.module, scope, context), scope.body
        definition = _definition(body, last)
        assert isinstance(definition, FunctionDef)
        function = Function(definition, self.module, context)
        return function, self.app.evaluator.calls.enter(function, (), None)

    def returns(self, name: str) -> set[str]:
        """What a function can return, each value as a short text."""
        return shown(self.app.evaluator.calls.returns(*self.function(name)))

    def _calls(self, name: str, callee: str) -> Iterator[tuple[Function, tuple[CallArgument, ...], Site]]:
        """The calls in a function of a function of the module."""
        evaluator, (_, context) = self.app.evaluator, self.function(name)
        for _, call in calls(context):
            for value in evaluator.evaluate(call.function, context):
                if isinstance(value, Function) and getattr(value.definition, "name", "") == callee:
                    yield value, evaluator.calls.evaluated_arguments(call, context), Site(context, call)

    def callees(self, name: str, callee: str) -> list[Function]:
        """The function as the calls in another one see it, with its receiver, in the order of the calls."""
        return [value for value, _, _ in self._calls(name, callee)]

    def arguments(self, name: str, callee: str) -> list[tuple[CallArgument, ...]]:
        """What the calls in a function give a function of the module."""
        return [arguments for _, arguments, _ in self._calls(name, callee)]

    def entered(self, name: str, callee: str) -> list[Context]:
        """The contexts in which the calls in a function enter a function of the module."""
        return [self.app.evaluator.calls.enter(*found) for found in self._calls(name, callee)]

    def truth(self, name: str) -> bool | None:
        """The answer of the first `if` of a function."""
        (_, context) = self.function(name)
        return self.truth_in(context)

    def truth_in(self, context: Context) -> bool | None:
        """The answer of the first `if` in a context."""
        assert isinstance(context.scope, FunctionDef)
        test = next(s.branches[0].test for s in statements(context.scope.body) if isinstance(s, If))
        return self.app.evaluator.truth(test, context)

    # --- the call graph -----------------------------------------------------------------------------------------------

    def body(self, name: str) -> Body:
        return self.app.graph.body(self.function(name)[1])

    def hits(self, name: str) -> tuple[Hit, ...]:
        return self.app.graph.hits(*self.function(name))

    def line(self, hit: Hit) -> int:
        return hit.site.module.source.place(hit.site.fact.at).line - self._head.count("\n")

    # --- FastAPI ------------------------------------------------------------------------------------------------------

    def registrations(self) -> list[Registration]:
        return list(self.app.registrations.of(self.module))


def _definition(body: tuple[Statement, ...], name: str) -> FunctionDef | ClassDef:
    return next(s for s in statements(body) if isinstance(s, FunctionDef | ClassDef) and s.name == name)


def shown(values: Values) -> set[str]:
    """Values as short texts: `1`, `'text'`, `function`, `Class()`, `class Class`, `library.name`, `?` for unknown."""
    return set(map(_shown, values))


def _shown(value: Value) -> str:
    match value:
        case Unknown():
            return "?"
        case Literal(value=held):
            return repr(held)
        case Data(type="str", text=str() as text):
            return repr(text)
        case Data(items=()):
            return value.type
        case Data(items=items):
            inner = ", ".join(f"{key}: {' | '.join(sorted(shown(found)))}" for key, found in items)
            return f"{value.type}({inner})"
        case Function(definition=FunctionDef() as definition):
            return definition.name
        case Function():
            return "lambda"
        case Class():
            return f"class {value.definition.name}"
        case EnumMember():
            return f"{value.cls.definition.name}.{value.name}"
        case ModuleValue():
            return f"module {value.dotted}"
        case External():
            return value.name
        case Instance():
            return f"{value.cls.definition.name}()"
        case ExternalInstance():
            return f"a {value.type}"
        case ExternalMethod():
            return value.qualified
        case Partial(function=functions):
            return f"partial of {' | '.join(sorted(shown(functions)))}"
        case Coroutine(function=function) | Generator(function=function):
            return f"{type(value).__name__.lower()} of {_shown(function)}"
        case Awaitable(result=result):
            return f"awaitable of {' | '.join(sorted(shown(result)))}"
        case _:
            return type(value).__name__
