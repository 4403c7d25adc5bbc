"""Nothing is quadratic in the number of equations, and a kept model is there in a moment."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

import sdmodel
from sdmodel.compile.programs import lower
from sdmodel.io.vensim.write import to_mdl
from sdmodel.model import Model

SMALL, LARGE = 400, 1600
QUADRATIC = (LARGE / SMALL) ** 2


def chain(n: int) -> str:
    return "v0 = Time ~~|\n" + "".join(f"v{i} = v{i - 1}*0.9 + MIN(v{i - 1}, {i}) ~~|\n" for i in range(n - 1, 0, -1))


def wide(n: int) -> str:
    return "".join(f"k{i} = {i} ~~|\ns{i} = INTEG(SMOOTH(k{i}, 3) - s{i}/3, k{i}) ~~|\n" for i in range(n // 2))


def shares(n: int) -> str:
    return f"r: (A1-A{n}) ~~|\nx[r] = r + Time ~~|\ny[r] = x[r]/SUM(x[r!]) ~~|"


def elements(n: int) -> str:
    return f"r: (A1-A{n}) ~~|\n" + "".join(f"x[A{i}] = {i}*Time ~~|\n" for i in range(1, n + 1))


def seconds(work: Callable[[], object]) -> float:
    """Processor time."""
    start = time.process_time()
    work()
    return time.process_time() - start


WORK: dict[str, Callable[[Model], object]] = {
    "lower for steps": lambda m: lower(m, fixed=True),
    "lower for dates": lambda m: lower(m, fixed=False),
    "check": lambda m: m.check(),
    "write": to_mdl,
    "trace": lambda m: [(m.causes(v.name), m.uses(v.name)) for v in list(m.equations.values())[:300]],
    "table": lambda m: sdmodel.Model.variables.fget(m),
    "run": lambda m: m.run({"FINAL TIME": 1.0}, method="euler"),
    "run with exact dates": lambda m: m.run({"FINAL TIME": 1.0}),
}


@pytest.mark.parametrize("text", [chain, wide, shares, elements])
def test_four_times_the_equations_take_far_less_than_sixteen_times(
    write_model: Callable[..., Path], text: Callable[[int], str]
) -> None:
    small, large = (sdmodel.load(write_model(text(n), name=f"m{n}", step=0.5)) for n in (SMALL, LARGE))
    for what, work in WORK.items():
        took = [(seconds(lambda work=work: work(small)), seconds(lambda work=work: work(large)))]
        while took[-1][1] >= max(0.7 * QUADRATIC * took[-1][0], 0.2):  # or the machine was busy with something else
            assert len(took) < 2, (what, took)
            took.append((seconds(lambda work=work: work(small)), seconds(lambda work=work: work(large))))


def test_a_kept_model_of_300_equations_loads_in_50_milliseconds(write_model: Callable[..., Path]) -> None:
    path = write_model(wide(300))
    sdmodel.load(path)
    assert min(seconds(lambda: sdmodel.load(path)) for _ in range(2)) < 0.05
