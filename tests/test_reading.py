"""Reading: bytes to facts and back to places, held against CPython's own parser."""

from __future__ import annotations

import ast
import random
import subprocess
import sys
import sysconfig
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import libcst
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fastapi_bgtask_lint.findings import Place
from fastapi_bgtask_lint.reading import facts
from fastapi_bgtask_lint.reading.facts_cache import FactsCache
from fastapi_bgtask_lint.reading.lowering import lower
from fastapi_bgtask_lint.reading.source import Source
from fastapi_bgtask_lint.reading.text_scan import assigned_attributes, declared_globals
from fastapi_bgtask_lint.reading.unreadable import Unreadable

F = TypeVar("F", bound=facts.Fact)
PATH = Path("/project/app.py")
REPOSITORY = Path(__file__).parent.parent
STDLIB = Path(sysconfig.get_path("stdlib"))


def read(path: Path, data: bytes) -> Source:
    """A file's content as a module, through the package's door."""
    return FactsCache().source(path, data)


def reads(text: str) -> Source:
    return read(PATH, text.encode())


def refused(data: bytes) -> Unreadable:
    with pytest.raises(Unreadable) as caught:
        read(PATH, data)
    return caught.value


def every(source: Source) -> Iterator[facts.Fact]:
    """All facts of a module, whatever holds them."""
    stack: list[object] = [source.skeleton]
    while stack:
        current = stack.pop()
        if isinstance(current, facts.DeferredDefinition):
            stack.append(source.definition(current))
        elif isinstance(current, tuple):
            stack.extend(current)
        elif isinstance(current, msgspec.Struct):
            if isinstance(current, facts.Fact):
                yield current
            stack.extend(getattr(current, name) for name in current.__struct_fields__)


def of(source: Source, kind: type[F]) -> list[F]:
    found = [fact for fact in every(source) if isinstance(fact, kind)]
    return sorted(found, key=lambda fact: fact.at)


def only(source: Source, kind: type[F]) -> F:
    (found,) = of(source, kind)
    return found


def span(place: Place) -> tuple[int, int, int, int]:
    return place.line, place.column, place.end_line, place.end_column


def cut(text: str, place: Place) -> str:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")[place.line - 1 : place.end_line]
    lines[-1] = lines[-1][: place.end_column - 1]
    lines[0] = lines[0][place.column - 1 :]
    return "\n".join(lines)


# --- text and places --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(b"\xef\xbb\xbff(x)\n", (1, 1, 1, 5), id="byte order mark"),
        pytest.param(b'# coding: latin-1\n"\xe9\xe9"; f(x)\n', (2, 7, 2, 11), id="latin-1"),
        pytest.param('"\U0001f600é"; f(x)\n'.encode(), (1, 7, 1, 11), id="wide characters"),
        pytest.param(b"if x:\n\tf(x)\n", (2, 2, 2, 6), id="tab"),
        pytest.param(b'a = """x\r\ny"""\r\nf(x)\r\n', (3, 1, 3, 5), id="CRLF"),
        pytest.param(b'a = """\r"""\rf(x)\r', (3, 1, 3, 5), id="CR"),
        pytest.param(b"a = 1\n\x0c\nf(x)\n", (3, 1, 3, 5), id="form feed on a line"),
        pytest.param('a = "\x0c\x1c\u2028\x85"; b = 1\nf(x)\n'.encode(), (2, 1, 2, 5), id="no line ends"),
        pytest.param(b"a = \\\n  f(x)\n", (2, 3, 2, 7), id="continuation"),
        pytest.param(b"f(x)", (1, 1, 1, 5), id="no line end at the end"),
        pytest.param(b"f(\n  x,\n)\n", (1, 1, 3, 2), id="several lines"),
        pytest.param(b'f"{f(x)}"\n', (1, 4, 1, 8), id="in an f-string"),
    ],
)
def test_a_call_stands_where_an_editor_shows_it(data: bytes, expected: tuple[int, int, int, int]) -> None:
    source = read(PATH, data)
    place = source.place(only(source, facts.Call).at)
    assert span(place) == expected
    assert place.path == PATH


