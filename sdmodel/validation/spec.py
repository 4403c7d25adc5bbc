"""What a model is held to: the file `checks.toml` beside it, read and refused where it is not well formed."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, TypeVar

from sdmodel.core.errors import ReadError, UnknownNameError
from sdmodel.core.structure import Structure

FILE = "checks.toml"
Values = Mapping[str, float]
Steps = Mapping[str, list[list[float]]]


@dataclass(frozen=True, slots=True)
class Balance:
    """What there is of a thing changes by what comes in less what goes out.

    Entries are names of variables, summed over their subscripts, or formulas as in a model file.
    """

    name: str
    stocks: list[str]
    inflows: list[str] = field(default_factory=list)
    outflows: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Equal:
    """Two formulas that are the same thing counted in two ways."""

    name: str
    one: str
    other: str


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a model alone must do: the shape of the path of `outcome`, in the words of `behaviour_modes`.

    `set` gives constants of the run, `steps` what is added to a constant from dates on (`[[2015, 20], [2016, 0]]`: 20
    more for a year). With `against` the path that is judged is the difference to a run with those constants and no
    steps. `least` is the least change that counts, as a share of the largest value of the path, or of the path it is
    held against.
    """

    name: str
    outcome: str
    expect: str
    set: Values = field(default_factory=dict)
    steps: Steps = field(default_factory=dict)
    against: Values | None = None
    least: float = 0.01


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop: the variables it runs through, its sign, and a link to cut under a treatment that excites it.

    `set` gives constants that hold with and without the treatment `excited_by`. A variable of the path may name one
    element: `firms[weak]`.
    """

    id: str
    name: str
    claims: str
    sign: str
    path: list[str]
    cut: list[str]
    outcome: str
    set: Values = field(default_factory=dict)
    excited_by: Values = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """A setting of levers whose effect on outcomes is compared over all samples."""

    name: str
    set: Values


@dataclass(frozen=True, slots=True)
class Book:
    """All that is written about one model.

    `negative` lists stocks that may fall below zero, `inside` constants that corners draw from a range instead of its
    ends, `outcomes` what sensitivity is told of, `comparisons` the names of the comparisons with published figures, by
    number of the test (6 history, 7 published effects), and `polarity`, by effect, the causes with which it rises
    (`+cause`) or falls (`-cause`).
    """

    balance: tuple[Balance, ...] = ()
    equal: tuple[Equal, ...] = ()
    behaviour: tuple[Behaviour, ...] = ()
    loop: tuple[Loop, ...] = ()
    policy: tuple[Policy, ...] = ()
    negative: tuple[str, ...] = ()
    inside: Mapping[str, list[float]] = field(default_factory=dict)
    outcomes: tuple[str, ...] = ()
    comparisons: Mapping[str, str] = field(default_factory=dict)
    polarity: Mapping[str, list[str]] = field(default_factory=dict)


_ROWS = {"balance": Balance, "equal": Equal, "behaviour": Behaviour, "loop": Loop, "policy": Policy}
T = TypeVar("T")


def book_of(model: Structure) -> Book:
    """What `checks.toml` beside the file of a model says about it, under its name; an empty book if there is none.

    Raises
    ------
    ReadError
        If the file is no TOML, or a row lacks a key or has one that is not known.
    UnknownNameError
        If a row names a variable or a constant that the model does not have.
    """
    if model.path is None or not (place := model.path.with_name(FILE)).is_file():
        return Book()
    try:
        said = tomllib.loads(place.read_text("utf-8")).get(model.name, {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ReadError(f"{place.name} is no TOML: {error}.") from error
    where = f"{place.name}, {model.name}"
    given: dict[str, Any] = {}
    for k, value in said.items():
        rows = _ROWS.get(k)
        given[k] = tuple(_row(rows, r, f"{where}.{k}") for r in value) if rows else value
    book = _row(Book, given, where)
    _names(book, model)
    return book


def _row(kind: type[T], said: Any, where: str) -> T:
    if not isinstance(said, Mapping):
        raise ReadError(f"{where}: a row is a table of keys and values.")
    known = {f.name: f for f in fields(kind)}  # type: ignore[arg-type]  # a dataclass, by its callers
    for k in said:
        if k not in known:
            raise ReadError(f"{where}: {UnknownNameError(k, known, 'key')}")
    for name, one in known.items():
        if name not in said and one.default is MISSING and one.default_factory is MISSING:
            raise ReadError(f"{where}: the row {said.get('name', said)!r} lacks the key '{name}'.")
    return kind(**said)


def _names(book: Book, model: Structure) -> None:
    """Refuse names that the model does not have; a path of a loop is judged by its test instead."""
    for name in (*book.negative, *book.inside, *book.outcomes, *book.polarity):
        model.owner(name)
    for b in book.behaviour:
        for name in (b.outcome, *b.set, *b.steps, *(b.against or {})):
            model.owner(name)
    for loop in book.loop:
        for name in (loop.outcome, *loop.set, *loop.excited_by):
            model.owner(name)
    for policy in book.policy:
        for name in policy.set:
            model.owner(name)
