"""Small unit algebra: a unit is a product of words with exponents, and a word is its own unit.

Scales are not converted: `million CNY` is one word, unrelated to `CNY`. Two words are the same
unit only if they are spelled the same (case, and blank against underscore, aside) or if the model file calls
them synonyms. That is what Vensim does [1]_: it takes units literally, `Person` and `People` differ, and the
plurals it knows (`22:Year,Years`) are lines of the model file that a new model starts with. A file without
such lines has no synonyms, and none are guessed here.

References
----------
.. [1] Ventana Systems, Vensim Help, "Units Equivalents",
   https://vensim.com/documentation/ref_units_equiv.html

Unit texts come from untrusted files; their length, nesting depth and exponents are limited.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache

from sdmodel.core.errors import UnitsError

MAX_LENGTH = 300
MAX_DEPTH = 20
MAX_EXPONENT = 1000
MAX_DENOMINATOR = 1000

DIMENSIONLESS_WORDS = frozenset({"dmnl", "dimensionless", "fraction", "nil"})
"""Words that are dimensionless in Vensim, besides the number 1."""

_PHRASE = r"[^*/^()\s]+(?:\s+[^*/^()\s]+)*"
_TOKEN = re.compile(rf"\s*([*/^()]|{_PHRASE})")
_NUMBER = re.compile(r"[-+]?(?:[0-9]{1,9}(?:\.[0-9]{0,9})?|\.[0-9]{1,9})")
_NUMBER_LIKE = re.compile(r"[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?")
_SIGNS_IN_WORDS = frozenset("_%°'’.-&# ")

Synonyms = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Unit:
    """A product of words with rational exponents; `Unit()` is dimensionless. Make one with `parse`.

    Units multiply, divide and take powers; they are equal if every word has the same exponent.

    Examples
    --------
    >>> money, year = parse("million CNY"), parse("Year")
    >>> print(money / year)
    million CNY/Year
    >>> (money / year) * year == money
    True
    """

    powers: tuple[tuple[str, Fraction], ...] = ()
    """Word (in lower case) and exponent, sorted by word, none with exponent 0."""
    spelling: tuple[tuple[str, str], ...] = field(default=(), compare=False, repr=False)
    """Original spelling of each word, for messages."""

    @property
    def dimensionless(self) -> bool:
        """Whether the unit is dimensionless."""
        return not self.powers

    def __mul__(self, other: Unit) -> Unit:
        """Product of the two."""
        return _product(self, other, 1)

    def __truediv__(self, other: Unit) -> Unit:
        """Quotient of the two."""
        return _product(self, other, -1)

    def __pow__(self, exponent: float | Fraction) -> Unit:
        """Power; UnitsError if the exponent is too large."""
        if not -MAX_EXPONENT <= exponent <= MAX_EXPONENT:
            raise UnitsError(f"The exponent {exponent} of the unit '{self}' is too large: {MAX_EXPONENT} at most.")
        if exponent == 1:
            return self
        power = Fraction(exponent).limit_denominator(MAX_DENOMINATOR)
        return _unit({word: e * power for word, e in self.powers}, dict(self.spelling))

    def __str__(self) -> str:
        """Text that `parse` reads back, such as million CNY/(firm*Year); Dmnl without words."""
        spell = dict(self.spelling)
        top = [_factor(spell.get(w, w), e) for w, e in self.powers if e > 0]
        below = [_factor(spell.get(w, w), -e) for w, e in self.powers if e < 0]
        if not top and not below:
            return "Dmnl"
        text = "*".join(top) or "1"
        if below:
            text += "/" + (below[0] if len(below) == 1 else f"({'*'.join(below)})")
        return text


DIMENSIONLESS = Unit()


def _factor(word: str, exponent: Fraction) -> str:
    if exponent == 1:
        return word
    return f"{word}^{exponent}" if exponent.denominator == 1 else f"{word}^({exponent})"


def _unit(powers: dict[str, Fraction], spelling: dict[str, str]) -> Unit:
    for word, e in powers.items():
        if abs(e) > MAX_EXPONENT or e.denominator > MAX_DENOMINATOR:
            raise UnitsError(f"The exponent of the unit '{spelling.get(word, word)}' is out of bounds: {e}.")
    retained = tuple(sorted((w, e) for w, e in powers.items() if e))
    return Unit(retained, tuple((w, spelling[w]) for w, _ in retained if w in spelling))


def _product(a: Unit, b: Unit, sign: int) -> Unit:
    if not b.powers:
        return a
    powers = dict(a.powers)
    for word, e in b.powers:
        powers[word] = powers.get(word, 0) + sign * e
    return _unit(powers, dict(b.spelling) | dict(a.spelling))


def _word_key(text: str) -> str:
    return re.sub(r"[\s_]+", " ", unicodedata.normalize("NFC", text)).strip().lower()


@lru_cache(maxsize=64)
def _canonical(synonyms: Synonyms) -> dict[str, str]:
    """Word to spelling of the first word of its group; an empty spelling is dimensionless."""
    out: dict[str, str] = {}
    for group in synonyms:
        words = [w.strip() for w in group if w.strip()]
        if not words:
            continue
        first = next((out[_word_key(w)] for w in words if _word_key(w) in out), words[0])
        if any(w == "1" or _word_key(w) in DIMENSIONLESS_WORDS for w in words):
            first = ""
        out.update({_word_key(w): first for w in words})
    return out


@lru_cache(maxsize=4096)
def _parse(text: str, synonyms: Synonyms) -> Unit:
    return _Parser(text, synonyms).unit()


def parse(text: str, synonyms: Iterable[Iterable[str]] = ()) -> Unit:
    """Read the unit that a text states.

    Words may consist of several parts (`million CNY`) and may hold letters of any script, digits and the
    signs ``$ % _ ° ' . - & #``; they are combined by ``*``, ``/`` (from left to right), ``^`` with an integer
    or decimal exponent (or a fraction in parentheses), and parentheses. `1`, `Dmnl`, `Dimensionless`,
    `Fraction` and `Nil` have no dimension.

    Parameters
    ----------
    text
        Unit field of a model file, without its range.
    synonyms
        Groups of words that mean the same; the first of a group stands for all (`Model.synonyms`).

    Returns
    -------
    Unit

    Raises
    ------
    UnitsError
        If the text is empty (then no unit is stated, which is not the same as dimensionless), is not of the
        form above, holds a number other than 1, or is out of bounds.

    Examples
    --------
    >>> print(parse("million CNY/(firm*Year)"))
    million CNY/(firm*Year)
    >>> parse("Persons/Years", [("Person", "People", "Persons"), ("Year", "Years")]) == parse("Person/Year")
    True
    """
    if len(text) > MAX_LENGTH:
        raise UnitsError(f"A unit of {len(text)} characters ('{text[:40]}…') is too long: {MAX_LENGTH} at most.")
    return _parse(text, tuple(tuple(group) for group in synonyms))


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else text[:length] + "…"


class _Parser:
    """Recursive descent over the tokens of one unit text."""

    def __init__(self, text: str, synonyms: Synonyms) -> None:
        self.text = text
        self.canonical = _canonical(synonyms)
        self.tokens = _TOKEN.findall(text)
        self.at = 0

    def fail(self, why: str) -> UnitsError:
        return UnitsError(
            f"The unit '{_short(self.text.strip(), 80)}' cannot be read: {_short(why, 160)}. "
            "Write words joined by * / ^ and parentheses, such as million CNY/(firm*Year), or Dmnl."
        )

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek()
        self.at += 1
        return token

    def unit(self) -> Unit:
        if not self.tokens:
            raise self.fail("it is empty, so no unit is stated")
        out = self.terms(0)
        if self.peek():
            raise self.fail(f"nothing can follow before '{self.peek()}'")
        return out

    def terms(self, depth: int) -> Unit:
        out = self.factor(depth)
        while self.peek() in ("*", "/"):
            out = out * self.factor(depth) if self.take() == "*" else out / self.factor(depth)
        return out

    def factor(self, depth: int) -> Unit:
        if depth > MAX_DEPTH:
            raise self.fail(f"more than {MAX_DEPTH} parentheses are nested")
        token = self.take()
        if token == "(":
            out = self.terms(depth + 1)
            if self.take() != ")":
                raise self.fail("a parenthesis is not closed")
        elif token in ("", "*", "/", "^", ")"):
            raise self.fail(f"a word is missing before '{token}'" if token else "it ends where a word should be")
        else:
            out = self.word(token)
        if self.peek() == "^":
            self.take()
            out = out ** self.exponent()
            if self.peek() == "^":
                raise self.fail("two exponents follow each other")
        return out

    def exponent(self) -> Fraction:
        if self.peek() != "(":
            return self.number(self.take())
        self.take()
        out = self.number(self.take())
        if self.peek() == "/":
            self.take()
            below = self.number(self.take())
            if not below:
                raise self.fail("an exponent divides by zero")
            out = out / below
        if self.take() != ")":
            raise self.fail("the parenthesis of an exponent is not closed")
        return out

    def number(self, token: str) -> Fraction:
        if not _NUMBER.fullmatch(token):
            raise self.fail(f"an exponent must be a number, not '{token}'")
        return Fraction(token)

    def word(self, token: str) -> Unit:
        if _NUMBER_LIKE.fullmatch(token):
            if _NUMBER.fullmatch(token) and Fraction(token) == 1:
                return DIMENSIONLESS
            raise self.fail(f"'{token}' is a scale, and units are not converted; make it part of a word or a constant")
        kinds = {unicodedata.category(c) for c in token if c not in _SIGNS_IN_WORDS and not c.isspace()}
        wrong = [c for c in token if not self.may_hold(c)]
        if wrong:
            raise self.fail(f"a word cannot hold {wrong[0]!r}")
        if not any(k[0] in "LS" for k in kinds) and not set("%°#") & set(token):
            raise self.fail(f"'{token}' has no letter")
        name = _word_key(token)
        written = self.canonical.get(name, re.sub(r"\s+", " ", token))
        name = _word_key(written)
        if not name or name in DIMENSIONLESS_WORDS:
            return DIMENSIONLESS
        return Unit(((name, Fraction(1)),), ((name, written),))

    @staticmethod
    def may_hold(char: str) -> bool:
        kind = unicodedata.category(char)
        return char in _SIGNS_IN_WORDS or char.isspace() or kind[0] in "LMN" or kind == "Sc"
