"""The nine confidence tests of system dynamics, run on a model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sdmodel.core.errors import SdmodelError, UnknownNameError
from sdmodel.core.structure import Structure
from sdmodel.io.load import read_model
from sdmodel.validation.confidence.extreme_conditions import extreme_conditions
from sdmodel.validation.confidence.integration_error import integration_error
from sdmodel.validation.confidence.link_signs import polarity
from sdmodel.validation.confidence.loops import feedback_structure
from sdmodel.validation.confidence.partial_models import partial_models
from sdmodel.validation.confidence.result import HARD, TESTS, Result, Row, info, pass_or_miss
from sdmodel.validation.confidence.sensitivity import sensitivity_rows
from sdmodel.validation.spec import Spec, read_spec
from sdmodel.validation.static.units import check_units

if TYPE_CHECKING:
    import pandas as pd

SAMPLES = 10_000
_FEWER = 10
"""Half steps and sensitivity take one sample for this many corners, since their figures converge sooner."""

Comparison = Callable[[Any, int], Iterable[tuple[str, object, object, str, str]]]
"""Compares a model with published figures in a number of samples: rows of name, figure, limit, verdict and text."""


def confidence(
    model: Structure, samples: int = SAMPLES, rng: int = 1, *, comparisons: Mapping[str, Comparison] | None = None
) -> pd.DataFrame:
    """Run the nine confidence tests of system dynamics on a model [1]_ [2]_ [3]_.

    Units, conservation, extreme conditions, partial models, integration error, history, published effects, structure
    and sensitivity. Requirements beyond the equations and ranges are read from `checks.toml` beside the model.

    Parameters
    ----------
    model
        The model; a composition is tested with its sectors.
    samples
        Random corners of all constants; half steps and sensitivity take a tenth as many samples.
    rng
        Seed of corners and samples.
    comparisons
        Functions for tests 6 (history) and 7 (published effects), by the name under which `checks.toml` asks for them;
        those of the shipped model are `sdmodel.study.evidence.COMPARISONS`.

    Returns
    -------
    pandas.DataFrame
        One row per figure: test (1 to 9), title, kind, name, figure, limit, verdict (`pass`, `miss`, or `info`
        without a limit), hard (a test that must be passed), text.

    Raises
    ------
    ReadError, UnknownNameError
        If `checks.toml` is malformed or names something that the model does not have.

    References
    ----------
    .. [1] Forrester, J. W. and Senge, P. M. (1980). Tests for building confidence in system dynamics models. TIMS
       Studies in the Management Sciences 14, 209-228.
    .. [2] Barlas, Y. (1996). Formal aspects of model validity and validation in system dynamics. System Dynamics Review
       12(3), 183-210. https://doi.org/10.1002/(SICI)1099-1727(199623)12:3<183::AID-SDR103>3.0.CO;2-4
    .. [3] Sterman, J. D. (2000). Business Dynamics, ch. 21. McGraw-Hill.

    Examples
    --------
    >>> import sdmodel
    >>> from sdmodel.validation.confidence.run import confidence
    >>> table = confidence(sdmodel.load("network"), samples=20)
    >>> set(table.loc[table["title"] == "units", "verdict"])
    {'pass'}
    """
    import pandas as pd

    rows = [row for part in confidence_tests(model, samples, rng, comparisons=comparisons) for row in part]
    table = pd.DataFrame([asdict(row) for row in rows])
    table.insert(1, "title", table["test"].map(TESTS))
    table.insert(7, "hard", table["test"].isin(HARD))
    return table


def confidence_tests(
    model: Structure, samples: int = SAMPLES, rng: int = 1, *, comparisons: Mapping[str, Comparison] | None = None
) -> Iterator[list[Row]]:
    """Rows of `confidence`, yielded as each test is done."""
    spec = read_spec(model)
    sectors = _sectors(model)
    specs = {name: read_spec(sector) for name, sector in sectors.items()}
    fewer = max(samples // _FEWER, 10)
    yield _units({model.name: model, **sectors})
    yield from _by_test(extreme_conditions(model, spec, samples, rng))
    behaved = {n: m for n, m in {model.name: model, **sectors}.items() if n in specs or spec.behaviour}
    yield partial_models(behaved, {model.name: spec, **specs})
    yield integration_error(model, fewer, rng)
    yield compared(model, spec, 6, fewer, comparisons or {})
    yield compared(model, spec, 7, fewer, comparisons or {})
    signs = {model.name: spec.polarity, **{name: one.polarity for name, one in specs.items()}}
    yield [*feedback_structure(model, spec), *(row for n, m in behaved.items() for row in polarity(m, signs[n]))]
    yield sensitivity_rows(model, spec, fewer, rng)


def _sectors(model: Structure) -> dict[str, Structure]:
    """Sector models of a composition, else the model itself."""
    if model.path is None or not model.sectors:
        return {model.name: model}
    files = {v.sector: v.file for v in model.equations.values() if v.sector}
    return {name: read_model(model.path.with_name(files[name])) for name in model.sectors}


def _by_test(rows: list[Row]) -> Iterator[list[Row]]:
    for test in sorted({row.test for row in rows} | {2}):
        mine = [row for row in rows if row.test == test]
        yield mine or [info(test, "balance", "none stated", "0", "checks.toml states no balance.")]


def _units(models: dict[str, Structure]) -> list[Row]:
    out = []
    for name, model in models.items():
        found = check_units(model)
        text = " ".join(f"{f.where}: '{f.variable}': {f.message}" for f in found[:3])
        out.append(
            pass_or_miss(1, "units", f"{name}, {len(model.equations)} variables", f"{len(found)}", "0", not found, text)
        )
    return out


def compared(model: Structure, spec: Spec, test: int, samples: int, comparisons: Mapping[str, Comparison]) -> list[Row]:
    """Rows of the comparison that `checks.toml` names for a test, one of those handed over."""
    title = TESTS[test]
    name = spec.comparisons.get(str(test))
    if name is None:
        return [info(test, title, "not compared", "0", "checks.toml names no comparison for this test.")]
    try:
        if name not in comparisons:
            raise UnknownNameError(name, comparisons, "comparison", "checks.toml names it.")
        found = list(comparisons[name](model, samples))
    except SdmodelError as error:
        return [pass_or_miss(test, title, name, "none", "", False, str(error))]
    if not found:
        return [pass_or_miss(test, title, name, "0", "1 or more", False, "It compared nothing.")]
    return [
        Row(test, title, str(n), _figure(f), str(limit), _RESULTS.get(word, "info"), str(text))
        for n, f, limit, word, text in found
    ]


_RESULTS: dict[str, Result] = {"pass": "pass", "hit": "pass", "miss": "miss"}


def _figure(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
