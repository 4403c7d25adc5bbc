"""Tokens and dialects of formulas in Vensim and XMILE."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from sdmodel.core.errors import ReadError, UnsupportedError
from sdmodel.core.expression import key

MAX_NAME = 500
"""Largest number of characters of a name."""

NUMBER = r"(?:[0-9]++\.?+[0-9]*+|\.[0-9]++)(?:[eE][-+]?+[0-9]++)?+"
_CONTROL = r"\x7f-\x9f\u202a-\u202e\u2066-\u2069"
"""Control characters from DEL on, and marks that change the direction of text."""
QUOTED = rf'"(?:\\"|[^"\x00-\x08\x0b-\x1f{_CONTROL}])*+"'
_OUTSIDE = (
    _CONTROL + r":-@\[-^`{-~\s\u3000-\u3004\u3008-\u3020\u3030\uff00-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65"
)
"""Characters that need quotes in a name: ASCII punctuation, blanks, East Asian punctuation."""
START = rf"[^\x00-@{_OUTSIDE}]"
BODY = rf"[^\x00-#%&(-/{_OUTSIDE}]"
VENSIM_NAME = rf"{START}{BODY}*+(?:[\s\\]++{BODY}++)*+"
"""An unquoted name in Vensim: words of letters of any script, separated by blanks."""
_PART = rf"(?:\.(?:{QUOTED}|{BODY}*+))"
XMILE_NAME = rf"\.?+{START}{BODY}*+{_PART}*+|\.?+{QUOTED}(?=\.){_PART}++|@[0-9]++"
"""A name in XMILE: dots join modules, whose parts may be quoted, `@1` is a dimension of the left-hand side, `'`
transposes."""

_UNARY, _POWER = 7, 8


class ExpressionError(ReadError):
    """A formula that cannot be parsed, with the `reason` and the `position` in the text."""

    def __init__(self, text: str, position: int, reason: str) -> None:
        before = " ".join(text[max(0, position - 40) : position].split())
        self.reason = f"{reason} after '{before}'" if before else f"{reason} at the start"
        self.position = position
        super().__init__(f"'{' '.join(text.split())[:120]}' cannot be read: {self.reason}")

    def __reduce__(self) -> Any:
        return ReadError, (str(self),)


@dataclass(frozen=True, slots=True)
class Dialect:
    """Syntax of a language: tokens, operators and keywords."""

    tokens: re.Pattern[str]
    """Groups `number`, `name`, `quoted`, `string` and `op`, each preceded by blanks and comments."""
    binary: Mapping[str, tuple[int, str]]
    """Precedence and tree operator of each binary operator; words in capitals."""
    prefix: Mapping[str, tuple[int, str]]
    words: frozenset[str] = frozenset()
    """Names that are operators or keywords, in capitals."""
    rename: Mapping[str, str] = field(default_factory=dict)
    """Function names with another name in the tree."""
    reserved: frozenset[str] = frozenset()
    """Function names of the tree that the language does not have."""
    index_by_expression: bool = False


_BINARY = {
    "=": (4, "="), "<>": (4, "<>"), "<": (4, "<"), "<=": (4, "<="), ">": (4, ">"), ">=": (4, ">="),
    "+": (5, "+"), "-": (5, "-"), "*": (6, "*"), "/": (6, "/"), "^": (_POWER, "^"),
}  # fmt: skip
_PREFIX = {"-": (_UNARY, "neg"), "+": (_UNARY, "+")}
_GET = {
    f"get {source} {what}": f"get {what}" for source in ("xls", "direct") for what in ("constants", "data", "lookups")
}

VENSIM = Dialect(
    tokens=re.compile(
        rf"[\s\\]*+(?:(?P<number>{NUMBER})|(?P<name>{VENSIM_NAME})|(?P<quoted>{QUOTED})|(?P<string>'[^']*+')"
        r"|(?P<op>:\s*+(?i:AND|OR|NOT|NA|IMPLIES)\s*+:|<>|<=|>=|[-+*/^=<>(),;:\[\]!])|\Z)",
    ),
    binary={**_BINARY, ":OR:": (1, "or"), ":AND:": (2, "and")},
    prefix={**_PREFIX, ":NOT:": (3, "not")},
    rename=_GET,
    reserved=frozenset((
        "array rank", "data", "element at", "floor", "floored modulo", "get constants", "get data", "get lookups",
        "integ cut", "integ non negative", "poisson", "previous", "round", "xpulse", "xpulse train", "xramp",
    )),
)  # fmt: skip
"""Vensim: `:NOT:` binds looser than a comparison, a sign tighter than `*` and looser than `^`, `^` from the right."""

XMILE = Dialect(
    tokens=re.compile(
        rf"(?:\s++|\{{[^{{}}]*+\}})*+(?:(?P<number>{NUMBER})|(?P<name>{XMILE_NAME})|(?P<quoted>{QUOTED})"
        r"|(?P<op>//|<>|<=|>=|[-+*/^=<>(),;:\[\]!%])|\Z)"
    ),
    binary={**_BINARY, "OR": (1, "or"), "AND": (2, "and"), "MOD": (6, "%"), "//": (6, "//")},
    prefix={**_PREFIX, "NOT": (_UNARY, "not")},
    words=frozenset(("AND", "OR", "NOT", "MOD", "IF", "THEN", "ELSE")),
    reserved=frozenset((
        "array rank", "data", "element at", "floor", "floored modulo", "get constants", "get data", "get lookups",
        "integ", "integ cut", "integ non negative", "non negative", "unconnected", "with lookup", "xpulse",
        "xpulse train", "xramp",
    )),
    index_by_expression=True,
)  # fmt: skip
"""XMILE: `NOT` binds like a sign (standard 1.0, 3.3.1), `MOD` (our `%`) and `//` like `*`; IF ... THEN ... ELSE."""


def finite(number: str, text: str = "", position: int = 0) -> float:
    """Convert a literal to a float; raise if it overflows."""
    value = float(number)
    if not math.isfinite(value):
        raise ExpressionError(text or number, position, f"'{number[:40]}' is too large for a number")
    return value


@lru_cache(maxsize=20_000)
def name_key(name: str) -> str:
    """Key of a name as written; line continuations count as blanks."""
    if '."' in name or '".' in name:  # modules of XMILE, of which each may be quoted
        return key(re.sub(QUOTED, lambda part: part.group()[1:-1], name))
    return key(name.replace("\\", " ") if name[0] != '"' else name)


Tokens = tuple[list[str], list[str], list[int]]
"""Kinds, texts and positions. The kind of an operator or keyword is its spelling in capitals; `end` is the last."""


def tokenize(text: str, dialect: Dialect, where: str) -> Tokens:
    """Split a formula into tokens.

    Raises
    ------
    ExpressionError
        If a character is not part of the language.
    UnsupportedError
        If a name is too long.
    """
    kinds: list[str] = []
    tokens: list[str] = []
    starts: list[int] = []
    words = dialect.words
    position = 0
    for found in dialect.tokens.finditer(text):
        if found.start() != position:
            break
        position = found.end()
        kind = found.lastgroup
        if kind is None:
            break
        token = found.group(kind)
        starts.append(found.start(kind))
        if kind == "op":
            kind = token = token.upper() if len(token) < 3 else re.sub(r"\s", "", token).upper()
        elif len(token) > MAX_NAME and kind != "string":
            raise UnsupportedError(f"{where}: a name or number has {len(token):,} characters; {MAX_NAME} are allowed.")
        elif kind == "name" and words and token.upper() in words:
            kind = token.upper()
        kinds.append(kind)
        tokens.append(token)
    if position < len(text):
        position += len(text) - position - len(text[position:].lstrip())
        raise ExpressionError(text, position, strange(text, position))
    kinds.append("end")
    tokens.append("")
    starts.append(len(text))
    return kinds, tokens, starts


def strange(text: str, position: int) -> str:
    """Describe why no token can start at a position."""
    char = text[position]
    if char == '"' and text.find('"', position + 1) > 0:
        return "a name in quotes holds a control character"
    if char in "\"'":
        return f"{char} is opened and never closed"
    plain = unicodedata.normalize("NFKC", char)
    if plain != char and plain.isascii():
        return f"'{char}' is not part of the language (write '{plain}')"
    return f"'{char}' is not part of the language" if char.isprintable() else f"U+{ord(char):04X} is not allowed"