def test_compound_statements_stand_at_their_heads() -> None:
    text = """\
@decorated(
    1
)
async def run(a):
    async with first() as x, second() as y:
        pass
    try:
        pass
    except:
        pass
    try:
        pass
    except (A, B) as error:
        pass
    for i in range(3):
        pass
    if a > 1:
        pass
    while a:
        pass
    match a:
        case _:
            pass

@other
class K(Base):
    pass
"""
    source = reads(text)
    kinds = facts.FunctionDef | facts.With | facts.Try | facts.ExceptHandler | facts.For | facts.If | facts.While
    heads = [
        cut(text, source.place(fact.at))
        for fact in sorted(every(source), key=lambda fact: fact.at)
        if isinstance(fact, kinds | facts.Match | facts.ClassDef)
    ]
    assert heads == [
        "async def run",
        "async with first() as x, second() as y",
        "try",
        "except",
        "try",
        "except (A, B) as error",
        "for i in range(3)",
        "if a > 1",
        "while a",
        "match a",
        "class K",
    ]


def test_scopes_are_the_def_and_decorator_lines_round_a_place() -> None:
    source = reads("@a\n@b(c)\ndef f():\n    x\n    def g(): y\nz\n")
    scopes = {name.id: source.place(name.at).scopes for name in of(source, facts.Name)}
    assert scopes == {"a": (1, 2, 3), "b": (1, 2, 3), "c": (1, 2, 3), "x": (1, 2, 3), "y": (1, 2, 3, 5), "z": ()}
    assert source.place(of(source, facts.FunctionDef)[0].at).scopes == (1, 2, 3)


# --- files that cannot be read ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "line", "column", "reason"),
    [
        pytest.param(b"x = 1\ndef f(:\n", 2, 7, "invalid syntax", id="syntax"),
        pytest.param('"\U0001f600é" x y\n'.encode(), 1, 6, "invalid syntax", id="after wide characters"),
        pytest.param(b'print "x"\n', 1, 1, "Missing parentheses", id="Python 2"),
        pytest.param(b"if x:\n    a\n  b\n", 3, 4, "unindent", id="indentation"),
        pytest.param(b'x = 1\n"""abc\n', 2, 1, "unterminated triple-quoted", id="open string"),
        pytest.param(b"x = 1\ny\0 = 2\n", 2, 2, "null bytes", id="NUL"),
        pytest.param("f(x)\n".encode("utf-16"), 1, 1, "", id="UTF-16"),
        pytest.param(b'x = 1\ny = "\xff"\n', 2, 6, "can't decode byte 0xff", id="not UTF-8"),
        pytest.param(b'# coding: ascii\n"\xc3\xa9"\n', 2, 2, "'ascii' codec can't decode", id="not ASCII"),
        pytest.param(b"#!python\n# coding: nonsense\nx\n", 2, 1, "nonsense", id="no such encoding"),
        pytest.param(b"# coding: rot13\nx\n", 1, 1, "rot13", id="not a text encoding"),
        pytest.param(bytes(range(256)), 1, 1, "", id="binary"),
    ],
)
def test_refusals_have_place_and_reason(data: bytes, line: int, column: int, reason: str) -> None:
    error = refused(data)
    assert error.path == PATH
    assert reason in error.reason
    if reason:
        assert (error.line, error.column) == (line, column)


def test_a_syntax_newer_than_the_interpreter_is_read() -> None:
    source = reads('type X = int\ndef f[T](a: T):\n    return t"{g(a)}" f"{h("x")}"\n')
    assert len(of(source, facts.Call)) == 2
    source = reads("try:\n    pass\nexcept A, B:\n    f()\n")
    assert len(of(source, facts.Call)) == 1


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.binary(max_size=60))
def test_any_bytes_are_a_source_or_unreadable(data: bytes) -> None:
    try:
        source = read(PATH, data)
    except Unreadable as refusal:
        source, error = None, refusal
    if source is None:
        assert min(error.line, error.column) >= 1
        assert error.reason
        return
    for fact in every(source):
        source.place(fact.at)


