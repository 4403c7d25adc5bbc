"""The registry of solvers: each file is one entry, and each entry runs alone and in lanes by its own tableau."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import sdmodel
from sdmodel.core.errors import UnknownNameError
from sdmodel.core.frozen import FrozenDict
from sdmodel.core.tableau import Tableau
from sdmodel.solve import inputs, registry
from sdmodel.solve import solvers as folder
from sdmodel.solve.registry import solver, solvers
from sdmodel.solve.solver import Solver
from sdmodel.sweep import plan

Make = Callable[..., sdmodel.Model]

OSCILLATION = """
x = INTEG(v, 1) ~ Dmnl ~ [outcome] |
v = INTEG(-stiffness*x + SIN(Time), 0) ~ Dmnl ~ |
stiffness = 2 ~ Dmnl ~ |
"""
THREE_EIGHTHS = Tableau(4, ((1, 3, 3, 1), 8), (((1,), 3), ((-1, 3), 3), ((3, -3, 3), 3)))
OTHERS = {
    "heun": Tableau(2, ((1, 1), 2), (((1,), 1),)),
    "midpoint": Tableau(2, ((0, 1), 1), (((1,), 2),)),
    "bogacki-shampine": Tableau(3, ((2, 3, 4), 9), (((1,), 2), ((0, 3), 4))),
    "three-eighths": THREE_EIGHTHS,
    "first stage kept": Tableau(2, ((0, 1, 0), 1), (((1,), 2), ((1, 0), 1))),
}


def test_every_file_is_an_entry_and_the_list_is_what_it_was() -> None:
    files = {file.stem for file in Path(folder.__file__).parent.glob("*.py")} - {"__init__"}
    assert len(solvers()) == len(files)
    assert list(solvers()) == ["BDF", "DOP853", "LSODA", "Radau", "RK23", "RK45", "exact", "euler", "rk4"]
    assert [name for name, one in solvers().items() if one.on_grid] == ["euler", "rk4"]
    assert all(one.summary.endswith(".") for one in solvers().values())


@pytest.mark.parametrize("name", ["rk5", "lsoda", 4, None])
def test_an_unknown_name_is_answered_with_the_list(name: object) -> None:
    with pytest.raises(UnknownNameError, match=r"There are BDF, .*, exact, euler, rk4"):
        solver(name)


@pytest.mark.parametrize("on_grid", [True, False])
@pytest.mark.parametrize("name", OTHERS)
def test_a_new_entry_runs_alone_and_in_lanes_with_its_order(
    model_from: Make, monkeypatch: pytest.MonkeyPatch, name: str, on_grid: bool
) -> None:
    more = FrozenDict({**solvers(), name: Solver(name, "New.", OTHERS[name], on_grid)})
    monkeypatch.setattr(registry, "solvers", lambda: more)
    assert registry.solver(name).steps is OTHERS[name]
    for room in (inputs, plan):
        monkeypatch.setattr(room, "solver", registry.solver)
    errors = []
    for step in (0.125, 0.0625):
        model = model_from(OSCILLATION, step=step, end=4, name=f"s{step}")
        run = model.run({"stiffness": 3.0}, method=name, every=1)
        swept = model.sweep([{"stiffness": 3.0}, {"stiffness": 2.0}], ["x"], method=name, every=1, certificate=0)
        assert swept.attrs["engine"] == "kernel"
        assert np.abs(swept["x"][0] - run["x"].to_numpy()).max() < 1e-12
        assert run.report.evaluations == OTHERS[name].count * round(4 / step)
        tight = model.run({"stiffness": 3.0}, method="DOP853", rtol=1e-12, every=1)
        errors.append(np.abs(run["x"] - tight["x"]).max())
    assert np.log2(errors[0] / errors[1]) == pytest.approx(OTHERS[name].order, abs=0.35)


@pytest.mark.parametrize(
    "bad",
    [
        lambda: Tableau(2, ((1, 1), 2), ()),
        lambda: Tableau(2, ((1, 1), 2), (((1, 1), 1),)),
        lambda: Tableau(2, ((1, 1), 3), (((1,), 1),)),
        lambda: Tableau(2, ((1, 1), 2), (((1,), 1),), error=(1, 1)),
        lambda: Tableau(2, ((1, 1), 2), (((1,), 1),), error=(1,)),
        lambda: Solver("x", "X.", None, on_grid=True),
    ],
)
def test_a_tableau_that_is_none_is_refused(bad: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"explicit tableau|add up|needs a tableau"):
        bad()


def test_no_method_is_named_outside_its_file() -> None:
    package = Path(sdmodel.__file__).parent
    for room in ("solve", "sweep", "compile/llvm"):
        for file in (package / room).rglob("*.py"):
            if file.parent.name != "solvers" and file.name != "registry.py":
                code = [line for line in file.read_text(encoding="utf-8").split("\n") if "``" not in line]
                named = [line for line in code if '== "euler"' in line or '== "rk4"' in line or '== "exact"' in line]
                assert not named, f"{file}: {named}"
