"""Rules declare what they are called with, reports are folded into findings, and an error costs one answer only."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastapi_bgtask_lint.application import Application
from fastapi_bgtask_lint.dependencies import Judgement
from fastapi_bgtask_lint.findings import Finding, Place, Related, Severity
from fastapi_bgtask_lint.framework.registrations.registrations import Registration
from fastapi_bgtask_lint.framework.registrations.tasks import Task
from fastapi_bgtask_lint.judging import fold, run
from fastapi_bgtask_lint.reading.facts_cache import FactsCache
from fastapi_bgtask_lint.resolving.project import Module
from fastapi_bgtask_lint.resolving.values import Site
from fastapi_bgtask_lint.rules import Rule, all_rules
from fastapi_bgtask_lint.rules.rule import Check, Phase, Report
from fastapi_bgtask_lint.settings import Settings
from tests.doors import write

APP = """\
from fastapi import BackgroundTasks, FastAPI

app = FastAPI()


def first() -> None:
    return None


def second() -> None:
    return None


@app.get("/")
def index(tasks: BackgroundTasks) -> None:
    tasks.add_task(first)
    tasks.add_task(second)


@app.get("/again")
def again(tasks: BackgroundTasks) -> None:
    tasks.add_task(second)
"""
FIRST, SECOND, AGAIN = 16, 17, 22
"""The lines of the registrations."""


def new_rule(code: str, *checks: Check, phase: Phase = Phase.EXECUTION) -> Rule:
    rule = Rule("Something is wrong", code=code, name="wrong", severity=Severity.ERROR, phase=phase)
    for check in checks:
        rule.check(check)
    return rule


def judged(folder: Path, *rules: Rule, **files: str) -> Judgement:
    """Judges a project, by default of one file, by these rules."""
    texts = {f"{name}.py": text for name, text in (files or {"app": APP}).items()}
    write(folder, {"pyproject.toml": "", **texts})
    return run(folder, [folder / name for name in texts], Settings(), {}, FactsCache(), rules=rules)


def lines(judgement: Judgement) -> list[tuple[str, int]]:
    return [(finding.code, finding.place.line) for finding in judgement.findings]


def each(registration: Registration, app: Application) -> Iterator[Report]:
    yield Report("a registration", registration.site)


def only(line: int) -> Check:
    def check(registration: Registration, app: Application) -> Iterator[Report]:
        if registration.module.source.place(registration.call.at).line == line:
            yield Report("this one", registration.site)

    return check


def each_task(task: Task, app: Application) -> Iterator[Report]:
    yield Report("a task", Site(task.function.parent, task.function.definition))


# --- what a rule is called with ---------------------------------------------------------------------------------------


def test_a_check_is_called_with_what_its_first_parameter_is_annotated_with(tmp_path: Path) -> None:
    seen: list[object] = []

    def of_registration(registration: Registration, app: Application) -> Iterator[Report]:
        seen.append(registration)
        yield from ()

    def of_task(task: Task, app: Application) -> Iterator[Report]:
        seen.append(task)
        yield from ()

    def of_module(module: Module, app: Application) -> Iterator[Report]:
        seen.append(module)
        yield from ()

    def of_application(app: Application) -> Iterator[Report]:
        seen.append(app)
        yield from ()

    judged(tmp_path, new_rule("BGT998", of_registration, of_task, of_module, of_application))

    counts = {kind: sum(isinstance(one, kind) for one in seen) for kind in (Registration, Task, Module, Application)}
    assert counts == {Registration: 3, Task: 2, Module: 1, Application: 1}


def of_text(text: str, app: Application) -> Iterator[Report]:
    yield from ()


def of_unknown(handler: Handler, app: Application) -> Iterator[Report]:  # type: ignore[name-defined]  # noqa: F821
    yield from ()


def of_nothing(registration, app: Application) -> Iterator[Report]:  # type: ignore[no-untyped-def]  # noqa: ANN001
    yield from ()


def without_parameters() -> Iterator[Report]:
    yield from ()


@pytest.mark.parametrize(
    ("check", "reason"),
    [(of_text, "not str"), (of_unknown, "'Handler'"), (of_nothing, "no annotation"), (without_parameters, "no annota")],
)
def test_a_check_with_another_subject_cannot_be_declared(check: Check, reason: str) -> None:
    with pytest.raises(TypeError) as raised:
        new_rule("BGT998", check)

    for word in ("BGT998", check.__name__, "Registration, Task, Module, Application", reason):
        assert word in str(raised.value)


def test_a_finding_of_a_precondition_rule_bars_the_execution(tmp_path: Path) -> None:
    rules = [
        new_rule("BGT991", only(SECOND), phase=Phase.PRECONDITION),
        new_rule("BGT992", each, phase=Phase.REGISTRATION),
        new_rule("BGT993", each),
        new_rule("BGT994", each_task),
    ]

    for order in itertools.permutations(rules):
        judgement = judged(tmp_path, *order)

        assert lines(judgement) == [
            ("BGT994", 6),
            ("BGT994", 10),
            ("BGT992", FIRST),
            ("BGT993", FIRST),
            ("BGT991", SECOND),
            ("BGT992", SECOND),
            ("BGT992", AGAIN),
            ("BGT993", AGAIN),
        ]
        registrations = {one.place.line: one.registrations for one in judgement.findings if one.code == "BGT994"}
        assert [place.line for place in registrations[10]] == [AGAIN]


# --- findings ---------------------------------------------------------------------------------------------------------

A, B = Path("/p/a.py"), Path("/p/b.py")


def at(line: int, path: Path = A) -> Place:
    return Place(path, line, 1, line, 9)


def finding(*chain: int, message: str = "it blocks", registered: Sequence[int] = (), pedantic: bool = False) -> Finding:
    related = tuple(Related(at(line), "called here") for line in chain)
    places = tuple(at(line, B) for line in registered)
    return Finding("BGT301", "name", Severity.ERROR, message, at(1), related, places, pedantic)


def test_of_several_findings_at_a_place_the_shortest_chain_is_kept() -> None:
    chosen = finding(7, message="the short way")
    assert fold([finding(3, 5), chosen, finding(2, 4, 6)]) == (chosen,)


def test_then_the_first_places_and_then_the_message() -> None:
    assert fold([finding(3, 5), finding(3, 4)]) == (finding(3, 4),)
    assert fold([finding(3, message="b"), finding(3, message="a")]) == (finding(3, message="a"),)


def test_an_error_takes_precedence_over_a_warning() -> None:
    warning = replace(finding(), severity=Severity.WARNING)
    assert fold([warning, finding(2)]) == (finding(2),)


def test_the_registrations_of_all_are_merged_in_order() -> None:
    (merged,) = fold([finding(2, registered=[9, 4]), finding(3, registered=[4, 1])])

    assert merged.registrations == (at(1, B), at(4, B), at(9, B))
    here = [(at(line, B), "registered here") for line in (1, 4, 9)]
    assert [(one.place, one.message) for one in merged.related] == [(at(2), "called here"), *here]


def test_pedantic_findings_add_nothing_to_others() -> None:
    (merged,) = fold([finding(pedantic=True, registered=[1]), finding(2, registered=[3])])

    assert (merged.pedantic, merged.registrations) == (False, (at(3, B),))
    assert fold([finding(2, pedantic=True), finding(pedantic=True)])[0].related == ()


@st.composite
def findings(draw: st.DrawFn) -> list[Finding]:
    """Findings of which many have the same place and code."""
    few = st.integers(1, 3)
    some = st.builds(
        lambda place, code, message, severity, chain, registered, pedantic: Finding(
            code,
            "name",
            severity,
            message,
            at(place),
            tuple(Related(at(line, A if line > 1 else B), text) for line, text in chain),
            tuple(at(line, B) for line in registered),
            pedantic,
        ),
        few,
        st.sampled_from(["BGT301", "BGT401"]),
        st.sampled_from(["it blocks", "it waits"]),
        st.sampled_from(Severity),
        st.lists(st.tuples(few, st.sampled_from(["called here", "defined here"])), max_size=3),
        st.lists(few, max_size=3),
        st.booleans(),
    )
    return draw(st.lists(some, max_size=8))


@given(findings(), st.randoms(use_true_random=False))
def test_the_order_of_findings_makes_no_difference(found: list[Finding], chance: random.Random) -> None:
    expected = fold(found)
    chance.shuffle(found)
    assert fold(found) == expected
    assert fold([one for one in expected for _ in range(2)]) == expected


# --- errors -----------------------------------------------------------------------------------------------------------


def raising(error: Callable[[], BaseException], line: int) -> Check:
    """Reports every registration but one."""

    def check(registration: Registration, app: Application) -> Iterator[Report]:
        yield Report("all but one", registration.site)
        if registration.module.source.place(registration.call.at).line == line:
            raise error()

    return check


def endless(depth: int) -> int:
    return endless(depth + 1) + 1


def recursive(registration: Registration, app: Application) -> Iterator[Report]:
    yield Report(str(endless(0)), registration.site)


@pytest.mark.parametrize("error", [ZeroDivisionError, RecursionError, MemoryError, KeyError, StopIteration])
@pytest.mark.parametrize("phase", Phase)
def test_an_error_costs_one_answer(error: Callable[[], BaseException], phase: Phase, tmp_path: Path) -> None:
    judgement = judged(tmp_path, new_rule("BGT998", raising(error, SECOND), phase=phase), new_rule("BGT999", each))

    failing = [("BGT998", FIRST), ("BGT998", AGAIN)]
    others = [FIRST, SECOND, AGAIN] if phase is not Phase.PRECONDITION else [SECOND]
    assert lines(judgement) == sorted([*failing, *(("BGT999", line) for line in others)], key=lambda one: one[::-1])
    (problem,) = judgement.problems
    assert (problem.path, problem.line) == (tmp_path / "app.py", SECOND)
    assert "BGT998" in problem.message
    assert "check" in problem.traceback


def test_a_recursion_without_end_costs_one_answer(tmp_path: Path) -> None:
    judgement = judged(tmp_path, new_rule("BGT998", recursive), new_rule("BGT999", each))

    assert lines(judgement) == [("BGT999", FIRST), ("BGT999", SECOND), ("BGT999", AGAIN)]
    assert [problem.line for problem in judgement.problems] == [FIRST, SECOND, AGAIN]
    assert {"RecursionError" in problem.message for problem in judgement.problems} == {True}


def test_errors_are_reported_where_their_subjects_are(tmp_path: Path) -> None:
    def of_task(task: Task, app: Application) -> Iterator[Report]:
        raise KeyError(task.function.definition)
        yield

    def of_module(module: Module, app: Application) -> Iterator[Report]:
        raise KeyError(module)
        yield

    def of_application(app: Application) -> Iterator[Report]:
        raise KeyError(app)
        yield

    judgement = judged(tmp_path, new_rule("BGT998", of_task, of_module, of_application), new_rule("BGT999", each))

    app = tmp_path / "app.py"
    places = {(problem.path, problem.line) for problem in judgement.problems}
    assert places == {(tmp_path, None), (app, 1), (app, FIRST), (app, SECOND)}
    assert len(judgement.findings) == 3


def test_an_error_that_is_no_exception_ends_the_run(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        judged(tmp_path, new_rule("BGT998", raising(KeyboardInterrupt, SECOND)))


def test_an_error_while_registrations_are_found_costs_one_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No text is known on which this fails, so it has to be made to fail."""
    from fastapi_bgtask_lint.framework.registrations import registrations

    find = registrations.Registrations.of

    def failing(self: registrations.Registrations, module: Module) -> Iterator[Registration]:
        yield from find(self, module)
        if module.path.name == "bad.py":
            raise ZeroDivisionError

    monkeypatch.setattr(registrations.Registrations, "of", failing)
    judgement = judged(tmp_path, new_rule("BGT999", each), bad=APP, good=APP)

    assert {finding.place.path.name for finding in judgement.findings} == {"good.py"}
    assert len(judgement.findings) == 3
    assert [(problem.path.name, problem.line) for problem in judgement.problems] == [("bad.py", 1)]


def test_an_error_while_a_file_is_read_costs_that_file(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": "", "app.py": APP})
    seeds = [tmp_path / "no\0name.py", tmp_path / "app.py"]

    judgement = run(tmp_path, seeds, Settings(), {}, FactsCache(), rules=[new_rule("BGT999", each)])

    assert len(judgement.findings) == 3
    assert [problem.path for problem in judgement.problems] == seeds[:1]


def test_all_rules_are_asked_by_default(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": "", "app.py": APP.replace("tasks.add_task(first)", "tasks.add_task(first())")})
    seeds = [tmp_path / "app.py"]

    default = run(tmp_path, seeds, Settings(), {}, FactsCache())

    assert [finding.code for finding in default.findings] == ["BGT501"]
    assert default.findings == run(tmp_path, seeds, Settings(), {}, FactsCache(), rules=all_rules()[::-1]).findings