PIECES = [
    *("def f(a, *b, c: 'X' = 1, **d):", "class K(A, *b, m=1):", "if x:", "elif y:", "else:", "try:", "except* A as e:"),
    *("except:", "finally:", "for i in x:", "async def g():", "await", "yield", "lambda x, /: x", "with a as b:", "\n"),
    *(
        "\n ",
        "\n  ",
        "\t",
        "match x:",
        "case [a, *_, {'k': v, **r}] if q:",
        "f(x, *y, z=1)",
        "f'{x!r:{w}}'",
        "b'x' 'y'",
    ),
    *(
        "a[1:2, ...]",
        ":=",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        "=",
        "+",
        "and",
        "not",
        "in",
        "is",
        "x",
        "1_0",
        "0x",
        "1e9",
    ),
    *("@d", "del x", "global x", "return", "raise x from y", "import a.b as c", "from .. import *", ";", "\\\n", "# c"),
    *(
        "x: Annotated['Y', f('z')] = 1",
        "async",
        "for",
        "if",
        "else",
        "'",
        '"""',
        "\x0c",
        "é",
        "\r",
        "~-+",
        "**",
        "type X = y",
    ),
]


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(PIECES), max_size=12), st.sampled_from(["", " "]))
def test_any_pieces_of_python_are_a_source_or_unreadable(chunks: list[str], between: str) -> None:
    try:
        source = reads(between.join(chunks))
    except Unreadable:
        return
    for fact in every(source):
        source.place(fact.at)


# --- limits -----------------------------------------------------------------------------------------------------------

LIMITS = {
    "sum": "'+'.join(['a'] * 5000) + '+f()'",
    "sum over lines": "'(' + '+\\n'.join(['a'] * 5000) + '+f())'",
    "and": "' and '.join(['a'] * 5000) + ' and f()'",
    "elif": "'if a:\\n pass\\n' + 'elif a:\\n pass\\n' * 5000 + 'else: f()\\n'",
    "180 brackets": "'[' * 180 + 'f()' + ']' * 180",
    "180 parentheses": "'(' * 180 + 'f()' + ')' * 180",
    "180 calls": "'g(' * 180 + 'f()' + ')' * 180",
    "90 methods": "'a' + '.b()' * 90 + '.c(f())'",
    "90 levels": "''.join(' ' * i + 'if a:\\n' for i in range(90)) + ' ' * 90 + 'f()\\n'",
    "a long line": "'x = [' + '-1, ' * 20_000 + 'f()]\\n'",
    "a long string": "'x = \"' + '(' * 100_000 + '\"; f()\\n'",
    "brackets in comments": "'# (\\n' * 3000 + 'f()\\n'",
}
REFUSED = {
    "brackets": "'(' * 20_000 + ')' * 20_000",
    "open brackets": "'[' * 20_000",
    "nested calls": "'f(' * 5000 + ')' * 5000",
    "call chain": "'f' + '()' * 20_000",
    "methods": "'f' + '.a()' * 20_000",
    "methods that would take minutes": "'f' + '.a()' * 2_000",
    "terms that would take minutes": "'+'.join(['a'] * 7_000)",
    "lambdas": "'lambda:' * 20_000 + 'a'",
    "lambdas over lines": "'(' + 'lambda:\\n' * 20_000 + 'a)'",
    "choices": "'a if a else ' * 20_000 + 'a'",
    "negations": "'not ' * 20_000 + 'a'",
    "powers": "'**'.join(['a'] * 20_000)",
    "subscripts": "'a' + '[0]' * 20_000",
    "strings": "'\"a\" ' * 20_000",
    "levels": "''.join(' ' * i + 'if a:\\n' for i in range(3000)) + ' ' * 3000 + 'a\\n'",
    "pattern": "'match a:\\n case ' + '[' * 3000 + ']' * 3000 + ':\\n  pass\\n'",
}
PROGRAM = """
import sys
from pathlib import Path
from fastapi_bgtask_lint.reading import facts
from fastapi_bgtask_lint.reading.lowering import lower
from fastapi_bgtask_lint.reading.facts_cache import FactsCache
from fastapi_bgtask_lint.reading.unreadable import Unreadable
from fastapi_bgtask_lint.reading.traversal import expressions, statements, walk
try:
    source = FactsCache().source(Path("/a.py"), ({text}).encode())
except Unreadable as error:
    print("refused", error.line, error.column, error.reason)
    sys.exit()
names = [e for s in statements(source.facts.body) for x in expressions(s) for e in walk(x)]
calls = [e for e in names if isinstance(e, facts.Call) and isinstance(e.function, facts.Name) and e.function.id == "f"]
print("read", len(calls), source.place(calls[0].at).line)
"""


