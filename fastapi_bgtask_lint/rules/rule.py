"""What a rule is: its declaration, its documentation and its checks, all in the rule's own file."""

from __future__ import annotations

import enum
import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias, TypeVar, get_args

from packaging.specifiers import SpecifierSet

from fastapi_bgtask_lint.application import Application
from fastapi_bgtask_lint.findings import Severity
from fastapi_bgtask_lint.framework.registrations.registrations import Registration
from fastapi_bgtask_lint.framework.registrations.tasks import Task
from fastapi_bgtask_lint.resolving.project import Module

if TYPE_CHECKING:
    from fastapi_bgtask_lint.framework.versions import Versions
    from fastapi_bgtask_lint.resolving.values import Site

Check: TypeAlias = "Callable[..., Iterator[Report]]"
C = TypeVar("C", bound=Check)

Subject: TypeAlias = Registration | Task | Module | Application
"""What a check is called with: a registration, a task, a module with registrations, or the whole application once."""
SUBJECTS: tuple[type[Subject], ...] = get_args(Subject)

HARMLESS = "works"


class Phase(enum.Enum):
    """Which registrations the checks of a rule are called with.

    It makes no difference for other subjects: every module is checked, and tasks are those of the phase `EXECUTION`.
    """

    PRECONDITION = enum.auto()
    """All. A finding means that the task does not run as meant: the execution of that registration is not checked."""
    REGISTRATION = enum.auto()
    """All: the rule is about the registration itself, whatever the task does."""
    EXECUTION = enum.auto()
    """Those for which no precondition rule has a finding: the rule is about what happens when the task runs."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a check has to say: the message, where, and the further places that explain it."""

    message: str
    site: Site
    related: tuple[tuple[Site, str], ...] = ()
    severity: Severity | None = None
    """None: the rule's own."""
    pedantic: bool = False
    """Only for those who want pedantic rules, for all that the rule is on."""


@dataclass(frozen=True, slots=True)
class Harm:
    """What comes of the mistake on some versions of FastAPI: for the message, the documentation and the proof."""

    name: str
    """A word or two, the outcome as the table of proofs has it; `works` where the mistake does no harm."""
    text: str = ""
    """A clause for the message, where that depends on the version."""
    versions: str = ""
    """A specifier set such as `>=0.106,<0.118`; empty is every version."""

    @property
    def is_harmful(self) -> bool:
        """Something goes wrong on these versions."""
        return self.name != HARMLESS

    @property
    def where(self) -> str:
        """The versions in words: `before 0.106`, `0.106 - 0.117`, `0.118+`; nothing for all of them."""
        if not self.versions:
            return ""
        low, _, high = self.versions.removeprefix(">=").rpartition("<")
        low = low.removesuffix(",")
        if low and high:
            series, minor = high.split(".")
            return f"{low} - {series}.{int(minor) - 1}"
        return f"before {high}" if high.startswith("0") and self.versions.startswith("<") else f"{high}+"


def said(harms: Sequence[Harm]) -> str:
    """What the harms say of these versions, each with its versions where they differ; empty when they say nothing."""
    by_text: dict[str, list[str]] = {}
    for harm in harms:
        if harm.text:
            by_text.setdefault(harm.text, []).append(harm.where)
    if len(by_text) == 1 and all(harm.text for harm in harms):
        return next(iter(by_text))
    return ", ".join(f"on FastAPI {' and '.join(where)} {text}" for text, where in by_text.items())


@dataclass(eq=False)
class Rule:
    """A rule. Its module's docstring is the documentation; checks are added with `@rule.check`."""

    documentation: str
    code: str
    name: str
    severity: Severity
    pedantic: bool = False
    harms: tuple[Harm, ...] = ()
    """What differs between versions; nothing when they all do the same."""
    phase: Phase = Phase.EXECUTION
    checks: dict[type[Subject], list[Check]] = field(default_factory=dict, init=False)

    @property
    def summary(self) -> str:
        """The first line of the documentation."""
        return self.documentation.strip().partition("\n")[0]

    def harms_on(self, versions: Versions) -> tuple[Harm, ...]:
        """What comes of the mistake on the versions that a project allows."""
        return tuple(harm for harm in self.harms if versions.within(harm.versions))

    def outcome_on(self, version: str) -> str:
        """The name of what comes of the mistake on one version of FastAPI. Raises LookupError when none is declared."""
        found = [harm for harm in self.harms if SpecifierSet(harm.versions).contains(version, prereleases=True)]
        if len(found) != 1:
            raise LookupError(f"{self.code} declares {len(found)} outcomes on FastAPI {version}")
        return found[0].name

    def check(self, function: C) -> C:
        """Adds a check. The annotation of its first parameter is the kind of subject that it is called with.

        Raises:
            TypeError: the annotation is not one of `SUBJECTS`.
        """
        self.checks.setdefault(self._subject_of(function), []).append(function)
        return function

    def _subject_of(self, check: Check) -> type[Subject]:
        choices = ", ".join(subject.__name__ for subject in SUBJECTS)
        wanted = f"{self.code}: the first parameter of {check.__qualname__} must be annotated with one of {choices}"
        try:
            parameters = list(inspect.signature(check, eval_str=True).parameters.values())
        except NameError as error:
            raise TypeError(f"{wanted}: {error}") from error
        if not parameters or parameters[0].annotation is inspect.Parameter.empty:
            raise TypeError(f"{wanted}; it has no annotation")
        annotation = parameters[0].annotation
        found: type[Subject] | None = next((subject for subject in SUBJECTS if subject is annotation), None)
        if found is None:
            raise TypeError(f"{wanted}, not {getattr(annotation, '__name__', annotation)}")
        return found

    def reports(self, subject: Subject, app: Application) -> Iterator[Report]:
        """What the checks for this kind of subject report. A check for the application is called with it alone."""
        for check in self.checks.get(type(subject), ()):
            yield from check(app) if subject is app else check(subject, app)
