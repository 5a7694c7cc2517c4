"""Dependencies: what happens after their `yield`, and when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from fastapi_bgtask_lint.framework.scopes import calls
from fastapi_bgtask_lint.reading.facts import Attribute, Call, Constant, Expression, FunctionDef, Name, With, Yield
from fastapi_bgtask_lint.reading.traversal import holds, statements
from fastapi_bgtask_lint.resolving.calls import yields
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.values import (
    Entered,
    ExternalInstance,
    Frame,
    Function,
    Generator,
    Injected,
    Instance,
    Made,
    Site,
    Value,
    Values,
)

_ENDING = frozenset({"close", "aclose", "release", "disconnect", "unlink", "shutdown", "cleanup"})
_DEPTH = 3


@dataclass(eq=False)
class Providers:
    """Reads the functions behind `Depends(...)`."""

    evaluator: Evaluator
    safe: tuple[str, ...] = ()
    """Names of providers that the configuration calls safe."""
    _commits: dict[Frame, bool] = field(default_factory=dict)

    def is_request_scoped(self, origin: Injected) -> bool:
        """The provider yields, and is none that the configuration calls safe."""
        return any(True for _ in self._bodies(origin))

    def _bodies(self, origin: Injected) -> Iterator[Frame]:
        """The bodies of the provider's generator functions."""
        for provider in origin.provider:
            if isinstance(provider, Function) and not self._is_safe(provider):
                for made in self.evaluator.calls.call((provider,), (), Site(origin.frame, origin.parameter)):
                    if isinstance(made, Generator):
                        yield made.frame

    def _is_safe(self, provider: Function) -> bool:
        name = getattr(provider.definition, "name", "")
        dotted = ".".join((*provider.module.path.with_suffix("").parts, name))
        return any(dotted == safe or dotted.endswith(f".{safe}") for safe in self.safe)

    def ends_early(self, origin: Injected) -> bool:
        """`Depends(..., scope="function")`: the code after its `yield` runs before the response is sent."""
        markers = self.evaluator.annotations.markers(origin.parameter, origin.frame)
        sites = [marker.origin.site for marker in markers if isinstance(marker.origin, Made)]
        return bool(sites) and all(isinstance(site.fact, Call) and has_function_scope(site.fact) for site in sites)

    def sessions(self, origin: Injected) -> Iterator[Value]:
        """What the providers of a value are injected themselves, and those providers in turn."""
        yield from self._injected(origin.provider, _DEPTH)

    def _injected(self, providers: Values, depth: int) -> Iterator[Value]:
        if depth == 0:
            return
        for provider in providers:
            if not isinstance(provider, Function) or not isinstance(provider.definition, FunctionDef):
                continue
            frame = self.evaluator.frame(provider.module, provider.definition, provider.parent)
            for parameter in provider.definition.parameters:
                inner = self.evaluator.annotations.provider(parameter, frame)
                if inner:
                    yield from self.evaluator.annotations.parameter(parameter, frame)
                    yield from self._injected(inner, depth - 1)

    # --- after the yield ----------------------------------------------------------------------------------------------

    def closes(self, origin: Injected) -> bool:
        """The provider ends the life of what it yields."""
        return any(self._closes(frame, found) for frame in self._bodies(origin) for found in _yields(frame))

    def _closes(self, frame: Frame, found: Yield) -> bool:
        if found.value is None:
            return False
        if any(self._leaves_closing(value) for value in self.evaluator.evaluate(found.value, frame)):
            return True
        return any(
            isinstance(call.function, Attribute)
            and call.function.attr in _ENDING
            and call.at > found.at
            and self._is_same(call.function.value, found.value, frame)
            for _, call in calls(frame)
        )

    def _leaves_closing(self, value: Value) -> bool:
        """Bound by a `with` of a type that closes."""
        if not isinstance(value, ExternalInstance) or not isinstance(value.origin, Entered):
            return False
        row = self.evaluator.table.type(value.type)
        return row is not None and row.closes and not row.silent

    def _is_same(self, one: Expression, other: Expression, frame: Frame) -> bool:
        if isinstance(one, Name) and isinstance(other, Name):
            return one.id == other.id
        values = self.evaluator.evaluate(other, frame)
        return any(
            isinstance(value, ExternalInstance | Instance) and value in values
            for value in self.evaluator.evaluate(one, frame)
        )

    def commits(self, origin: Injected) -> bool:
        """The provider commits after its `yield` what was done with the session that it yields."""
        return any(self.commits_after(frame) for frame in self._bodies(origin))

    def commits_after(self, frame: Frame) -> bool:
        """The body commits after its `yield`: by a call, or by leaving a `with` that does."""
        if frame not in self._commits:
            found = _yields(frame)
            last = max((one.at for one in found), default=0)
            by_call = any(
                isinstance(call.function, Attribute) and call.function.attr == "commit" and call.at > last
                for _, call in calls(frame)
            )
            self._commits[frame] = bool(found) and (by_call or self._leaves_committing(frame, found))
        return self._commits[frame]

    def _leaves_committing(self, frame: Frame, found: list[Yield]) -> bool:
        """`with session.begin():` or `with sessions.begin() as session:` round the `yield`."""
        for statement in statements(getattr(frame.scope, "body", ())):
            if not isinstance(statement, With) or not any(holds(statement.body, one) for one in found):
                continue
            for item in statement.items:
                context = item.context
                if isinstance(context, Call) and getattr(context.function, "attr", "") == "begin":
                    return True
        return False


def has_function_scope(marker: Call) -> bool:
    """`Depends(..., scope="function")`."""
    return any(
        argument.keyword == "scope" and isinstance(argument.value, Constant) and argument.value.value == "function"
        for argument in marker.arguments
    )


def _yields(frame: Frame) -> list[Yield]:
    return yields(frame.scope) if isinstance(frame.scope, FunctionDef) else []
