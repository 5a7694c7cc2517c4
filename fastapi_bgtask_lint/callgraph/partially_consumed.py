"""Generator dependencies that a function starts by hand and does not run to their end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fastapi_bgtask_lint.callgraph.leaves import Leaf, LeafKind
from fastapi_bgtask_lint.reading.facts import (
    Attribute,
    Call,
    Expression,
    For,
    Return,
    Statement,
)
from fastapi_bgtask_lint.reading.traversal import breaks, statements
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.scopes import function_name
from fastapi_bgtask_lint.resolving.values import Context, External, Generator, Site

_STEPPING = frozenset({"builtins.next", "builtins.anext"})
_STEPS = frozenset({"__next__", "__anext__"})


@dataclass(frozen=True, slots=True)
class PartialConsumption:
    """Looks for them; the generator is the leaf's `generator`."""

    evaluator: Evaluator

    def by_call(self, call: Call, context: Context) -> Iterator[Leaf]:
        """`next(get())`, `anext(get())` and `get().__next__()`: nothing keeps the generator, so it ends at once."""
        source = self._stepped(call, context)
        if isinstance(source, Call):
            yield from self._leaves(source, Site(context, call))

    def _stepped(self, call: Call, context: Context) -> Expression | None:
        function = call.function
        if isinstance(function, Attribute) and function.attr in _STEPS:
            return function.value
        callees = self.evaluator.evaluate(function, context)
        if call.arguments and any(isinstance(callee, External) and callee.name in _STEPPING for callee in callees):
            return call.arguments[0].value
        return None

    def by_loop(self, loop: For, context: Context) -> Iterator[Leaf]:
        """`for value in get():` that is left by `return` or `break`."""
        if isinstance(loop.iterable, Call) and (_returns(loop.body) or breaks(loop.body)):
            yield from self._leaves(loop.iterable, Site(context, loop))

    def _leaves(self, source: Call, site: Site) -> Iterator[Leaf]:
        for value in self.evaluator.evaluate(source, site.context):
            if isinstance(value, Generator) and not value.function.manages:
                yield Leaf(LeafKind.PARTIAL_CONSUMPTION, function_name(value.context), site, generator=value)


def _returns(body: tuple[Statement, ...]) -> bool:
    return any(isinstance(statement, Return) for statement in statements(body))