def run(text: str) -> str:
    command = [sys.executable, "-c", PROGRAM.format(text=text)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=REPOSITORY)
    assert done.returncode == 0, (done.returncode, done.stderr[-500:])
    return done.stdout


@pytest.mark.parametrize("kind", LIMITS)
def test_what_people_and_their_generators_write_is_read(kind: str) -> None:
    assert run(LIMITS[kind]).startswith("read 1 ")


@pytest.mark.parametrize("kind", REFUSED)
def test_what_would_end_the_process_is_refused(kind: str) -> None:
    assert run(REFUSED[kind]).startswith("refused ")


def test_places_in_long_chains_are_true() -> None:
    names = [f"name{number}" for number in range(80)]
    chain = "if a0:\n  a1\n" + "".join(f"# c\nelif (b{n}):  # c\n  c{n}\n" for n in range(80)) + "else:\n  d\n"
    text = "(" + "\n + ".join(names) + ")\nx = " + " or ".join(names) + f"\n{chain}x = {' - '.join(names)}\n"
    source = reads(text)
    found = of(source, facts.Name)
    assert len(found) == 240 + 160 + 5
    assert all(cut(text, source.place(name.at)) == name.id for name in found)
    assert cut(text, source.place(of(source, facts.BoolOp)[0].at)) == " or ".join(names)
    assert cut(text, source.place(of(source, facts.Operation)[-1].at)) == " - ".join(names)
    assert cut(text, source.place(only(source, facts.If).at)) == "if a0"


# --- facts ------------------------------------------------------------------------------------------------------------


def parameter(text: str) -> facts.Expression | None:
    return of(reads(text), facts.Parameter)[0].annotation


def test_annotations_written_as_strings_are_read() -> None:
    assert isinstance(parameter("def f(x: 'Session'): ..."), facts.Name)
    assert isinstance(parameter("def f(x: 'models.Session'): ..."), facts.Attribute)
    source = reads("def f(x: Annotated['Session', Depends('get_db')]) -> Optional['X']: ...\ny: 'Z' = 'W'\n")
    assert [name.id for name in of(source, facts.Name)] == [
        "Annotated",
        "Session",
        "Depends",
        "Optional",
        "X",
        "y",
        "Z",
    ]
    assert [constant.value for constant in of(source, facts.Constant) if constant.kind == "str"] == ["get_db", "W"]
    place = source.place(of(source, facts.Name)[1].at)
    assert span(place) == (1, 20, 1, 29)


def test_strings_that_are_no_types_stay_strings() -> None:
    source = reads("def f(x: Literal['a', 'b'], y: 'not a type at all', z: str = 'q'): ...\n")
    assert [constant.value for constant in of(source, facts.Constant) if constant.kind == "str"] == [
        "a",
        "b",
        "not a type at all",
        "q",
    ]


def test_literals() -> None:
    source = reads("(None, True, 0x10, -2, 1_0.5, 1j, 'a' 'b', b'c', ..., " + "9" * 6000 + ", -1.5)")
    values = [(c.kind, c.value) for c in only(source, facts.Collection).items if isinstance(c, facts.Constant)]
    assert values == [
        ("none", None),
        ("bool", True),
        ("int", 16),
        ("int", -2),
        ("float", 10.5),
        ("complex", None),
        ("str", "ab"),
        ("bytes", None),
        ("ellipsis", None),
        ("int", None),
        ("float", -1.5),
    ]


def test_formatted_strings_keep_all_expressions_in_order() -> None:
    source = reads("'a' f'{x:{y}}' f'{z!r}'")
    assert [v.id for v in only(source, facts.FString).values if isinstance(v, facts.Name)] == ["x", "y", "z"]


def test_chains_are_flat_and_operators_as_written() -> None:
    source = reads("a / b / c\na and b and c or d\na is not b\n~a\nnot a\na not in b\na < b <= c\n")
    operations = [(o.operator, len(o.operands)) for o in of(source, facts.Operation)]
    assert operations == [("/", 3), ("is not", 2), ("~", 1), ("not", 1), ("not in", 2), ("<", 3)]
    assert [(c.operator, len(c.values)) for c in of(source, facts.BoolOp)] == [("or", 2), ("and", 3)]


