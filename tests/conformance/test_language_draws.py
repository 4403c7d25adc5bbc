"""Random functions against scipy's distributions, cut off at minimum and maximum; NPV against its equations.

Vensim's arguments and meaning: https://vensim.com/documentation/fn_random.html, https://vensim.com/documentation/fn_npv.html
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

import sdmodel
from sdmodel.core.errors import EquationError, SdmodelError, UnsupportedError

Make = Callable[..., sdmodel.Model]
MEAN_ONE = 1 / math.gamma(1 + 1 / 1.5)

CONTINUOUS = [
    ("RANDOM TRIANGULAR(1.5, 8, 1, 3, 9, 0)", stats.triang(0.25, 1, 8), 1.5, 8),
    ("RANDOM TRIANGULAR(-9, 99, 2, 2, 5, 0)", stats.triang(0, 2, 3), 2, 5),
    ("RANDOM WEIBULL(0.5, 9, 1.5, 1, 3, 0)", stats.weibull_min(1.5, 1, 3 * MEAN_ONE), 1, 9),
    ("RANDOM BETA(0.1, 6, 2, 3, 1, 4, 0)", stats.beta(2, 3, 1, 4), 1, 5),
    ("RANDOM GAMMA(2, 9, 3, 1, 2, 0)", stats.gamma(3, 1, 2), 2, 9),
    ("RANDOM EXPONENTIAL(1, 8, 0.5, 2, 0)", stats.expon(0.5, 2), 1, 8),
    ("RANDOM NORMAL(1, 9, 5, 2, 0)", stats.norm(5, 2), 1, 9),
]
COUNTS = [
    ("RANDOM POISSON(1, 9, 4, 0, 1, 0)", stats.poisson(4), 1, 9),
    ("RANDOM POISSON(0, 99, 0.7, 0, 1, 0)", stats.poisson(0.7), 0, 99),
    ("RANDOM BINOMIAL(2, 9, 0.4, 10, 0, 1, 0)", stats.binom(10, 0.4), 2, 9),
    ("RANDOM NEGATIVE BINOMIAL(0, 12, 0.5, 3, 0, 1, 0)", stats.nbinom(3, 0.5, 3), 3, 12),
]


@pytest.mark.parametrize(("formula", "whole", "least", "most"), CONTINUOUS)
def test_draws_have_the_distribution_between_minimum_and_maximum(
    model_from: Make, formula: str, whole: stats.rv_continuous, least: float, most: float
) -> None:
    drawn = model_from(f"x = {formula} ~~|", end=4000, step=1).run(method="euler")["x"].to_numpy()
    below, above = whole.cdf(least), whole.cdf(most)
    assert drawn.min() >= least
    assert drawn.max() <= most
    assert stats.kstest(drawn, lambda x: (whole.cdf(x) - below) / (above - below)).pvalue > 0.01


@pytest.mark.parametrize(("formula", "whole", "least", "most"), COUNTS)
def test_counts_have_the_distribution_between_minimum_and_maximum(
    model_from: Make, formula: str, whole: stats.rv_discrete, least: int, most: int
) -> None:
    drawn = model_from(f"x = {formula} ~~|", end=3999, step=1).run(method="euler")["x"].to_numpy()
    values = np.arange(least, min(most, int(drawn.max())) + 1)
    share = whole.pmf(values) / (whole.cdf(most) - whole.cdf(least - 1))
    found = np.array([(drawn == v).sum() for v in values])
    assert found.sum() == len(drawn) == 4000
    often = share * 4000 >= 5
    expected = share[often] / share[often].sum() * found[often].sum()
    assert stats.chisquare(found[often], expected).pvalue > 0.01


def test_draws_with_an_inverse_in_formulas_run_in_the_kernel_as_alone(model_from: Make) -> None:
    model = model_from(
        "a = RANDOM TRIANGULAR(1.5, 8, 1, k, 9, 0) ~~|\nb = RANDOM WEIBULL(0.5, 9, 1.5, 1, k, 0) ~~|\nk = 3 ~ ~ [1,9]|",
        step=1,
    )
    swept = model.sweep([{"k": 3.0}, {"k": 4.0}], ["a", "b"], method="euler", workers=1)
    alone = model.run(method="euler")
    for name in ("a", "b"):
        np.testing.assert_allclose(swept[name][0], alone[name], rtol=1e-12)


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("RANDOM TRIANGULAR(0, 9, 3, 1, 9, 0)", "start, peak and stop in order"),
        ("RANDOM WEIBULL(0, 9, 0, 1, 3, 0)", "shape and a stretch above 0"),
        ("RANDOM BETA(0, 9, k, 3, 1, 4, 0)", "alpha and beta above 0"),
        ("RANDOM POISSON(5, 1, 4, 0, 1, 0)", "minimum of RANDOM POISSON is above its maximum"),
        ("RANDOM BINOMIAL(0, 9, k, 10, 0, 1, 0)", "needs a probability"),
    ],
)
def test_draws_without_meaning_say_why(model_from: Make, formula: str, message: str) -> None:
    with pytest.raises(SdmodelError, match=message):
        model_from(f"x = {formula} ~~|\nk = -1 ~~|", step=1).run(method="euler")


def test_a_sweep_of_a_draw_that_the_kernel_lacks_runs_with_the_python_engine(model_from: Make) -> None:
    model = model_from("x = RANDOM POISSON(0, 9, k, 0, 1, 0) ~~|\nk = 3 ~ ~ [1,9]|", step=1)
    swept = model.sweep([{"k": 3.0}, {"k": 5.0}], ["x"], method="euler", workers=1)["x"]
    assert swept[0].values.tolist() == model.run(method="euler")["x"].tolist()


@pytest.mark.parametrize("method", ["euler", "exact"])
def test_a_net_present_value_equals_its_equations(model_from: Make, method: str) -> None:
    model = model_from(
        "flow = 100 + 5*Time ~~|\nrate = 0.07 ~~|\nx = NPV(flow, rate, 3, 2) ~~|\nstart = INITIAL(x) ~~|\n"
        "by hand = (accum + flow*TIME STEP*df)*2 ~~|\naccum = INTEG(flow*df, 3) ~~|\n"
        "df = INTEG((-df*rate)/(1 + rate*TIME STEP), 1) ~~|",
        step=0.25,
    )
    found = model.run(method=method)
    np.testing.assert_allclose(found["x"], found["by hand"], rtol=1e-13)
    assert found["start"].iloc[0] == found["x"].iloc[0] == (3 + 100 * 0.25) * 2


def test_an_unknown_function_is_not_likened_to_a_variable(model_from: Make) -> None:
    with pytest.raises(UnsupportedError) as refused:
        model_from("x = DELFORESTATION(3) ~~|\nDeforestation = 2 ~~|", step=1).run(method="euler")
    assert "Deforestation" not in str(refused.value)
    with pytest.raises(EquationError, match="called like a lookup"):
        model_from("x = Deforestation(3) ~~|\nDeforestation = 2 ~~|", step=1).run(method="euler")
