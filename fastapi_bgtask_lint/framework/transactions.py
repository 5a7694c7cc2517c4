"""The request's transaction: what a handler writes through it, and whether it commits before it returns."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from fastapi_bgtask_lint.framework.lifetimes import Lifetimes
from fastapi_bgtask_lint.framework.providers import Providers
from fastapi_bgtask_lint.framework.registrations import Registration
from fastapi_bgtask_lint.framework.scopes import calls
from fastapi_bgtask_lint.reading.facts import Call, Constant
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.values import (
    Class,
    ExternalInstance,
    ExternalMethod,
    Frame,
    Function,
    Given,
    Injected,
    Instance,
    Loaded,
    Made,
    Site,
    Value,
)

_FUNCTIONS = 80
"""A handler that runs more functions than this is looked at no further: nothing is said of it."""
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
    providers: Providers
    lifetimes: Lifetimes

    def left_open(self, registration: Registration) -> Open | None:
        """What the handler writes and does not commit; nothing where a commit, or an unknown function that gets the
        session, may come between.
        """
        uses: list[_Use] = []
        for frame in self._frames(registration):
            if frame is None:
                return None
            uses += self._uses(frame)
        if any(use.kind != "write" for use in uses) or not uses:
            return None
        return Open(uses[-1].site, uses[-1].source)

    def _frames(self, registration: Registration) -> Iterator[Frame | None]:
        """The bodies that the handler runs; None when they are too many."""
        waiting = [registration.way.handler, registration.frame]
        seen: set[Frame] = set()
        while waiting:
            frame = waiting.pop(0)
            if frame in seen:
                continue
            seen.add(frame)
            if len(seen) > _FUNCTIONS:
                yield None
                return
            yield frame
            for _, call in calls(frame):
                for callee in self.evaluator.evaluate(call.function, frame):
                    if isinstance(callee, Function):
                        given = self.evaluator.calls.given(call, frame)
                        waiting.append(self.evaluator.calls.enter(callee, given, Site(frame, call)))

    def _uses(self, frame: Frame) -> Iterator[_Use]:
        for _, call in calls(frame):
            given = self.evaluator.calls.given(call, frame)
            callees = self.evaluator.evaluate(call.function, frame)
            for callee in callees:
                if isinstance(callee, ExternalMethod):
                    yield from self._of_method(callee, given, Site(frame, call))
            if not all(self._is_known(callee) for callee in callees) or not callees:
                handed = [source for argument in given for v in argument.values if (source := self._committed(v))]
                yield from (_Use("unknown", Site(frame, call), source) for source in handed)

    def _of_method(self, method: ExternalMethod, given: tuple[Given, ...], site: Site) -> Iterator[_Use]:
        source = self._committed(method.receiver) or self._of_query(method.receiver)
        row = self.evaluator.table.method(method.receiver.type, method.name)
        if source is None:
            return
        if method.name in ("commit", "begin"):
            yield _Use("commit", site, source)
        elif (row is not None and row.writes) or (method.name in _RUNNING and self._changes(given)):
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

    def _changes(self, given: tuple[Given, ...]) -> bool:
        """The statement is an insert, update or delete, as an object or as text."""
        return any(self._is_change(value) for argument in given[:1] for value in argument.values)

    def _is_change(self, value: Value) -> bool:
        if not isinstance(value, ExternalInstance):
            return False
        if value.type == _STATEMENT:
            return True
        fact = value.origin.site.fact if isinstance(value.origin, Made) else None
        text = fact.arguments[0].value if isinstance(fact, Call) and fact.arguments else None
        return isinstance(text, Constant) and isinstance(text.value, str) and _WRITING.match(text.value) is not None