def test_arguments_and_parameters() -> None:
    source = reads("f(a, *b, c=d, **e)\ndef g(a, /, b=1, *c, d: X, **e): ...\n")
    arguments = only(source, facts.Call).arguments
    assert [(argument.keyword, argument.star) for argument in arguments] == [
        (None, ""),
        (None, "*"),
        ("c", ""),
        (None, "**"),
    ]
    assert [(p.name, p.kind.value) for p in only(source, facts.FunctionDef).parameters] == [
        ("a", "positional-only"),
        ("b", "positional"),
        ("c", "*"),
        ("d", "keyword-only"),
        ("e", "**"),
    ]


def test_generators_are_told_by_yields_of_their_own() -> None:
    source = reads(
        "def a():\n    def b():\n        yield\n    return lambda: (yield)\n"
        "async def c():\n    if x:\n        await (yield 1)\n"
    )
    assert [(f.name, f.is_generator, f.is_async) for f in of(source, facts.FunctionDef)] == [
        ("a", False, False),
        ("b", True, False),
        ("c", True, True),
    ]


def test_patterns_bind_names_in_the_order_of_the_source() -> None:
    source = reads(
        "match x:\n case [a, *b] as c if d: pass\n case {'k': e, **f}: pass\n case K(g, h=i) | (j): pass\n"
        " case V.w: pass\n case k: pass\n case _ if l: pass\n case _: pass\n"
    )
    cases = only(source, facts.Match).cases
    assert [[name.id for name in case.names] for case in cases] == [
        ["a", "b", "c"],
        ["e", "f"],
        ["g", "i", "j"],
        [],
        ["k"],
        [],
        [],
    ]
    assert [case.irrefutable for case in cases] == [False, False, False, False, True, False, True]


def test_imports() -> None:
    source = reads("import a.b as c, d\nfrom ..e.f import g as h, i\nfrom . import *\n")
    assert [(n.name, n.alias) for n in only(source, facts.Import).names] == [("a.b", "c"), ("d", None)]
    named, star = of(source, facts.ImportFrom)
    assert (named.level, named.module, [(n.name, n.alias) for n in named.names]) == (
        2,
        "e.f",
        [("g", "h"), ("i", None)],
    )
    assert (star.level, star.module, star.names[0].name) == (1, "", "*")


# --- whole modules against CPython's parser ---------------------------------------------------------------------------


def sample() -> list[Path]:
    own = sorted(REPOSITORY.joinpath("fastapi_bgtask_lint").rglob("*.py"))
    standard = [*STDLIB.glob("*.py"), *STDLIB.glob("asyncio/*.py"), *STDLIB.glob("test/test_*.py")]
    small = sorted(path for path in standard if path.stat().st_size < 40_000)
    return own[:20] + random.Random(2).sample(small, min(180, len(small)))


@pytest.mark.parametrize("part", range(10))
def test_modules_read_as_cpython_reads_them(part: int) -> None:
    for path in sample()[part::10]:
        data = path.read_bytes()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(data)
        except SyntaxError:
            continue
        assert_same(path, data, tree)


def assert_same(path: Path, data: bytes, tree: ast.Module) -> None:
    source = read(path, data)
    found = list(every(source))
    ordinals = [fact.at for fact in found]
    assert len(set(ordinals)) == len(ordinals), path
    text = data.decode()
    lines = text.encode().split(b"\n")

    def columns(node: ast.expr) -> tuple[int, int]:
        return node.lineno, len(lines[node.lineno - 1][: node.col_offset].decode()) + 1

    inside = Inside(tree)
    counts = {kind: sum(isinstance(fact, kind) for fact in found) for kind in (facts.Await, facts.FunctionDef)}
    assert counts[facts.FunctionDef] == inside.functions, path
    assert counts[facts.Await] == inside.awaits, path
    calls = {(place.line, place.column) for place in map(source.place, (c.at for c in of(source, facts.Call)))}
    assert {columns(call) for call in inside.calls} <= calls, path
    assert len(of(source, facts.Call)) == len(inside.calls) + inside.formatted, path
    for name in of(source, facts.Name):
        assert name.id in cut(text, source.place(name.at)), path


