"""One line a finding: `path:line:column: CODE message`, as flake8 writes it."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi_bgtask_lint.findings import Finding
from fastapi_bgtask_lint.reporting.closing import closing_lines
from fastapi_bgtask_lint.reporting.report import Report, one_line


def lines(report: Report) -> Iterator[str]:
    """The report's lines."""
    for finding in report.findings:
        yield _line(report, finding)
    for finding in report.silenced:
        yield f"{_line(report, finding)} (suppressed)"
    yield from closing_lines(report)


def _line(report: Report, finding: Finding) -> str:
    place = finding.place
    where = report.palette.paint(report.shown(place.path), report.palette.emphasis)
    return f"{where}:{place.line}:{place.column}: {finding.code} {one_line(finding.message)}"
