"""What bounds the wait of a library's call: its arguments, its client or the library's default."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import NamedTuple

from fastapi_bgtask_lint.knowledge import ByArgument, DefaultTimeout, Row
from fastapi_bgtask_lint.reading.facts import Call
from fastapi_bgtask_lint.requirements import Requirements, is_older
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.values import (
    NONE,
    CallArgument,
    Data,
    External,
    ExternalInstance,
    ExternalMethod,
    FromCall,
    Literal,
    Site,
    Value,
    Values,
)


class Timing(enum.Enum):
    """What bounds a wait, on its own."""

    NO_WAIT = "no wait"
    BOUNDED = "bounded"
    UNBOUNDED = "unbounded"
    DISABLED = "disabled"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class WaitBound:
    """What bounds a wait."""

    timing: Timing
    client: Site | None = None
    """Where the client is constructed whose timeout applies."""


class _Construction(NamedTuple):
    """The call that constructed an object."""

    row: Row
    arguments: tuple[CallArgument, ...]
    site: Site
    owner: ExternalInstance | None
    """The object whose method it calls: the client of a pipeline."""


@dataclass(frozen=True, slots=True)
class Timings:
    """Determines the timeouts of library calls."""

    evaluator: Evaluator
    requirements: Requirements
    """Defaults can differ between versions of a library."""

    def bound(
        self, row: Row | None, arguments: tuple[CallArgument, ...], receiver: Value | None, site: Site
    ) -> WaitBound:
        """What bounds the call at a site, given its row, its arguments and the object whose method it calls."""
        if row is None or not row.waits or (row.by_argument is not None and _does_not_wait(row.by_argument, arguments)):
            return WaitBound(Timing.NO_WAIT)
        stated = self._stated(row, arguments)
        if stated is not None:
            return WaitBound(stated)
        if row.governed == "client":
            return self._by_client(receiver, row)
        return WaitBound(self._by_default(row, site))

    def _stated(self, row: Row, arguments: tuple[CallArgument, ...]) -> Timing | None:
        """By the timeout argument; None when it is not passed."""
        if any(argument.star for argument in arguments):
            return Timing.UNKNOWN
        argument = _argument(row.timeout, row.position, arguments)
        if argument is None:
            return None
        return self._judged(argument.values, row)

    def _judged(self, values: Values, row: Row) -> Timing:
        if not values:
            return Timing.UNKNOWN
        verdicts = {self._is_unbounded(value, row) for value in values}
        if verdicts == {True}:
            return Timing.DISABLED
        return Timing.BOUNDED if verdicts == {False} else Timing.UNKNOWN

    def _is_unbounded(self, value: Value, row: Row) -> bool | None:
        if isinstance(value, Literal):
            return str(value.value) in row.unbounded_words
        if isinstance(value, ExternalInstance) and isinstance(value.origin, FromCall):
            return self._is_unbounded_object(value, row)
        return False if isinstance(value, Data) else None

    def _is_unbounded_object(self, value: ExternalInstance, row: Row) -> bool | None:
        """`httpx.Timeout(None)`, `aiohttp.ClientTimeout(total=None)`."""
        assert isinstance(value.origin, FromCall)
        site = value.origin.site
        inner = self.evaluator.table.row(value.type)
        if not isinstance(site.fact, Call) or inner is None or inner.timeout is None:
            return None
        arguments = self.evaluator.calls.evaluated_arguments(site.fact, site.context)
        stated = self._stated(inner, arguments)
        if stated is None:
            stated = self._by_default(inner, site)
        return {Timing.UNBOUNDED: True, Timing.DISABLED: True, Timing.BOUNDED: False}.get(stated)

    def _by_client(self, receiver: Value | None, row: Row) -> WaitBound:
        """By the construction of the client."""
        origin = getattr(receiver, "origin", None)
        made = self._construction(
            receiver, origin.site if isinstance(origin, FromCall) else getattr(origin, "site", None)
        )
        if made is None:
            return WaitBound(Timing.UNKNOWN)
        constructor, arguments, site, owner = made
        if constructor.timeout is None:
            governed = constructor.governed == "client" and owner is not None
            return self._by_client(owner, row) if governed else WaitBound(self._by_default(row, site), site)
        pool = _argument(constructor.pool, None, arguments)
        if pool is not None and any(value != NONE for value in pool.values):
            return self._by_pool(pool.values, row)
        stated = self._stated(constructor, arguments)
        if stated is None and _is_in_url(constructor.timeout, arguments):
            stated = Timing.BOUNDED
        if stated is None:
            stated = self._by_default(constructor if constructor.default is not None else row, site)
        return WaitBound(stated, site)

    def _by_pool(self, pools: Values, row: Row) -> WaitBound:
        """By the construction of the connection pool that the client takes its connections from."""
        bounds = {self._by_client(pool, row) for pool in pools}
        return bounds.pop() if len(bounds) == 1 else WaitBound(Timing.UNKNOWN)

    def _by_default(self, row: Row, site: Site) -> Timing:
        """By the default of the library, in the versions of it that the project at a site allows."""
        if row.older is None:
            return _timing(row.default)
        distribution = self.evaluator.table.distribution_of(row)
        allowed = self.requirements.allowed(distribution, site.module.path) if distribution is not None else ()
        older = is_older(allowed, row.older.below)
        if older is None:
            return Timing.UNKNOWN
        return _timing(row.older.default if older else row.default)

    def _construction(self, receiver: Value | None, site: Site | None) -> _Construction | None:
        """The call that constructed an object, also one that `with` has bound."""
        if site is None or not isinstance(receiver, ExternalInstance) or not isinstance(site.fact, Call):
            return self._entered_construction(site)
        for callee in self.evaluator.evaluate(site.fact.function, site.context):
            name = callee.name if isinstance(callee, External) else ""
            name = callee.qualified if isinstance(callee, ExternalMethod) else name
            row = self.evaluator.table.row(name) if name else None
            if row is not None:
                arguments = self.evaluator.calls.evaluated_arguments(site.fact, site.context)
                owner = callee.receiver if isinstance(callee, ExternalMethod) else None
                return _Construction(row, arguments, site, owner)
        return None

    def _entered_construction(self, site: Site | None) -> _Construction | None:
        """The construction of the context manager of a `with`."""
        if site is None:
            return None
        for value in self.evaluator.evaluate(site.fact, site.context):  # type: ignore[arg-type]
            if isinstance(value, ExternalInstance) and isinstance(value.origin, FromCall):
                return self._construction(value, value.origin.site)
        return None


def _argument(name: str | None, position: int | None, arguments: tuple[CallArgument, ...]) -> CallArgument | None:
    if name is None:
        return None
    named = next((argument for argument in arguments if argument.keyword == name), None)
    if named is not None:
        return named
    positional = [argument for argument in arguments if argument.keyword is None]
    return positional[position] if position is not None and position < len(positional) else None


def _does_not_wait(rule: ByArgument, arguments: tuple[CallArgument, ...]) -> bool:
    argument = _argument(rule.argument, rule.position, arguments)
    return argument is not None and any(
        isinstance(value, Literal) and value.value == rule.value for value in argument.values
    )


def _is_in_url(timeout: str, arguments: tuple[CallArgument, ...]) -> bool:
    """Whether the timeout is in the query of a connection URL, as in `redis://localhost?socket_timeout=5`."""
    values = [value for argument in arguments for value in argument.values]
    return any(isinstance(value, Data) and f"{timeout}=" in (value.text or "") for value in values)


def _timing(default: DefaultTimeout) -> Timing:
    if default is None:
        return Timing.UNKNOWN
    return Timing.UNBOUNDED if default == "none" else Timing.BOUNDED