class Inside(ast.NodeVisitor):
    """What stands in a module outside slices; calls in f-strings are only counted: Python 3.11 misplaces them."""

    def __init__(self, tree: ast.Module) -> None:
        self.calls: list[ast.Call] = []
        self.formatted = self.functions = self.awaits = self._strings = 0
        self.visit(tree)

    def visit_Slice(self, node: ast.Slice) -> None:
        """A slice is opaque."""

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        self._strings += 1
        self.generic_visit(node)
        self._strings -= 1

    def visit_Call(self, node: ast.Call) -> None:
        if self._strings:
            self.formatted += 1
        else:
            self.calls.append(node)
        self.generic_visit(node)

    def visit_Await(self, node: ast.Await) -> None:
        self.awaits += 1
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.functions += 1
        self.generic_visit(node)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 - the name that ast calls


def test_ordinals_follow_the_source() -> None:
    for path in sample()[:60]:
        source = read(path, path.read_bytes())
        found = sorted(every(source), key=lambda fact: fact.at)
        starts = [(place.line, place.column) for place in (source.place(fact.at) for fact in found)]
        assert starts == sorted(starts), path


# --- piece by piece against at once -----------------------------------------------------------------------------------


def lines(*written: str) -> str:
    return "".join(f"{line}\n" for line in written)


def long(indentation: int) -> list[str]:
    """More statements than are read at once."""
    return [f"{' ' * indentation}x{number} = call({number})" for number in range(90)]


