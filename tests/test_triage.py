"""Triage alone: what it keeps, where it puts it, in which order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from fastapi_bgtask_lint.findings import Finding, Place, Related, Severity
from fastapi_bgtask_lint.settings import Settings
from fastapi_bgtask_lint.triage import Verdict, triage

CODES = {"BGT001": False, "BGT301": False, "BGT406": True, "BGT501": False}
A, B, C = (Path("/p", name) for name in ("a.py", "b.py", "c.py"))


def place(path: Path, line: int, column: int = 1) -> Place:
    return Place(path, line, column, line, column + 1)


def finding(at: Place, *registrations: Place, code: str = "BGT301", message: str = "it blocks") -> Finding:
    related = tuple(Related(registration, "registered here") for registration in registrations)
    return Finding(code, "name", Severity.ERROR, message, at, related, registrations, CODES[code])


def judged(
    findings: list[Finding], *files: Path, settings: Settings | None = None, silent: frozenset[Place] = frozenset()
) -> Verdict:
    return triage(
        findings,
        settings=settings or Settings(),
        given={str(path) for path in files},
        silences=lambda _, at: at in silent,
    )


def test_a_finding_stands_at_its_primary_when_that_file_was_given() -> None:
    one = finding(place(A, 3), place(B, 1))
    assert judged([one], A, B).shown == (one,)


def test_else_it_stands_at_its_first_registration_in_a_given_file() -> None:
    one = finding(place(A, 3), place(C, 9), place(C, 2), place(B, 5))
    (shown,) = judged([one], C).shown
    assert shown.place == place(C, 2)
    assert [related.place for related in shown.related] == [place(A, 3), place(B, 5), place(C, 9)]


def test_else_it_is_not_shown() -> None:
    assert judged([finding(place(A, 3), place(B, 1))], C) == Verdict((), ())


def test_a_silenced_registration_is_taken_away() -> None:
    one = finding(place(A, 3), place(B, 1), place(B, 2))
    (shown,) = judged([one], A, silent=frozenset({place(B, 1)})).shown
    assert shown.registrations == (place(B, 2),)
    assert [related.place for related in shown.related] == [place(B, 2)]
    (shown,) = judged([one], B, silent=frozenset({place(B, 1)})).shown
    assert shown.place == place(B, 2)


def test_it_is_suppressed_when_no_registration_is_left_or_the_primary_is_silenced() -> None:
    one = finding(place(A, 3), place(B, 1), place(B, 2))
    for silent in ({place(B, 1), place(B, 2)}, {place(A, 3)}):
        verdict = judged([one], A, silent=frozenset(silent))
        assert verdict.shown == ()
        assert [suppressed.place for suppressed in verdict.suppressed] == [place(A, 3)]


def test_what_is_not_selected_is_not_even_suppressed() -> None:
    one = finding(place(A, 3), code="BGT406")
    assert judged([one], A, silent=frozenset({place(A, 3)})) == Verdict((), ())
    assert judged([one], A, settings=Settings(pedantic=True)).shown == (one,)


def test_at_most_eight_related_places_and_the_rest_counted() -> None:
    lines = [*range(20, 9, -1)]
    (shown,) = judged([finding(place(A, 3), *(place(B, line) for line in lines))], A).shown
    assert [related.place.line for related in shown.related] == [*range(10, 18)]
    assert shown.message == "it blocks (and 3 more places)"


def test_the_first_of_several_findings_at_one_place_has_the_shortest_chain() -> None:
    long = finding(place(A, 3), place(B, 1), place(B, 2))
    short = finding(place(A, 3), place(B, 7))
    assert judged([long, short], A).shown == (short,)
    assert judged([short, long], A).shown == (short,)


PLACES = st.builds(place, st.sampled_from([A, B, C]), st.integers(1, 3), st.integers(1, 2))
FINDINGS = st.builds(
    lambda at, registrations, code, message: finding(at, *registrations, code=code, message=message),
    PLACES,
    st.lists(PLACES, max_size=3, unique=True),
    st.sampled_from(sorted(CODES)),
    st.sampled_from(["x", "y"]),
)


@given(st.lists(FINDINGS, max_size=8), st.sets(st.sampled_from([A, B, C])), st.sets(PLACES, max_size=3), st.randoms())
def test_order_of_arrival_never_matters_and_nothing_is_said_twice(findings, files, silent, random) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    verdict = judged(findings, *files, silent=frozenset(silent))
    shuffled = list(findings)
    random.shuffle(shuffled)
    assert judged(shuffled, *files, silent=frozenset(silent)) == verdict
    keys = [(str(one.place.path), one.place.line, one.place.column, one.code) for one in verdict.shown]
    assert keys == sorted(set(keys))
    assert all(one.place.path in files and one.place not in silent for one in verdict.shown)


def test_a_pedantic_report_of_a_rule_that_is_on_waits_to_be_asked_for() -> None:
    one = replace(finding(place(A, 3)), pedantic=True)
    assert judged([one], A).shown == ()
    assert judged([one], A, settings=Settings(select=("BGT3",))).shown == ()
    assert judged([one], A, settings=Settings(pedantic=True)).shown == (one,)
    assert judged([one], A, settings=Settings(extend_select=("BGT301",))).shown == (one,)
