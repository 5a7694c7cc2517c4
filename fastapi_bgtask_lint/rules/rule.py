"""What a rule is: its declaration, its documentation and its checks, all in the rule's own file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from packaging.specifiers import SpecifierSet

from fastapi_bgtask_lint.findings import Severity

if TYPE_CHECKING:
    from fastapi_bgtask_lint.framework.versions import Versions
    from fastapi_bgtask_lint.resolving.values import Site

C = TypeVar("C", bound="Callable[..., Iterator[Report]]")


HARMLESS = "works"


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
    checks: list[tuple[str, Callable[..., Iterator[Report]]]] = field(default_factory=list)

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
        """Adds a check. What it is called with is named by the annotation of its first parameter."""
        annotations = dict(function.__annotations__)
        subject = next(iter(annotations.values()))
        self.checks.append((str(subject), function))
        return function

    def reports(self, subject: str, *arguments: object) -> Iterator[Report]:
        """What the checks of one kind of subject say."""
        for kind, function in self.checks:
            if kind == subject:
                yield from function(*arguments)
