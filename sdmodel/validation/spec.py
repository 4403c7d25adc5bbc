"""The specification of a model: reading and checking the file `checks.toml` beside it."""

from __future__ import annotations

import re
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
    """Conservation: the stocks change by inflows minus outflows.

    Entries are names of variables, summed over their subscripts, or formulas as in a model file.
    """

    name: str
    stocks: list[str]
    inflows: list[str] = field(default_factory=list)
    outflows: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Equal:
    """Two formulas that must be equal."""

    name: str
    one: str
    other: str


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Behaviour of a model alone: the shape of the path of `outcome`, in the words of `behaviour_modes`.

    `set` gives constants of the run, `steps` what is added to a constant from dates on (`[[2015, 20], [2016, 0]]`: 20
    more for a year). With `against` the path is the difference from a run with those constants and no steps. `least` is
    the smallest change that counts, relative to the largest value of the path, or of the path it is compared with.
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
    """A loop: its path, its sign, and a link to cut under a treatment that excites it.

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
class Spec:
    """The specification of one model.

    `negative` lists stocks that may fall below zero, `inside` constants that corners draw from a range instead of its
    ends, `outcomes` the outcomes of the sensitivity test, `comparisons` the names of the comparisons with published
    figures, by number of the test (6 history, 7 published effects), and `polarity`, by effect, the causes with which it
    rises (`+cause`) or falls (`-cause`).
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
_KINDS: dict[str, tuple[Any, str]] = {
    "str": (str, "text"), "float": ((int, float), "a number"), "list": (list, "a list"), "tuple": (list, "a list"),
}  # fmt: skip
T = TypeVar("T")


def read_spec(model: Structure) -> Spec:
    """Read what `checks.toml` beside a model file states under its name; empty if there is no file.

    Raises
    ------
    ReadError
        If the file is not valid TOML, or a row lacks a key or has an unknown one.
    UnknownNameError
        If a row names a variable or a constant that the model does not have.
    """
    if model.path is None or not (place := model.path.with_name(FILE)).is_file():
        return Spec()
    try:
        said = tomllib.loads(place.read_text("utf-8")).get(model.name, {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ReadError(f"{place.name} is not valid TOML: {error}.") from error
    spec = _row(Spec, said, f"{place.name}, {model.name}")
    _names(spec, model)
    return spec


def _row(kind: type[T], said: Any, where: str) -> T:
    if not isinstance(said, Mapping):
        raise ReadError(f"{where}: a row must be a table of keys and values.")
    known = {f.name: f for f in fields(kind)}  # type: ignore[arg-type]  # a dataclass, by its callers
    for k in said:
        if k not in known:
            raise ReadError(f"{where}: {UnknownNameError(k, known, 'key')}")
    for name, one in known.items():
        if name not in said and one.default is MISSING and one.default_factory is MISSING:
            raise ReadError(f"{where}: the row {said.get('name', said)!r} lacks the key '{name}'.")
    given = dict(said)
    for k, value in said.items():
        need = re.split(r"[\[ ]", str(known[k].type))[0]
        types, words = _KINDS.get(need, (Mapping, "a table"))
        if not isinstance(value, types):
            raise ReadError(f"{where}: '{k}' must be {words}, not {value!r}.")
        if k in _ROWS and kind is Spec:
            given[k] = tuple(_row(_ROWS[k], row, f"{where}.{k}") for row in value)
    return kind(**given)


def _names(spec: Spec, model: Structure) -> None:
    """Refuse names that the model does not have; the path of a loop is checked by its test."""
    for name in (*spec.negative, *spec.inside, *spec.outcomes, *spec.polarity):
        model.owner(name)
    for b in spec.behaviour:
        for name in (b.outcome, *b.set, *b.steps, *(b.against or {})):
            model.owner(name)
    for loop in spec.loop:
        for name in (loop.outcome, *loop.set, *loop.excited_by):
            model.owner(name)
    for policy in spec.policy:
        for name in policy.set:
            model.owner(name)
