"""What a rule is: its declaration, its documentation and its checks, all in the rule's own file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from fastapi_bgtask_lint.findings import Severity

if TYPE_CHECKING:
    from fastapi_bgtask_lint.resolving.values import Site

C = TypeVar("C", bound="Callable[..., Iterator[Report]]")


@dataclass(frozen=True, slots=True)
class Report:
    """What a check has to say: the message, where, and the further places that explain it."""

    message: str
    site: Site
    related: tuple[tuple[Site, str], ...] = ()
    severity: Severity | None = None
    """None: the rule's own."""


@dataclass(eq=False)
class Rule:
    """A rule. Its module's docstring is the documentation; checks are added with `@rule.check`."""

    documentation: str
    code: str
    name: str
    severity: Severity
    pedantic: bool = False
    checks: list[tuple[str, Callable[..., Iterator[Report]]]] = field(default_factory=list)

    @property
    def summary(self) -> str:
        """The first line of the documentation."""
        return self.documentation.strip().partition("\n")[0]

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
