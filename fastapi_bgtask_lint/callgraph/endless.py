"""Loops and retries that go on for ever."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fastapi_bgtask_lint.callgraph.exits import ENDS
from fastapi_bgtask_lint.callgraph.leaves import Leaf, LeafKind
from fastapi_bgtask_lint.knowledge import Row
from fastapi_bgtask_lint.reading.facts import (
    Await,
    Call,
    Collection,
    Comprehension,
    Constant,
    Expression,
    ExprStmt,
    For,
    FunctionDef,
    Raise,
    Return,
    Statement,
    While,
    With,
)
from fastapi_bgtask_lint.reading.traversal import breaks, parts, statements
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.values import Context, External, ExternalInstance, FromCall, Function, Site

_FOR_EVER = frozenset({"itertools.count", "itertools.cycle"})
_REPEAT = "itertools.repeat"


@dataclass(frozen=True, slots=True)
class EndlessLoops:
    """Looks for them. A deadline of the loop only ends what awaits: such a leaf counts as awaited."""

    evaluator: Evaluator

    def by_loop(self, loop: Statement, context: Context) -> Iterator[Leaf]:
        """`while True`, or `for` over what never runs out, that no `break`, `return` or `raise` in it ends."""
        if isinstance(loop, While):
            goes_on = _is_true(loop.test)
        else:
            goes_on = isinstance(loop, For) and self._never_runs_out(loop.iterable, context)
        if not goes_on or self._is_left(loop, context):
            return
        awaits = any(isinstance(part, Await) for part in parts(loop.body)) or _awaits_otherwise(loop)  # type: ignore[union-attr]
        yield Leaf(LeafKind.ENDLESS, "loop", Site(context, loop), awaited=awaits)

    def _never_runs_out(self, iterable: Expression, context: Context) -> bool:
        if not isinstance(iterable, Call):
            return False
        names = {v.name for v in self.evaluator.evaluate(iterable.function, context) if isinstance(v, External)}
        if names & _FOR_EVER:
            return True
        if _REPEAT in names:
            return len(iterable.arguments) == 1
        return any(row is not None and _is_unbounded(row, iterable) for row in map(self.evaluator.table.row, names))

    def _is_left(self, loop: Statement, context: Context) -> bool:
        """Something in the loop leaves it; a call that is known never to return does so too."""
        body = loop.body if isinstance(loop, While | For) else ()
        if breaks(body):
            return True
        inner = list(statements(body))
        if any(isinstance(statement, Return | Raise) for statement in inner):
            return True
        calls = [s.value for s in inner if isinstance(s, ExprStmt)]
        return any(self._ends(call, context) for call in calls)

    def _ends(self, expression: Expression, context: Context) -> bool:
        """The process ends, or a function of the project is called whose body does not let it be known."""
        call = expression.value if isinstance(expression, Await) else expression
        if not isinstance(call, Call):
            return False
        for callee in self.evaluator.evaluate(call.function, context):
            if isinstance(callee, External) and callee.name in ENDS:
                return True
            if isinstance(callee, Function) and isinstance(callee.definition, FunctionDef):
                raising = [s for s in callee.definition.body if isinstance(s, Raise)]
                if raising:
                    return True
        return False

    def by_decorators(self, function: FunctionDef, context: Context) -> Iterator[Leaf]:
        """Retries without bound: `@retry` of a library whose defaults never give up."""
        outside = context.parent or context
        for decorator in function.decorators:
            for value in self.evaluator.evaluate(decorator, outside):
                row = self._retry(value)
                if row is not None and _is_unbounded(row, decorator):
                    yield Leaf(LeafKind.ENDLESS, "retry", Site(outside, decorator), row=row, awaited=function.is_async)

    def _retry(self, value: object) -> Row | None:
        name = value.name if isinstance(value, External) else ""
        if isinstance(value, ExternalInstance) and isinstance(value.origin, FromCall):
            name = value.type.removesuffix("()")
        row = self.evaluator.table.row(name) if name else None
        return row if row is not None and row.endless is not None else None


def _is_unbounded(row: Row, expression: Expression) -> bool:
    """None of the arguments is given that would bound it; what is unpacked may hold one."""
    if row.endless is None:
        return False
    if not isinstance(expression, Call):
        return True
    arguments = {argument.keyword for argument in expression.arguments}
    unknown = any(argument.star for argument in expression.arguments)
    return not unknown and not arguments & set(row.endless)


def _is_true(test: Expression) -> bool:
    match test:
        case Constant(value=value):
            return bool(value)
        case Collection(items=items):
            return bool(items)
        case _:
            return False


def _awaits_otherwise(loop: Statement) -> bool:
    """`async for`, `async with` or an asynchronous comprehension in it."""
    body = loop.body if isinstance(loop, While | For) else ()
    if isinstance(loop, For) and loop.is_async:
        return True
    if any(isinstance(s, For | With) and s.is_async for s in statements(body)):
        return True
    return any(isinstance(p, Comprehension) and any(c.is_async for c in p.clauses) for p in parts(body))
