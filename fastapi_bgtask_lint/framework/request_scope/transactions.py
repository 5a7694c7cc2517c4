"""The request's transaction: what a handler writes through it, and whether it commits before it returns."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from fastapi_bgtask_lint.callgraph.graph import CallGraph
from fastapi_bgtask_lint.framework.registrations.registrations import Registration
from fastapi_bgtask_lint.framework.request_scope.lifetimes import Lifetimes
from fastapi_bgtask_lint.framework.request_scope.providers import Providers
from fastapi_bgtask_lint.reading.facts import Call, Constant
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.limits import REACHABLE_FUNCTIONS
from fastapi_bgtask_lint.resolving.scopes import calls
from fastapi_bgtask_lint.resolving.values import (
    CallArgument,
    Class,
    Context,
    ExternalInstance,
    ExternalMethod,
    FromCall,
    Function,
    Injected,
    Instance,
    Loaded,
    Site,
    Value,
)

_RUNNING = frozenset({"execute", "exec", "scalar", "scalars"})
_STATEMENT = "sqlalchemy.sql.expression.UpdateBase"
_WRITING = re.compile(r"\s*(?:with\b.*\)\s*)?(?:insert|update|delete|merge|replace)\b", re.IGNORECASE | re.DOTALL)
_REGISTERING = frozenset({"add_task"})


@dataclass(frozen=True, slots=True)
class Open:
    """A transaction that is left to the dependency to commit."""

    written: Site
    """The last thing that is written."""
    source: Injected
    """Where the session comes into the handler."""


@dataclass(frozen=True, slots=True)
class _Use:
    """What one call does with a session that its dependency commits."""

    kind: str
    """`write`, `commit` or `unknown`."""
    site: Site
    source: Injected


@dataclass(frozen=True, slots=True)
class Transactions:
    """Follows the sessions of handlers."""

    evaluator: Evaluator
    graph: CallGraph
    providers: Providers
    lifetimes: Lifetimes

    def left_open(self, registration: Registration) -> Open | None:
        """What the handler writes and does not commit; nothing where a commit, or an unknown function that gets the
        session, may come between.
        """
        starts = (registration.call_path.handler, registration.context)
        contexts = tuple(islice(self.graph.reachable(starts, lambda _: True), REACHABLE_FUNCTIONS + 1))
        if len(contexts) > REACHABLE_FUNCTIONS:
            return None
        uses = [use for context in contexts for use in self._uses(context)]
        if any(use.kind != "write" for use in uses) or not uses:
            return None
        return Open(uses[-1].site, uses[-1].source)

    def _uses(self, context: Context) -> Iterator[_Use]:
        for statement, call in calls(context):
            if not self.evaluator.is_reachable(statement, context):
                continue
            arguments = self.evaluator.calls.evaluated_arguments(call, context)
            callees = self.evaluator.evaluate(call.function, context)
            for callee in callees:
                if isinstance(callee, ExternalMethod):
                    yield from self._of_method(callee, arguments, Site(context, call))
            if not all(self._is_known(callee) for callee in callees) or not callees:
                escaping = [source for argument in arguments for v in argument.values if (source := self._committed(v))]
                yield from (_Use("unknown", Site(context, call), source) for source in escaping)

    def _of_method(self, method: ExternalMethod, arguments: tuple[CallArgument, ...], site: Site) -> Iterator[_Use]:
        source = self._committed(method.receiver) or self._of_query(method.receiver)
        row = self.evaluator.table.method(method.receiver.type, method.name)
        if source is None:
            return
        if method.name in ("commit", "begin"):
            yield _Use("commit", site, source)
        elif (row is not None and row.writes) or (method.name in _RUNNING and self._changes(arguments)):
            yield _Use("write", site, source)

    def _of_query(self, receiver: ExternalInstance) -> Injected | None:
        """The session of `session.query(Model)`."""
        origin = receiver.entity.origin if receiver.entity is not None else None
        return self._committed(origin.session) if isinstance(origin, Loaded) else None

    def _committed(self, value: Value) -> Injected | None:
        """Where a session comes from that its dependency commits after the tasks."""
        if not isinstance(value, ExternalInstance | Instance) or not self.lifetimes.is_request_session(value):
            return None
        origin = value.origin
        if not isinstance(origin, Injected) or self.providers.ends_early(origin) or not self.providers.commits(origin):
            return None
        return origin

    def _is_known(self, callee: Value) -> bool:
        if isinstance(callee, ExternalMethod) and callee.name in _REGISTERING:
            return True
        if isinstance(callee, ExternalMethod):
            return self.evaluator.table.method(callee.receiver.type, callee.name) is not None
        return isinstance(callee, Function | Class)

    def _changes(self, arguments: tuple[CallArgument, ...]) -> bool:
        """The statement is an insert, update or delete, as an object or as text."""
        return any(self._is_change(value) for argument in arguments[:1] for value in argument.values)

    def _is_change(self, value: Value) -> bool:
        if not isinstance(value, ExternalInstance):
            return False
        if value.type == _STATEMENT:
            return True
        fact = value.origin.site.fact if isinstance(value.origin, FromCall) else None
        text = fact.arguments[0].value if isinstance(fact, Call) and fact.arguments else None
        return isinstance(text, Constant) and isinstance(text.value, str) and _WRITING.match(text.value) is not None
