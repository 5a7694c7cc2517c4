"""The rules over a project: subjects to checks, reports to findings."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from fastapi_bgtask_lint.application import Application, application
from fastapi_bgtask_lint.dependencies import Judgement
from fastapi_bgtask_lint.findings import Finding, Place, Related
from fastapi_bgtask_lint.framework.registrations.registrations import Registration
from fastapi_bgtask_lint.framework.registrations.tasks import Task, Tasks
from fastapi_bgtask_lint.reading.facts import Call
from fastapi_bgtask_lint.reading.facts_cache import FactsCache
from fastapi_bgtask_lint.reading.unreadable import Unreadable
from fastapi_bgtask_lint.resolving.project import Module
from fastapi_bgtask_lint.resolving.values import Site
from fastapi_bgtask_lint.rules import all_rules
from fastapi_bgtask_lint.rules.rule import Report, Rule
from fastapi_bgtask_lint.settings import Settings

_NOT_AS_MEANT = frozenset({"BGT501", "BGT502", "BGT506", "BGT507", "BGT509", "BGT513"})
"""A registration with one of these says nothing about its task's body."""
_UNREADABLE = "BGT001"
_FRAMES = 20_000


@dataclass
class _Gathered:
    """The findings so far, one for each code and place."""

    found: dict[tuple[str, Place], Finding] = field(default_factory=dict)

    def add(self, finding: Finding) -> None:
        """Adds a finding; the same one from a further registration only adds that registration."""
        key = (finding.code, finding.place)
        known = self.found.get(key)
        if known is None or (known.pedantic and not finding.pedantic):
            self.found[key] = finding
            return
        if finding.pedantic and not known.pedantic:
            return
        registrations = tuple(dict.fromkeys((*known.registrations, *finding.registrations)))
        related = dict.fromkeys(known.related)
        extra = [r for r in finding.related if r.place in finding.registrations]
        self.found[key] = replace(known, registrations=registrations, related=tuple(dict.fromkeys((*related, *extra))))


def run(
    project_root: Path,
    seeds: Sequence[Path],
    settings: Settings,
    overrides: Mapping[Path, bytes],
    facts_cache: FactsCache,
) -> Judgement:
    """All findings of a project, unsorted and unsuppressed."""
    # Evaluation is recursive to a fixed depth, which takes more Python contexts than the interpreter allows by default.
    sys.setrecursionlimit(max(sys.getrecursionlimit(), _FRAMES))
    app = application(project_root, settings, overrides, facts_cache)
    gathered = _Gathered()
    registrations: list[Registration] = []
    for path in sorted(seeds):
        module = app.project.module(path)
        if module is None:
            continue
        registrations += app.registrations.of(module)
        for finding in _on_module(app, module):
            gathered.add(finding)
    barred = set(_on_registrations(app, registrations, gathered, lambda code: code in _NOT_AS_MEANT))
    kept = [registration for registration in registrations if registration.call not in barred]
    set(
        _on_registrations(
            app, registrations, gathered, lambda code: code.startswith("BGT5") and code not in _NOT_AS_MEANT
        )
    )
    set(_on_registrations(app, kept, gathered, lambda code: not code.startswith("BGT5")))
    for task in Tasks(app.evaluator, app.registrations).of(kept):
        for finding in _on_task(app, task):
            gathered.add(finding)
    return Judgement((*gathered.found.values(), *_unreadable(app)), app.project.dependencies)


def _on_module(app: Application, module: Module) -> Iterator[Finding]:
    for rule in all_rules():
        for report in rule.reports("Module", module, app):
            yield _finding(rule, report, ())


def _on_registrations(
    app: Application, registrations: list[Registration], gathered: _Gathered, wanted: Callable[[str], bool]
) -> Iterator[Call]:
    """Adds what the wanted rules say of registrations, and gives the calls that they speak of."""
    for rule in all_rules():
        if not wanted(rule.code):
            continue
        for registration in registrations:
            for report in rule.reports("Registration", registration, app):
                gathered.add(_finding(rule, report, (registration,)))
                yield registration.call


def _on_task(app: Application, task: Task) -> Iterator[Finding]:
    for rule in all_rules():
        for report in rule.reports("Task", task, app):
            yield _finding(rule, report, task.registrations)


def _finding(rule: Rule, report: Report, registrations: tuple[Registration, ...]) -> Finding:
    place = _place(report.site)
    places = tuple(dict.fromkeys(_place(registration.site) for registration in registrations))
    related = [Related(_place(site), text) for site, text in report.related]
    related += [Related(other, "registered here") for other in places if other != place]
    return Finding(
        rule.code,
        rule.name,
        report.severity or rule.severity,
        report.message,
        place,
        tuple(r for r in dict.fromkeys(related) if r.place != place),
        places,
        report.pedantic or rule.pedantic,
    )


def _place(site: Site) -> Place:
    return site.module.source.place(site.fact.at)


def _unreadable(app: Application) -> Iterator[Finding]:
    rule = next((rule for rule in all_rules() if rule.code == _UNREADABLE), None)
    if rule is None:
        return
    for path, error in sorted(app.project.refused.items()):
        yield _broken(rule, path, error)


def _broken(rule: Rule, path: Path, error: Unreadable) -> Finding:
    place = Place(path, error.line, error.column, error.line, error.column + 1)
    return Finding(rule.code, rule.name, rule.severity, f"this file could not be read: {error.reason}", place)
