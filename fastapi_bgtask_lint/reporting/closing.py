"""The last lines of the formats that people read: the statistics and the count."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi_bgtask_lint.findings import Severity
from fastapi_bgtask_lint.reporting.report import Report, counted


def closing_lines(report: Report) -> Iterator[str]:
    """What stands below the findings, as far as it was asked for."""
    if report.with_statistics:
        for count, code, name in report.statistics():
            yield f"{count:>5}  {code}  {name}"
    if report.with_summary:
        yield _summary(report)


def _summary(report: Report) -> str:
    suppressed = f"; {report.suppressed} suppressed" if report.suppressed else ""
    files = counted(report.files, "file")
    if not report.findings:
        return f"No findings in {files}{suppressed}."
    errors = counted(report.count(Severity.ERROR), "error")
    warnings = counted(report.count(Severity.WARNING), "warning")
    return f"{counted(len(report.findings), 'finding')} in {files}: {errors}, {warnings}{suppressed}."
