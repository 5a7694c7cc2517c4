"""Whose a database session is that a task uses: its own, or one that the whole process shares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fastapi_bgtask_lint.reading.facts import Attribute, Await, Call, ClassDef, Expression, Name, Try, With
from fastapi_bgtask_lint.reading.traversal import holds, statements, walk
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.scopes import calls
from fastapi_bgtask_lint.resolving.values import (
    Context,
    External,
    ExternalInstance,
    FromCall,
    FromWith,
    Instance,
    Site,
    Value,
)

_ENGINE = "sqlalchemy.ext.asyncio.AsyncEngine"
_ON_ENGINES = frozenset({_ENGINE, "sqlalchemy.ext.asyncio.async_sessionmaker"})


@dataclass(frozen=True, slots=True)
class Ownership:
    """Finds out where the session of a call was made."""

    evaluator: Evaluator

    def shared(self, chain: tuple[Site, ...], session: Value) -> Site | None:
        """Where a session was made once that the last call of a chain uses: at module level, in a class body, or in an
        object that was made there.
        """
        origin = getattr(session, "origin", None)
        if isinstance(origin, FromCall) and _is_outside(origin.site.context):
            return origin.site
        named = (found for site in chain for found in self._named(site, session))
        return next(named, None) or self._of_singleton(chain[-1])

    def _named(self, call: Site, session: Value) -> Iterator[Site]:
        """The module's own name for it, as the call's receiver or argument: `session = next(get_session())`."""
        if not isinstance(call.fact, Call):
            return
        receiver = _receiver(call.fact)
        parts = [argument.value for argument in call.fact.arguments] + ([receiver] if receiver is not None else [])
        for part in parts:
            is_global = isinstance(part, Name) and self._is_global(part, call.context)
            if is_global and session in self.evaluator.evaluate(part, call.context):
                yield from self._global_sites(part, call.context)

    def _is_global(self, name: Name, context: Context) -> bool:
        where: Context | None = context
        while where is not None and where.scope is not None:
            if not isinstance(where.scope, ClassDef) and name.id in self.evaluator.reaching(where).everywhere:
                return False
            where = where.parent
        return True

    def _global_sites(self, name: Expression, context: Context) -> Iterator[Site]:
        assert isinstance(name, Name)
        module = self.evaluator.module_context(context.module)
        for binding in self.evaluator.reaching(module).at_end.get(name.id, ()):
            value = getattr(binding, "value", None)
            if isinstance(value, Call):
                yield Site(module, value)

    def _of_singleton(self, call: Site) -> Site | None:
        """`self.session` of an object that was made at module level, bound in its `__init__`."""
        expression = _receiver(call.fact)
        if not isinstance(expression, Attribute):
            return None
        for owner in self.evaluator.evaluate(expression.value, call.context):
            if not isinstance(owner, Instance) or not isinstance(owner.origin, FromCall):
                continue
            if not _is_outside(owner.origin.site.context):
                continue
            for value in self.evaluator.classes.attribute(owner, expression.attr):
                origin = getattr(value, "origin", None)
                if isinstance(origin, FromCall) and getattr(origin.site.context.scope, "name", "") == "__init__":
                    return origin.site
        return None

    @staticmethod
    def is_own(value: Value | None, outside: tuple[Context, ...]) -> bool:
        """The session was made by a function, and by none of these."""
        if not isinstance(value, ExternalInstance | Instance) or not isinstance(value.origin, FromCall | FromWith):
            return False
        context = value.origin.site.context
        return not _is_outside(context) and not any(context.scope is other.scope for other in outside)

    # --- what it is bound to ------------------------------------------------------------------------------------------

    def engine(self, value: Value) -> Site | None:
        """Where an async engine with a pool was made once, that an async session or connection comes from."""
        site = getattr(getattr(value, "origin", None), "site", None)
        call = site.fact.value if site is not None and isinstance(site.fact, Await) else getattr(site, "fact", None)
        if site is None or not isinstance(call, Call) or not isinstance(value, ExternalInstance):
            return None
        if value.type == _ENGINE:
            return site if _is_outside(site.context) and not self._has_no_pool(call, site.context) else None
        sources = [v for argument in call.arguments for v in self.evaluator.evaluate(argument.value, site.context)]
        function = call.function
        sources += self.evaluator.evaluate(function, site.context)
        if isinstance(function, Attribute):
            sources += self.evaluator.evaluate(function.value, site.context)
        wanted = (v for v in sources if isinstance(v, ExternalInstance) and v != value and v.type in _ON_ENGINES)
        return next((found for v in wanted if (found := self.engine(v)) is not None), None)

    def _has_no_pool(self, call: Call, context: Context) -> bool:
        pools = [argument.value for argument in call.arguments if argument.keyword == "poolclass"]
        names = [v.name for pool in pools for v in self.evaluator.evaluate(pool, context) if isinstance(v, External)]
        return any(name.endswith("NullPool") for name in names)

    # --- how it ends --------------------------------------------------------------------------------------------------

    def closes(self, site: Site, session: Value) -> tuple[bool, bool]:
        """Whether the function closes a session that a place in it gives, and whether in a `finally` or `with`."""
        if _is_entered(site):
            return True, True
        closing = [
            call
            for _, call in calls(site.context)
            if isinstance(call.function, Attribute)
            and call.function.attr in ("close", "aclose", "__exit__", "__aexit__")
            and session in self.evaluator.evaluate(call.function.value, site.context)
        ]
        return bool(closing), any(_is_final(call, site.context) for call in closing)


def _receiver(fact: object) -> Expression | None:
    return fact.function.value if isinstance(fact, Call) and isinstance(fact.function, Attribute) else None


def _is_outside(context: Context) -> bool:
    """The module itself or a class body: what is made there is made once."""
    return context.scope is None or isinstance(context.scope, ClassDef)


def _is_entered(site: Site) -> bool:
    """`with next(get_session()) as session`"""
    body = getattr(site.context.scope, "body", ())
    withs = [statement for statement in statements(body) if isinstance(statement, With)]
    return any(_holds(item.context_expr, site) for statement in withs for item in statement.items)


def _holds(context_expr: Expression, site: Site) -> bool:
    return any(part is site.fact for part in walk(context_expr))


def _is_final(call: Call, context: Context) -> bool:
    tries = [statement for statement in statements(getattr(context.scope, "body", ())) if isinstance(statement, Try)]
    return any(holds(attempt.final, call) for attempt in tries)
