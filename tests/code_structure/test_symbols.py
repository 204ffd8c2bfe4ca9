"""Symbols of real and odd Python."""

import ast
import sysconfig
import zlib
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ltmc.code.changes import changes_since
from ltmc.code.signatures import Signature, Stated, agree, from_text
from ltmc.code.symbols import decode, parse_module
from ltmc.errors import ErrorCode, LtmcError

LIBRARY = Path(sysconfig.get_path("stdlib"))
ONE_IN = 8
"""How many files of the standard library there are for each one read here; all take a minute."""


def read(text: str, path: str = "m.py") -> dict:
    return parse_module(text, path).symbols


def library_files() -> list[Path]:
    files = [path for path in LIBRARY.rglob("*.py") if "site-packages" not in path.parts]
    odd = [
        path
        for path in files
        if path.name.startswith(("bad", "test_grammar", "test_positional", "test_fstring"))
    ]
    sampled = [
        path for path in files if zlib.crc32(path.relative_to(LIBRARY).as_posix().encode()) % ONE_IN == 0
    ]
    return sorted({*odd, *sampled})


def test_the_standard_library_is_read_or_says_why() -> None:
    outcomes: Counter[str] = Counter()
    files = library_files()
    for path in files:
        try:
            module = parse_module(decode(path.read_bytes(), path.name), path.name)
        except LtmcError as error:
            outcomes[error.code] += 1
            refused = error
        else:
            outcomes["read"] += 1
            refused = None
            for symbol in module.symbols.values():
                text = symbol.signature.snippet(symbol.name, symbol.kind).splitlines()[-1]
                stated = from_text(text)
                assert stated is not None, f"{path}: {text}"
                assert agree(symbol.signature, Stated(stated.name, stated.signature)), f"{path}: {text}"
                assert Signature.from_json(symbol.signature.as_json()) == symbol.signature
                assert 1 <= symbol.line_start <= symbol.line_end
            assert changes_since(list(module.symbols.values()), module) == []
        if refused is not None:
            assert refused.code in (ErrorCode.PARSE_ERROR, ErrorCode.UNSUPPORTED)
            assert path.name in refused.message
            if refused.code == ErrorCode.PARSE_ERROR:
                with pytest.raises(SyntaxError):
                    ast.parse(path.read_bytes())
    assert outcomes["read"] > len(files) * 0.95
    assert len(files) > 100


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=200), st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace"))
    )
)
def test_any_bytes_are_read_or_say_why(data: bytes) -> None:
    try:
        parse_module(decode(data, "m.py"), "m.py")
    except LtmcError as error:
        code = error.code
    else:
        code = None
    assert code in (None, ErrorCode.PARSE_ERROR, ErrorCode.UNSUPPORTED)


def test_what_counts_as_a_symbol() -> None:
    symbols = read(
        "import os\n"
        "def f(): ...\n"
        "if os.name:\n    def g(): ...\nelse:\n    def g(x): ...\n"
        "try:\n    def h(): ...\nexcept ImportError:\n    def h(y): ...\n"
        "def outer():\n    def inner(): ...\n"
        "class A:\n    def m(self): ...\n    def m(self, a): ...\n    class B:\n        def n(self): ...\n"
        "    @property\n    def p(self): ...\n    @p.setter\n    def p(self, v): ...\n"
        "class _H:\n    def m(self): ...\n"
        "class A:\n    def z(self): ...\n"
    )
    assert list(symbols) == ["f", "g", "h", "outer", "_H", "A", "A.z"], "the last definition wins"
    assert str(symbols["g"].signature.text("g")) == "g(x)"
    assert [symbol.qualname for symbol in symbols.values() if symbol.public] == [
        "f",
        "g",
        "h",
        "outer",
        "A",
        "A.z",
    ]


