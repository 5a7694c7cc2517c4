"""The rules over a project: subjects to checks, reports to findings.

Every pair of a rule and a subject is a question. The questions are asked one by one, and only then are their reports
folded into findings, so that neither their order nor that of the files can be seen in what is found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from fastapi_bgtask_lint.application import Application, application
from fastapi_bgtask_lint.dependencies import Judgement
from fastapi_bgtask_lint.discovery import Problem, bug
from fastapi_bgtask_lint.findings import Finding, Place, Related, Severity
from fastapi_bgtask_lint.framework.registrations.registrations import Registration
from fastapi_bgtask_lint.framework.registrations.tasks import Task, Tasks, merged
from fastapi_bgtask_lint.reading.facts import Call
from fastapi_bgtask_lint.reading.facts_cache import FactsCache
from fastapi_bgtask_lint.reading.unreadable import Unreadable
from fastapi_bgtask_lint.resolving.project import Module
from fastapi_bgtask_lint.resolving.values import Site
from fastapi_bgtask_lint.rules import all_rules
from fastapi_bgtask_lint.rules.rule import Phase, Report, Rule, Subject
from fastapi_bgtask_lint.settings import Settings

_UNREADABLE = "BGT001"

T = TypeVar("T")
Arrange: TypeAlias = Callable[[list[Any]], None]
"""Puts a list into another order, as `random.shuffle` does."""


@dataclass(frozen=True, slots=True)
class Question:
    """What does a rule report for a subject?"""

    rule: Rule
    subject: Subject


def run(
    project_root: Path,
    seeds: Sequence[Path],
    settings: Settings,
    overrides: Mapping[Path, bytes],
    facts_cache: FactsCache,
    *,
    rules: Sequence[Rule] | None = None,
    arrange: Arrange = lambda _: None,
) -> Judgement:
    """All findings of a project, unsuppressed. It recurses deeply: call it on a deep stack.

    Args:
        seeds: the files that can hold a registration, in the order in which they are looked at.
        rules: the rules to judge by, in the order in which they are asked; all by default.
        arrange: is called with each list of registrations and of questions before the work on it begins. What is found
            does not depend on their order; tests show that with random ones.
    """
    app = application(project_root, settings, overrides, facts_cache)
    judging = _Judging(app, all_rules() if rules is None else rules, arrange)
    judging.judge(seeds)
    findings = (*fold(judging.findings), *judging.unreadable())
    return Judgement(findings, app.project.dependencies, tuple(judging.problems))


@dataclass
class _Judging:
    """Asks all questions and gathers what comes of them."""

    app: Application
    rules: Sequence[Rule]
    arrange: Arrange
    findings: list[Finding] = field(default_factory=list)
    problems: dict[Problem, None] = field(default_factory=dict)

    def judge(self, seeds: Iterable[Path]) -> None:
        """Asks what concerns every registration, then what concerns the execution of those that run as meant."""
        modules = [module for path in seeds for module in self._module(path)]
        registrations = [found for module in modules for found in self._registrations(module)]
        self.arrange(registrations)
        barred = self._ask(list(self._before_execution(modules, registrations)))
        kept = [registration for registration in registrations if registration.call not in barred]
        tasks = merged(task for registration in kept for task in self._tasks(registration))
        self._ask(list(self._of_execution(kept, tasks)))

    def unreadable(self) -> Iterator[Finding]:
        """The files that could not be read, as findings of the rule that is about them."""
        for rule in (rule for rule in self.rules if rule.code == _UNREADABLE):
            for path, error in sorted(self.app.project.refused.items()):
                yield _unreadable(rule, path, error)

    # --- subjects -----------------------------------------------------------------------------------------------------

    def _module(self, path: Path) -> list[Module]:
        """The module in a file; nothing when it can't be read."""
        found = self._contained(lambda: self.app.project.module(path), lambda: (path, 1), "reading the file")
        return [] if found is None else [found]

    def _registrations(self, module: Module) -> list[Registration]:
        found = self._contained(
            lambda: list(self.app.registrations.of(module)), lambda: (module.path, 1), "finding registrations"
        )
        return found or []

    def _tasks(self, registration: Registration) -> list[Task]:
        tasks = Tasks(self.app.evaluator, self.app.registrations)
        found = self._contained(lambda: list(tasks.of(registration)), lambda: _place_of(registration), "finding tasks")
        return found or []

    # --- questions ----------------------------------------------------------------------------------------------------

    def _before_execution(self, modules: Iterable[Module], registrations: Sequence[Registration]) -> Iterator[Question]:
        yield from (Question(rule, self.app) for rule in self._rules_for(Application))
        yield from (Question(rule, module) for module in modules for rule in self._rules_for(Module))
        for phase in (Phase.PRECONDITION, Phase.REGISTRATION):
            yield from self._of_phase(phase, registrations)

    def _of_execution(self, registrations: Sequence[Registration], tasks: Iterable[Task]) -> Iterator[Question]:
        yield from self._of_phase(Phase.EXECUTION, registrations)
        yield from (Question(rule, task) for task in tasks for rule in self._rules_for(Task))

    def _of_phase(self, phase: Phase, registrations: Sequence[Registration]) -> Iterator[Question]:
        rules = [rule for rule in self._rules_for(Registration) if rule.phase is phase]
        yield from (Question(rule, registration) for rule in rules for registration in registrations)

    def _rules_for(self, subject: type[Subject]) -> list[Rule]:
        return [rule for rule in self.rules if subject in rule.checks]

    def _ask(self, questions: list[Question]) -> set[Call]:
        """Keeps what is found, and gives the calls for which a precondition rule has found something."""
        barred: set[Call] = set()
        self.arrange(questions)
        for question in questions:
            found = self._answer(question)
            self.findings += found
            if found and question.rule.phase is Phase.PRECONDITION and isinstance(question.subject, Registration):
                barred.add(question.subject.call)
        return barred

    def _answer(self, question: Question) -> list[Finding]:
        found = self._contained(
            lambda: list(_findings(question, self.app)), lambda: _place_of(question.subject), question.rule.code
        )
        return found or []

    def _contained(self, work: Callable[[], T], place: Callable[[], tuple[Path, int | None]], doing: str) -> T | None:
        """What the work gives; None when it fails, which is a bug, and costs nothing else."""
        try:
            return work()
        except Exception as error:  # noqa: BLE001 - whatever it is, all other questions are still answered
            self.problems.setdefault(bug(error, *place(), during=doing))
            return None


