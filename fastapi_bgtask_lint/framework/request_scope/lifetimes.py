"""Which values end before the task can use them, or belong to the request."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass, field

from fastapi_bgtask_lint.callgraph.exits import ExitAnalysis
from fastapi_bgtask_lint.callgraph.graph import CallGraph
from fastapi_bgtask_lint.callgraph.targets import Target
from fastapi_bgtask_lint.framework.registrations.registrations import Registration
from fastapi_bgtask_lint.framework.request_scope.escape_analysis import EscapeAnalysis, EscapingValue
from fastapi_bgtask_lint.framework.request_scope.providers import Providers
from fastapi_bgtask_lint.framework.types import is_response
from fastapi_bgtask_lint.reading.facts import Attribute, Await, Call, FunctionDef, Yield
from fastapi_bgtask_lint.reading.traversal import parts
from fastapi_bgtask_lint.resolving.calls import yields
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.scopes import calls
from fastapi_bgtask_lint.resolving.values import (
    Context,
    External,
    ExternalInstance,
    ExternalMethod,
    FromCall,
    FromParameter,
    FromRequestState,
    FromWith,
    Generator,
    Injected,
    Instance,
    Loaded,
    Origin,
    Site,
    Value,
)

_UPLOAD = "starlette.datastructures.UploadFile"
_UPLOADED = "tempfile.SpooledTemporaryFile"
_REQUEST = "starlette.requests.HTTPConnection"
_ADDING = frozenset({"add", "add_all", "refresh", "merge"})
_FREEING = frozenset({"expunge", "expunge_all", "make_transient"})


class ResourceKind(enum.Enum):
    """What it is that is handed over."""

    SESSION = "session"
    """A database session or connection of the request."""
    ENTITY = "mapped object"
    """An ORM instance of such a session."""
    RESOURCE = "resource"
    """Another value that its provider closes after the request."""
    CLOSED = "closed"
    """Closed before the response."""
    UPLOAD = "upload"
    REQUEST = "request"
    RESPONSE = "response"
    """The response that FastAPI injects."""


@dataclass(frozen=True, slots=True)
class EscapingResource:
    """A value that is handed over, what it is, and where it comes from."""

    value: Value
    kind: ResourceKind
    source: Site
    held_by: str = ""
    """The class and attribute of the object that holds it."""
    ends_early: bool = False
    """Its dependency has function scope: it ends before the response."""


@dataclass(eq=False)
class Lifetimes:
    """Judges what registrations hand over."""

    evaluator: Evaluator
    graph: CallGraph
    exits: ExitAnalysis
    providers: Providers
    reach: EscapeAnalysis = field(init=False)
    _known: dict[tuple[int, Context], tuple[EscapingResource, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.reach = EscapeAnalysis(self.evaluator, self.graph)

    def of(self, registration: Registration, targets: tuple[Target, ...]) -> tuple[EscapingResource, ...]:
        """What the registration hands over that ends before the task can use it, or that the request owns."""
        key = (registration.call.at, registration.context)
        if key not in self._known:
            found = (self._judged(one, registration) for one in self.reach.of(registration, targets))
            self._known[key] = tuple(dict.fromkeys(escaping for each in found for escaping in each))
        return self._known[key]

    # --- what it is ---------------------------------------------------------------------------------------------------

    def is_session(self, value: Value) -> bool:
        """The value is a database session or connection, by its type."""
        table = self.evaluator.table
        match value:
            case ExternalInstance(type=name):
                return table.is_session(name)
            case Instance():
                bases = self.evaluator.classes.external_bases(value.cls)
                return any(isinstance(base, External) and table.is_session(base.name) for base in bases)
            case _:
                return False

    def _judged(self, reached: EscapingValue, registration: Registration) -> Iterator[EscapingResource]:
        value, held_by = reached.value, reached.held_by
        if not isinstance(value, ExternalInstance | Instance):
            return
        found = self._kind(value, registration)
        if found is not None:
            kind, source = found
            early = isinstance(value.origin, Injected) and self.providers.ends_early(value.origin)
            yield EscapingResource(value, kind, source, held_by, early)

    def _kind(self, value: ExternalInstance | Instance, registration: Registration) -> tuple[ResourceKind, Site] | None:
        origin = value.origin
        match origin:
            case Injected() | FromRequestState() if self.is_request_session(value):
                return ResourceKind.SESSION, _source(origin)
            case Injected() if self.providers.closes(origin):
                return ResourceKind.RESOURCE, _source(origin)
            case FromWith() if self._ends(value, origin, registration):
                return ResourceKind.CLOSED, origin.site
            case FromCall() if self._is_closed(value, origin, registration):
                return ResourceKind.CLOSED, origin.site
            case FromParameter() if self._is_a(value, _UPLOAD) or self._is_a(value, _UPLOADED):
                return ResourceKind.UPLOAD, _source(origin)
            case FromParameter() if self._is_a(value, _REQUEST):
                return ResourceKind.REQUEST, _source(origin)
            case FromParameter() if is_response(self.evaluator, value):
                return ResourceKind.RESPONSE, _source(origin)
        source = self._entity_source(value, registration)
        return None if source is None else (ResourceKind.ENTITY, source)

    def _is_a(self, value: ExternalInstance | Instance, base: str) -> bool:
        if isinstance(value, Instance):
            return self.evaluator.classes.is_subclass(value.cls, base) is True
        return self.evaluator.table.is_subtype(value.type, base) is True

    def is_request_session(self, value: Value) -> bool:
        """A session that a dependency yields, or that a middleware keeps in `request.state`."""
        if not isinstance(value, ExternalInstance | Instance) or not self.is_session(value):
            return False
        origin = value.origin
        return isinstance(origin, FromRequestState) or (
            isinstance(origin, Injected) and self.providers.is_request_scoped(origin)
        )

    # --- mapped objects -----------------------------------------------------------------------------------------------

    def _entity_source(self, value: ExternalInstance | Instance, registration: Registration) -> Site | None:
        """Where a mapped object was loaded through, or added to, a session of the request."""
        if not isinstance(value, Instance) or not self.evaluator.entities.is_mapped(value.cls):
            return None
        contexts = [registration.context, *(caller.context for caller in registration.call_path.calls)]
        if self._is_freed(value, contexts):
            return None
        origin = value.origin
        match origin:
            case Loaded(session=session) if self.is_request_session(session):
                return origin.site
            case FromCall():
                return self._added(value, [*contexts, origin.site.context])
            case Injected() if any(self.is_request_session(session) for session in self.providers.sessions(origin)):
                return _source(origin)
        return None

    def _added(self, value: Instance, contexts: list[Context]) -> Site | None:
        for method, arguments, site in self._session_calls(contexts):
            if method.name in _ADDING and value in arguments and self.is_request_session(method.receiver):
                return site
        return None

    def _is_freed(self, value: Instance, contexts: list[Context]) -> bool:
        """Some call takes the object, or all objects, out of its session."""
        return any(
            method.name in _FREEING and (value in arguments or not arguments)
            for method, arguments, _ in self._session_calls(contexts)
        )

    def _session_calls(self, contexts: list[Context]) -> Iterator[tuple[ExternalMethod, list[Value], Site]]:
        """The calls of methods of sessions, with the objects that they are given."""
        for context in dict.fromkeys(contexts):
            for _, call in calls(context):
                if not isinstance(call.function, Attribute) or call.function.attr not in _ADDING | _FREEING:
                    continue
                arguments = [v for g in self.evaluator.calls.evaluated_arguments(call, context) for v in g.values]
                items = [item for value in arguments for item in self.evaluator.items((value,))]
                for callee in self.evaluator.evaluate(call.function, context):
                    if isinstance(callee, ExternalMethod) and self.is_session(callee.receiver):
                        yield callee, [*arguments, *items], Site(context, call)

    # --- what ends before the response --------------------------------------------------------------------------------

    def _ends(self, value: ExternalInstance | Instance, origin: FromWith, registration: Registration) -> bool:
        """The `with` stands in the handler or in a helper on the way, and its end closes the value."""
        contexts = [registration.context, *(caller.context for caller in registration.call_path.calls)]
        scopes = [context.scope for context in contexts]
        if not any(origin.site.context.scope is scope for scope in scopes) or _yields_inside(origin):
            return False
        return self._is_closing(value, origin)

    def _is_closing(self, value: ExternalInstance | Instance, origin: FromWith) -> bool:
        """Leaving the `with` ends the life of what it bound."""
        context_exprs = self.evaluator.evaluate(origin.site.fact, origin.site.context)  # type: ignore[arg-type]
        if _keeps_file(origin.site.fact):
            return False
        for context_expr in (value, *self.evaluator.awaited(context_exprs)):
            if isinstance(context_expr, Generator):
                return self._yields_closing(context_expr)
            if isinstance(context_expr, ExternalInstance):
                row = self.evaluator.table.type(context_expr.type)
                if row is not None and row.silent:
                    return False
                if row is not None and row.closes:
                    return True
        return self.is_session(value)

    def _yields_closing(self, context_expr: Generator) -> bool:
        """A project's `@contextmanager` that gives a session, or a value that a `with` of its own closes."""
        values = self.evaluator.calls.yields(context_expr.function, context_expr.context)
        return any(self.is_session(value) for value in values) and bool(
            isinstance(context_expr.function.definition, FunctionDef) and yields(context_expr.function.definition)
        )

    def _is_closed(self, value: ExternalInstance | Instance, origin: FromCall, registration: Registration) -> bool:
        """The handler itself closes what it made."""
        contexts = [registration.context, *(caller.context for caller in registration.call_path.calls)]
        if (
            not any(origin.site.context.scope is context.scope for context in contexts)
            or origin.site.context.scope is None
        ):
            return False
        if _keeps_file(origin.site.fact):
            return False
        places = {registration.context: registration.call} | {
            caller.context: caller.call for caller in registration.call_path.calls
        }
        return any(
            self._closes(call, value, context) and self._meets(context, call, place)
            for context, place in places.items()
            for _, call in calls(context)
        )

    def _meets(self, context: Context, closing: Call, place: Call) -> bool:
        """Some way through the function closes the value and hands it over, in whatever order."""
        return self.exits.passes(context, closing, place) or self.exits.passes(context, place, closing)

    def _closes(self, call: Call, value: ExternalInstance | Instance, context: Context) -> bool:
        if not isinstance(call.function, Attribute) or not isinstance(value, ExternalInstance):
            return False
        row = self.evaluator.table.type(value.type)
        closers = row.closers if row is not None else ()
        return call.function.attr in closers and value in self.evaluator.evaluate(call.function.value, context)


def _yields_inside(origin: FromWith) -> bool:
    """The `with` hands its value out by a `yield`: the code round it says when it ends."""
    return any(isinstance(part, Yield) for part in parts(origin.statement.body))


def _keeps_file(fact: object) -> bool:
    """`delete=False`: what is made outlives the block."""
    call = fact.value if isinstance(fact, Await) else fact
    return isinstance(call, Call) and any(
        argument.keyword == "delete" and getattr(argument.value, "value", None) is False for argument in call.arguments
    )


def _source(origin: Origin) -> Site:
    """Where a value comes into the function."""
    if isinstance(origin, Injected | FromParameter):
        return Site(origin.context, origin.parameter)
    assert isinstance(origin, FromRequestState | FromCall | FromWith | Loaded)
    return origin.site