LAYOUTS = {
    "methods": lines(
        "class A(B, c=D):",
        "    x: int = 1",
        "    @one",
        "    @two(3)",
        "    def f(self): return 1",
        "    async def g(self):",
        "        await h()",
    ),
    "one line": lines("class A: x = 1; y = f()", "def g(): return h()", "class B(A): pass"),
    "the body begins beside the head": lines("class A(", "    B", "): x = f()", "def g(", "    a", "): return a(1)"),
    "semicolons": lines("x = 1; y = f(x)", "class A:", "    x = 1; y = g()", "    def f(self): pass", "    z = h()"),
    "backslashes": lines(
        "x = 1; \\",
        "y = f(x)",
        "class A: \\",
        "    x = g()",
        "class B:",
        "    y = \\",
        "  h()",
        "    def f(self): \\",
        "        return k()",
    ),
    "comments out of line": lines(
        "class A:",
        "# nothing",
        "    x = f()",
        "  # less",
        "    def g(self):",
        "# none",
        "        return h()",
        "        # more",
        "    y = k()",
    ),
    "strings out of line": lines(
        "class A:",
        '    x = f("""',
        "one",
        "  two",
        '""")',
        "    def g(self):",
        '        return h("""',
        'three""", f"{k()}")',
    ),
    "nested classes": lines(
        "class A:",
        "    class B:",
        "        class C(D):",
        "            def f(self): return g()",
        "        x = h()",
        "    y = k()",
    ),
    "branches in classes": lines(
        "class A:",
        "    if x:",
        "        def f(self): return g()",
        "    else:",
        "        y = h()",
        "    try:",
        "        z = k()",
        "    except E:",
        "        pass",
    ),
    "tabs": lines("class A:", "	x = f()", "	def g(self):", "		return h()"),
    "a hash before a backslash": lines("class A:", '    x = "#"; \\', "    y = f()", "    def g(self): return h()"),
    "bound in heads": lines(
        "class A:", "    def f(self, x=(y := g())): return h()", "    def k(self, x=[z for z in l()]): ..."
    ),
    "form feeds": "\x0cclass A:\n    x = f()\n\x0c    def g(self):\n        return h()\n\x0cy = k()\n",
    "windows": "class A:\r\n    x = f()\r\n    def g(self):\r\n        return h()\r\n",
    "old macs": "class A:\r    x = f()\r    def g(self):\r        return h()\r",
    "a mark and letters": "\ufeffclass \xc4:\n    x = f('\xdf')\n    def \u011d(self): return h('\u2028')\n",
    "no last line end": "class A:\n    def f(self):\n        return g()",
    "a long function": lines("def f(a=g(), *b):", '    """Says."""', *long(4), "    return h()", "x = k()"),
    "a long generator": lines("def f():", *long(4), "    if x:", "        yield g()"),
    "a long function that yields nothing": lines(
        "def f():", *long(4), "    def g():", "        yield", "    return lambda: (yield)"
    ),
    "long functions in long functions": lines(
        "class A:",
        "    def f(self):",
        *long(8),
        "        def g():",
        *long(12),
        "            yield h()",
        "        class B:",
        "            def k(self): return l()",
        "        return g",
    ),
    "a long function in one statement": lines(
        "async def f():", "    try:", *long(8), "    finally:", "        await g()"
    ),
    "statements that share lines in a long function": lines(
        "def f():", *long(4), "    x = g(); y = h()", "    z = k(); \\", "    w = l()"
    ),
    "decorated in a long function": lines(
        "def f():", *long(4), "    @g(", "        1", "    )", "    def h():", "        return k()", "    return h"
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_is_read_piece_by_piece_is_what_is_read_at_once(layout: str) -> None:
    data = LAYOUTS[layout].encode()
    source = read(PATH, data)
    whole = Source(PATH, lower(libcst.parse_module(data).body).block, None, data)

    assert source.outline is not None
    assert said(source.skeleton, source) == said(whole.skeleton, whole)
    assert stretches(source) == stretches(whole)
    assert stretches(read(PATH, data)) == stretches(whole)  # of what nobody has asked for before


def said(found: object, source: Source) -> object:
    """Facts without their ordinals."""
    if isinstance(found, facts.DeferredDefinition):
        return said(source.definition(found), source)
    if isinstance(found, tuple):
        parts = [said(part, source) for part in found]
        deferred = [isinstance(part, facts.DeferredDefinition) for part in found]
        return [one for part, is_list in zip(parts, deferred, strict=True) for one in (part if is_list else [part])]  # type: ignore[attr-defined]
    if isinstance(found, msgspec.Struct):
        fields = [name for name in found.__struct_fields__ if name not in ("at", "end")]
        return type(found).__name__, [said(getattr(found, name), source) for name in fields]
    return found


def stretches(source: Source) -> list[tuple[str, Place]]:
    found = sorted(every(source), key=lambda fact: fact.at)
    return [(type(fact).__name__, source.place(fact.at)) for fact in found]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("self.a = 1", {"a"}),
        ("self.a=1", {"a"}),
        ("self.a: int = 1", {"a"}),
        ("    self.a: int", {"a"}),
        ("x = self.a = 1", {"a"}),
        ("x, self.a = f()", {"a"}),
        ("self.a, self.b = f()", {"a", "b"}),
        ("(self.a, x) = f()", {"a"}),
        ("(self.a,\n    self.b) = f()", {"a", "b"}),
        ("[self.a, *self.b] = f()", {"a", "b"}),
        ("self.a[0], self.b = f()", {"a", "b"}),
        ("self.a \\\n    = 1", {"a"}),
        ("if x: self.a = 1; self.b = 2", {"a", "b"}),
        ("if x: self.a, self.b = f()", {"a", "b"}),
        ("x = self.a, self.b = f()", {"a", "b"}),
        ("self.a, \\\n    self.b = f()", {"a", "b"}),
        ("(self.a,\n self.b) \\\n  = f()", {"a", "b"}),
        ("(\n    self.a,\n    self.b,  # of it: default = 2\n) = f()", {"a", "b"}),
        ("self.a, x[\n    0\n] = f()", {"a"}),
        ("if x: self.a: int = 1", {"a"}),
        ("self.a \\\n  : int = 1", {"a"}),
        ("self . a = 1", {"a"}),
        ("self.cafe\u0301 = 1", {"cafe\u0301"}),
    ],
)
def test_assigned_attributes_are_told_by_the_text(text: str, names: set[str]) -> None:
    assert names <= assigned_attributes(text)


@pytest.mark.parametrize(
    "text", ["if self.a == 1:", "f(self.a, x=1)", "f(\n    a=self.a,\n    b=self.b,\n)", "x = self.a"]
)
def test_attributes_that_are_only_read_are_none(text: str) -> None:
    assert assigned_attributes(text) == frozenset()


@pytest.mark.parametrize("text", ["global a", "global b, a", "global b , \\\n  a", "x = 1; global a", "\tglobal\ta"])
def test_declared_globals_are_told_by_the_text(text: str) -> None:
    assert "a" in declared_globals(text)
