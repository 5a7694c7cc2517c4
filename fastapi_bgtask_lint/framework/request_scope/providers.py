"""Dependencies: what happens after their `yield`, and when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from fastapi_bgtask_lint.reading.facts import Attribute, Call, Constant, Expression, FunctionDef, Name, With, Yield
from fastapi_bgtask_lint.reading.traversal import holds, statements
from fastapi_bgtask_lint.resolving.calls import yields
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.scopes import calls
from fastapi_bgtask_lint.resolving.values import (
    Context,
    ExternalInstance,
    FromCall,
    FromWith,
    Function,
    Generator,
    Injected,
    Instance,
    Site,
    Value,
)

_ENDING = frozenset({"close", "aclose", "release", "disconnect", "unlink", "shutdown", "cleanup"})


@dataclass(eq=False)
class Providers:
    """Reads the functions behind `Depends(...)`."""

    evaluator: Evaluator
    safe: tuple[str, ...] = ()
    """Names of providers that the configuration calls safe."""
    _commits: dict[Context, bool] = field(default_factory=dict)

    def is_request_scoped(self, origin: Injected) -> bool:
        """The provider yields, and is none that the configuration calls safe."""
        return any(True for _ in self._bodies(origin))

    def _bodies(self, origin: Injected) -> Iterator[Context]:
        """The bodies of the provider's generator functions."""
        for provider in origin.provider:
            if isinstance(provider, Function) and not self._is_safe(provider):
                for made in self.evaluator.calls.call((provider,), (), Site(origin.context, origin.parameter)):
                    if isinstance(made, Generator):
                        yield made.context

    def _is_safe(self, provider: Function) -> bool:
        name = getattr(provider.definition, "name", "")
        dotted = ".".join((*provider.module.path.with_suffix("").parts, name))
        return any(dotted == safe or dotted.endswith(f".{safe}") for safe in self.safe)

    def ends_early(self, origin: Injected) -> bool:
        """`Depends(..., scope="function")`: the code after its `yield` runs before the response is sent."""
        markers = self.evaluator.annotations.markers(origin.parameter, origin.context)
        sites = [marker.origin.site for marker in markers if isinstance(marker.origin, FromCall)]
        return bool(sites) and all(isinstance(site.fact, Call) and has_function_scope(site.fact) for site in sites)

    def sessions(self, origin: Injected) -> Iterator[Value]:
        """What the providers of a value are injected themselves, and those providers in turn."""
        waiting = list(origin.provider)
        known = set(waiting)
        for provider in waiting:
            if not isinstance(provider, Function) or not isinstance(provider.definition, FunctionDef):
                continue
            context = self.evaluator.context(provider.module, provider.definition, provider.parent)
            for parameter in provider.definition.parameters:
                inner = self.evaluator.annotations.provider(parameter, context)
                if inner:
                    yield from self.evaluator.annotations.parameter(parameter, context)
                waiting += (found for found in inner if found not in known)
                known.update(inner)

    # --- after the yield ----------------------------------------------------------------------------------------------

    def closes(self, origin: Injected) -> bool:
        """The provider ends the life of what it yields."""
        return any(self._closes(context, found) for context in self._bodies(origin) for found in _yields(context))

    def _closes(self, context: Context, found: Yield) -> bool:
        if found.value is None:
            return False
        if any(self._leaves_closing(value) for value in self.evaluator.evaluate(found.value, context)):
            return True
        return any(
            isinstance(call.function, Attribute)
            and call.function.attr in _ENDING
            and call.at > found.at
            and self._is_same(call.function.value, found.value, context)
            for _, call in calls(context)
        )

    def _leaves_closing(self, value: Value) -> bool:
        """Bound by a `with` of a type that closes."""
        if not isinstance(value, ExternalInstance) or not isinstance(value.origin, FromWith):
            return False
        row = self.evaluator.table.type(value.type)
        return row is not None and row.closes and not row.silent

    def _is_same(self, one: Expression, other: Expression, context: Context) -> bool:
        if isinstance(one, Name) and isinstance(other, Name):
            return one.id == other.id
        values = self.evaluator.evaluate(other, context)
        return any(
            isinstance(value, ExternalInstance | Instance) and value in values
            for value in self.evaluator.evaluate(one, context)
        )

    def commits(self, origin: Injected) -> bool:
        """The provider commits after its `yield` what was done with the session that it yields."""
        return any(self.commits_after(context) for context in self._bodies(origin))

    def commits_after(self, context: Context) -> bool:
        """The body commits after its `yield`: by a call, or by leaving a `with` that does."""
        if context not in self._commits:
            found = _yields(context)
            last = max((one.at for one in found), default=0)
            by_call = any(
                isinstance(call.function, Attribute) and call.function.attr == "commit" and call.at > last
                for _, call in calls(context)
            )
            self._commits[context] = bool(found) and (by_call or self._leaves_committing(context, found))
        return self._commits[context]

    def _leaves_committing(self, context: Context, found: list[Yield]) -> bool:
        """`with session.begin():` or `with sessions.begin() as session:` round the `yield`."""
        for statement in statements(getattr(context.scope, "body", ())):
            if not isinstance(statement, With) or not any(holds(statement.body, one) for one in found):
                continue
            for item in statement.items:
                context_expr = item.context_expr
                if isinstance(context_expr, Call) and getattr(context_expr.function, "attr", "") == "begin":
                    return True
        return False


def has_function_scope(marker: Call) -> bool:
    """`Depends(..., scope="function")`."""
    return any(
        argument.keyword == "scope" and isinstance(argument.value, Constant) and argument.value.value == "function"
        for argument in marker.arguments
    )


def _yields(context: Context) -> list[Yield]:
    return yields(context.scope) if isinstance(context.scope, FunctionDef) else []
