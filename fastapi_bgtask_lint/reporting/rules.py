"""The rules as a table: for the terminal and for the README."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fastapi_bgtask_lint.rules import Rule


def table(rules: Iterable[Rule]) -> Iterator[str]:
    """The rules in aligned columns, in the order given."""
    rows = [(rule.code, rule.name, rule.severity.value, _on(rule), rule.summary) for rule in rules]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(4)]
    for row in rows:
        yield "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]])


def markdown(rules: Iterable[Rule]) -> Iterator[str]:
    """The rules as a table in Markdown, in the order given."""
    yield "| code | name | severity | on by default | what is wrong | what comes of it |"
    yield "|---|---|---|---|---|---|"
    for rule in rules:
        on = "no: `--pedantic`" if rule.pedantic else "yes"
        cells = (rule.code, rule.name, rule.severity.value, on, rule.summary, "; ".join(_outcomes(rule)))
        yield f"| {' | '.join(cells)} |"


def explanation(rule: Rule) -> Iterator[str]:
    """What a rule is about: its own documentation under its code and name."""
    yield f"{rule.code} {rule.name} ({rule.severity.value}, {_on(rule)})"
    yield ""
    yield from rule.documentation.strip().splitlines()
    yield ""
    yield "## What comes of it"
    yield from (f"- {outcome}" for outcome in _outcomes(rule))


def _outcomes(rule: Rule) -> Iterator[str]:
    """The names of what comes of the mistake, each with the versions of FastAPI on which it does."""
    versions: dict[str, list[str]] = {}
    for harm in rule.harms:
        versions.setdefault(harm.name, []).append(harm.where)
    for name, where in versions.items():
        yield name if len(versions) == 1 else f"{name} ({', '.join(where)})"


def _on(rule: Rule) -> str:
    return "pedantic" if rule.pedantic else "on"