def _place_of(subject: Subject) -> tuple[Path, int | None]:
    """The path and line by which people know a subject."""
    match subject:
        case Registration():
            line = None
            with suppress(Exception):  # to look for the line may be what fails
                line = _place(subject.site).line
            return subject.module.path, line
        case Task():
            return _place_of(subject.registrations[0])
        case Module():
            return subject.path, 1
        case Application():
            return subject.project.root, None


# --- findings ---------------------------------------------------------------------------------------------------------


def _findings(question: Question, app: Application) -> Iterator[Finding]:
    """The reports as findings whose related places are those of the report alone."""
    rule = question.rule
    for report in rule.reports(question.subject, app):
        place = _place(report.site)
        yield Finding(
            rule.code,
            rule.name,
            report.severity or rule.severity,
            report.message,
            place,
            _related(report, place),
            tuple(_place(registration.site) for registration in _registrations_of(question.subject)),
            report.pedantic or rule.pedantic,
        )


def _registrations_of(subject: Subject) -> tuple[Registration, ...]:
    match subject:
        case Registration():
            return (subject,)
        case Task():
            return subject.registrations
        case _:
            return ()


def _related(report: Report, place: Place) -> tuple[Related, ...]:
    related = dict.fromkeys(Related(_place(site), text) for site, text in report.related)
    return tuple(one for one in related if one.place != place)


def _place(site: Site) -> Place:
    return site.module.source.place(site.fact.at)


def fold(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings, one for each place and code, sorted by them; the same for the same findings in any order."""
    alike: dict[tuple[Place, str], list[Finding]] = {}
    for finding in findings:
        alike.setdefault((finding.place, finding.code), []).append(finding)
    return tuple(_folded(alike[key]) for key in sorted(alike))


def _folded(findings: list[Finding]) -> Finding:
    """The simplest of several findings at a place, with the registrations of all.

    Pedantic ones count only where there are no others: whoever does not ask for them must see the same of the others.
    """
    counted = [finding for finding in findings if not finding.pedantic] or findings
    chosen = min(counted, key=_simplicity)
    registrations = tuple(sorted({place for finding in counted for place in finding.registrations}))
    here = (Related(place, "registered here") for place in registrations if place != chosen.place)
    return replace(chosen, registrations=registrations, related=tuple(dict.fromkeys((*chosen.related, *here))))


def _simplicity(finding: Finding) -> tuple[bool, int, list[tuple[Place, str]], str]:
    """Errors before warnings, the shortest chain first, then by the places and words."""
    chain = [(related.place, related.message) for related in finding.related]
    return finding.severity is not Severity.ERROR, len(chain), chain, finding.message


def _unreadable(rule: Rule, path: Path, error: Unreadable) -> Finding:
    place = Place(path, error.line, error.column, error.line, error.column + 1)
    return Finding(rule.code, rule.name, rule.severity, f"this file could not be read: {error.reason}", place)