def test_all_decides_what_is_public() -> None:
    def public(head: str) -> list[str]:
        symbols = read(head + "\ndef a(): ...\ndef b(): ...\ndef _c(): ...\nclass D:\n    def m(self): ...\n")
        return [symbol.qualname for symbol in symbols.values() if symbol.public]

    assert public("") == ["a", "b", "D", "D.m"]
    assert public("__all__ = ['a', '_c']") == ["a"], "an underscore hides even what is listed"
    assert public("__all__: list[str] = ['b']\n__all__ += ['D']") == ["b", "D", "D.m"]
    assert public("__all__ = ()") == []


def test_signatures_are_normalised() -> None:
    symbols = read(
        "class A(Base, metaclass=M):\n"
        "    def __init__(self, a, /, b: 'int' = {  'x':1 }, *c, d, **e): ...\n"
        "    @staticmethod\n    def s(x): ...\n"
        "    @classmethod\n    async def c(cls, *, y=1): ...\n"
        "    @functools.cached_property\n    def p(self) -> int: ...\n"
    )
    assert symbols["A"].shown_signature() == "A(a, /, b: 'int' = {'x': 1}, *c, d, **e)"
    assert symbols["A"].bases == ("Base", "metaclass=M")
    assert symbols["A.s"].signature.markers == ("static",)
    assert symbols["A.c"].shown_signature() == "async A.c(*, y=1)"
    assert symbols["A.p"].signature.snippet("p", "method") == "@property\ndef p(self) -> int"


def test_only_code_changes_the_hash_of_a_body() -> None:
    plain = "def f(a):\n    'Doc.'\n    return a + 1\n"
    same = "# c\n\ndef f( a ):\n    '''Other.'''\n    # why\n    return (a\n        + 1)\n"
    assert read(plain)["f"].body_hash == read(same)["f"].body_hash
    assert read(plain)["f"].docstring_hash != read(same)["f"].docstring_hash
    for other in (
        "return a + 2",
        "return a - 1",
        "return a + 1.0",
        "return a + True",
        "return a + '1'",
        "return b + 1",
    ):
        assert read(plain.replace("return a + 1", other))["f"].body_hash != read(plain)["f"].body_hash


def test_calls_imports_and_complexity() -> None:
    module = parse_module(
        "from .base import Base as B\nimport a.b, c as d\n"
        "def low(): return 1\n"
        "def high(x):\n    if x and low():\n        return [low() for y in x if y]\n    print(x)\n"
        "class K(B):\n    def one(self): return self.two()\n    def two(self): return low()\n",
        "pkg/m.py",
    )
    assert module.symbols["high"].calls == ("low",)
    assert module.symbols["K.one"].calls == ("K.two",)
    assert module.imports == (".base", "a.b", "c")
    assert module.imported == {"B": ".base.Base", "a": "a", "d": "c"}
    assert module.symbols["low"].complexity == 1
    assert module.symbols["high"].complexity == 1 + 1 + 1 + 2, "if, and, for, its if"
    assert module.metrics == {
        "functions": 2,
        "classes": 1,
        "methods": 2,
        "loc": 10,
        "avg_cyclomatic": 2.0,
        "max_cyclomatic": 5,
    }
    assert 0 < module.complexity_score < 0.4


def test_changes_symbol_by_symbol() -> None:
    before = parse_module("def a(x):\n    'D.'\n    return 1\ndef b(): ...\ndef _c(): ...\n", "m.py")
    after = parse_module("def a(x, y):\n    'E.'\n    return 2\ndef _c(z): ...\ndef d(): ...\n", "m.py")
    found = changes_since(list(before.symbols.values()), after)
    assert [(one["symbol"], one["change"], one["line"], one["requires_doc_update"]) for one in found] == [
        ("a", "signature_changed", 1, True),
        ("a", "body_changed", 1, False),
        ("a", "docstring_changed", 1, True),
        ("_c", "signature_changed", 4, False),
        ("d", "added", 5, True),
        ("b", "removed", None, True),
    ]
