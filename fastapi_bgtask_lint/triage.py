"""The one place where findings are chosen: selection, suppression, placement, order.

Every rule's every finding passes here, whichever front door it leaves by, so both doors say the same.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace

from fastapi_bgtask_lint.findings import Finding, Place, Related
from fastapi_bgtask_lint.noqa import Comments
from fastapi_bgtask_lint.settings import PathFilter, Settings, is_on

_MOST_RELATED = 8

Silences = Callable[[str, Place], bool]
"""Whether the user has silenced a code at a place."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The findings to report, and those that the user has silenced. Both are sorted and have no doubles."""

    shown: tuple[Finding, ...]
    suppressed: tuple[Finding, ...]


def triage(findings: Iterable[Finding], *, settings: Settings, given: Collection[str], silences: Silences) -> Verdict:
    """Chooses among findings for the files that were given, by their paths.

    A finding stands at its primary place, or at its first registration in a given file when the primary is not in one.
    """
    shown: list[Finding] = []
    suppressed: list[Finding] = []
    for finding in findings:
        if not _concerns(finding, given) or not is_on(finding.code, settings, {finding.code: finding.pedantic}):
            continue
        heard = _without_silenced_registrations(finding, silences)
        placed = _placed(heard or finding, given)
        if placed is None:
            continue
        (shown if heard is not None else suppressed).append(_shortened(placed))
    reported = _sorted(shown)
    taken = {_position(finding) for finding in reported}
    return Verdict(reported, tuple(finding for finding in _sorted(suppressed) if _position(finding) not in taken))


def comments_and_globs(comments: Comments, paths: PathFilter) -> Silences:
    """What the comments in the files and the globs of the configuration silence."""

    def silences(code: str, place: Place) -> bool:
        return paths.ignores(place.path, code) or _is_commented_out(code, place, comments)

    return silences


def globs_only(paths: PathFilter) -> Silences:
    """What the globs of the configuration silence: for a run that is told to disregard comments."""

    def silences(code: str, place: Place) -> bool:
        return paths.ignores(place.path, code)

    return silences


def _is_commented_out(code: str, place: Place, comments: Comments) -> bool:
    in_file = comments.of(place.path)
    if in_file.leave_out_file:
        return True
    on_line = in_file.at(place.line)
    if on_line is not None and on_line.covers(code):
        return True
    on_scopes = (in_file.at(line) for line in place.scopes)
    return any(comment is not None and comment.names(code) for comment in on_scopes)


def _without_silenced_registrations(finding: Finding, silences: Silences) -> Finding | None:
    """The finding as far as it is not silenced; None when nothing of it is left."""
    if silences(finding.code, finding.place):
        return None
    silenced = {place for place in finding.registrations if silences(finding.code, place)}
    if not silenced:
        return finding
    left = tuple(place for place in finding.registrations if place not in silenced)
    if not left:
        return None
    related = tuple(related for related in finding.related if related.place not in silenced)
    return replace(finding, registrations=left, related=related)


def _concerns(finding: Finding, given: Collection[str]) -> bool:
    """It stands in a given file, or a registration that leads to it does. The comments of all else are not read."""
    return any(str(place.path) in given for place in (finding.place, *finding.registrations))


def _placed(finding: Finding, given: Collection[str]) -> Finding | None:
    """The finding where it is to be shown; None when no given file has to do with it."""
    if str(finding.place.path) in given:
        return finding
    registration = min((place for place in finding.registrations if str(place.path) in given), key=_order, default=None)
    if registration is None:
        return None
    others = tuple(related for related in finding.related if related.place != registration)
    origin = Related(finding.place, "this is the place itself")
    return replace(finding, place=registration, related=(origin, *others))


def _shortened(finding: Finding) -> Finding:
    related = sorted(dict.fromkeys(finding.related), key=lambda related: (*_order(related.place), related.message))
    rest = len(related) - _MOST_RELATED
    if rest <= 0:
        return replace(finding, related=tuple(related))
    more = "1 more place" if rest == 1 else f"{rest} more places"
    return replace(finding, related=tuple(related[:_MOST_RELATED]), message=f"{finding.message} (and {more})")


def _sorted(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """By place and code; of several findings with the same place and code the one with the fewest related places."""
    return tuple(_first_of_each(sorted(findings, key=lambda finding: (_position(finding), _preference(finding)))))


def _first_of_each(findings: Iterable[Finding]) -> Iterator[Finding]:
    last = None
    for finding in findings:
        if _position(finding) != last:
            yield finding
        last = _position(finding)


def _position(finding: Finding) -> tuple[str, int, int, str]:
    return (*_order(finding.place), finding.code)


def _preference(finding: Finding) -> tuple[int, list[tuple[str, int, int]], str]:
    return len(finding.related), [_order(related.place) for related in finding.related], finding.message


def _order(place: Place) -> tuple[str, int, int]:
    return str(place.path), place.line, place.column
