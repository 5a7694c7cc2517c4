"""What rules may ask: one object over the rooms below them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fastapi_bgtask_lint.callgraph.blocking import blocking_calls
from fastapi_bgtask_lint.callgraph.exits import ExitAnalysis
from fastapi_bgtask_lint.callgraph.graph import CallGraph
from fastapi_bgtask_lint.callgraph.search import Hit
from fastapi_bgtask_lint.callgraph.sources import Sources
from fastapi_bgtask_lint.callgraph.targets import Target
from fastapi_bgtask_lint.framework.registrations.attachment import Attachment
from fastapi_bgtask_lint.framework.registrations.registrations import Registration, Registrations
from fastapi_bgtask_lint.framework.registrations.tasks import Task
from fastapi_bgtask_lint.framework.request_scope.lifetimes import Lifetimes
from fastapi_bgtask_lint.framework.request_scope.ownership import Ownership
from fastapi_bgtask_lint.framework.request_scope.providers import Providers
from fastapi_bgtask_lint.framework.request_scope.spawned import Spawns
from fastapi_bgtask_lint.framework.request_scope.transactions import Transactions
from fastapi_bgtask_lint.framework.routes.entry_points import Handlers
from fastapi_bgtask_lint.framework.routes.exception_handlers import ExceptionHandlers
from fastapi_bgtask_lint.framework.versions import ProjectVersions
from fastapi_bgtask_lint.knowledge import Table, load
from fastapi_bgtask_lint.reading.facts_cache import FactsCache
from fastapi_bgtask_lint.requirements import Requirements
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.project import Project
from fastapi_bgtask_lint.resolving.values import Function
from fastapi_bgtask_lint.settings import Settings


@dataclass(eq=False)
class Application:
    """The project under check and everything that is known of it."""

    project: Project
    settings: Settings
    table: Table
    evaluator: Evaluator = field(init=False)
    handlers: Handlers = field(init=False)
    registrations: Registrations = field(init=False)
    exits: ExitAnalysis = field(init=False)
    attachment: Attachment = field(init=False)
    exceptions: ExceptionHandlers = field(init=False)
    graph: CallGraph = field(init=False)
    versions: ProjectVersions = field(init=False)
    providers: Providers = field(init=False)
    lifetimes: Lifetimes = field(init=False)
    ownership: Ownership = field(init=False)
    transactions: Transactions = field(init=False)
    spawns: Spawns = field(init=False)

    def __post_init__(self) -> None:
        self.evaluator = Evaluator(self.project, self.table, _configured(self.settings))
        sources = Sources(self.evaluator)
        self.handlers = Handlers(self.evaluator, sources)
        self.registrations = Registrations(self.evaluator, self.handlers)
        self.attachment = Attachment(self.evaluator)
        self.exits = ExitAnalysis(self.evaluator)
        requirements = Requirements(self.project.root, self.project.dependencies)
        self.graph = CallGraph(self.evaluator, requirements, sources)
        self.providers = Providers(self.evaluator, self.settings.safe_providers)
        self.lifetimes = Lifetimes(self.evaluator, self.graph, self.exits, self.providers)
        self.ownership = Ownership(self.evaluator)
        self.transactions = Transactions(self.evaluator, self.graph, self.providers, self.lifetimes)
        self.spawns = Spawns(self.evaluator, self.handlers)
        self.exceptions = ExceptionHandlers(self.evaluator, sources)
        self.versions = ProjectVersions(requirements, self.settings.target_fastapi)

    def hits(self, task: Task) -> tuple[Hit, ...]:
        """What a task does, with everything that it calls, nearest first."""
        return self.graph.hits(task.function, task.context)

    def target_hits(self, target: Target, registration: Registration) -> tuple[Hit, ...]:
        """What the task of one registration does; nothing for what has no body in the project."""
        if not isinstance(target.value, Function):
            return ()
        context = self.evaluator.calls.enter(target.value, target.arguments, registration.site)
        return self.graph.hits(target.value, context)

    def blocking_calls(self, task: Task, *kinds: str) -> Iterator[Hit]:
        """The calls of these kinds that block the event loop in a task; none of a task in a thread."""
        if task.on_loop:
            yield from blocking_calls(self.hits(task), *kinds)


def application(
    root: Path, settings: Settings, overrides: Mapping[Path, bytes], facts_cache: FactsCache
) -> Application:
    """The application below a folder, with what the configuration teaches."""
    table = load().extended(
        settings.session_types,
        settings.offloaders,
        settings.error_handlers,
        settings.deadlines,
        settings.blocking_calls,
        settings.waits,
    )
    return Application(Project(root, tuple(settings.src), overrides, facts_cache), settings, table)


def _configured(settings: Settings) -> tuple[str, ...]:
    """The names of which the configuration says what they do; those of the project's own functions count as well."""
    names = (
        *settings.offloaders,
        *settings.error_handlers,
        *settings.deadlines,
        *settings.blocking_calls,
        *settings.waits,
    )
    return tuple(sorted(set(names)))
