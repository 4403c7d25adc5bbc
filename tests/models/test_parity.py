"""The shipped models in two other simulators: PySD steps by Euler, simlin by Runge-Kutta; both on the file's TIME STEP.

Neither shares code with sdmodel.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import sdmodel
from sdmodel.core.expression import key
from sdmodel.core.resources import shipped
from sdmodel.core.structure import CONTROL
from sdmodel.io.vensim.write import to_mdl

SECTORS = ("rd_investment", "financing", "talent", "synergy", "firms", "network", "intervention", "policy")
MODELS = (*SECTORS, "shandong")
OWN_ELEMENTS = ("rd_investment", "firms", "intervention")
"""Sectors with a variable of which one element reads another: PySD calls such a variable without end."""
# Dates, sizes and ramps that move: what happens in an untouched model would not show a difference in policy.
ACTED: dict[str, dict[str, float]] = {
    "rd_investment": {"depreciation at once": 0.5, "insured share of RnD": 0.05, "procurement size": 20,
        "IP protection effect": 1.05, "wedge in force": 0.1, "staffed part": 0.6},
    "financing": {"matching ratio": 1, "IP pledge ratio": 0.2, "certification effort": 0.5, "venture fund inflow": 40,
        "insured share of RnD": 0.05, "directed share of own RnD": 0.3, "interest subsidy share": 0.2},
    "talent": {"talent top up": 0.03, "regional RnD growth": 0.08, "grant awards": 200},
    "synergy": {"public information": 0.4, "staffed part": 0.5, "directed share of own RnD": 0.4,
        "money adequacy": 0.3},
    "firms": {"protection": 40, "competition strength": 0.6, "start up grants": 30, "refused share": 0.7,
        "merit precision": 0.5},
    "network": {"benefit rule": 0.4, "vouchers": 20.0, "brokered links": 100, "market entry support": 0.5,
        "alliance led share": 0.2},
    "intervention": {"decided share of services": 0.2, "push offer": 1, "subsidy rent per firm": 0.1},
    "policy": {"exit start": 2016, "exit duration": 2, "coordination budget": 20, "law path switch": 1,
        "progressive deduction size": 1, "grant number": 4, "matching required": 1, "insured part of a failure": 0.5},
    "shandong": {
        "exit start": 2016, "exit duration": 2, "push size": 1, "push start": 2016, "market entry budget": 30,
        "law path switch": 1, "progressive deduction size": 1, "extra depreciation speed": 0.4, "grant number": 4,
        "extra guarantee capital": 50, "venture programme": 5, "procurement budget": 20, "institution budget": 20,
        "information budget": 20, "insured part of a failure": 0.5, "direction of RnD": 2, "matching required": 1,
    },
}  # fmt: skip
END = 2017
"""By now history and levers have acted; PySD needs a second a year for a large sector."""
LONG_STEP = 0.5
"""Four of the files' own steps, since what is compared holds at any."""


def text_of(name: str) -> str:
    """A sector as it stands; the composition as it is written for Vensim."""
    if name == "shandong":
        return to_mdl(sdmodel.load(name))
    return (shipped("models") / f"{name}.mdl").read_text(encoding="utf-8")


@pytest.fixture
def file(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    path = tmp_path / f"{request.param}.mdl"
    text = text_of(request.param)
    elements = {r.name: r.elements for r in sdmodel.load(request.param).ranges.values()}

    def spread(found: re.Match[str]) -> str:
        name, one, other, numbers = found.groups()
        lines = (f"{name}[{one},{e}] = {x}" for e, x in zip(elements[other], numbers.split(","), strict=True))
        return " ~~|\n".join(lines)

    # simlin takes a list of numbers for a row of a table amiss, so each number gets an equation.
    row = r"^(\w[^\[\n]*)\[([^,\n]+), ?(\w+)\] ?=\s*(-?[\d.]+(?:, *-?[\d.]+)+)"
    text = re.sub(row, spread, text, flags=re.M)
    path.write_text(text, encoding="utf-8")
    return path


def same(theirs: pd.DataFrame, run: sdmodel.Run, skip: frozenset[str] = frozenset()) -> None:
    """Every variable element of the run stands in `theirs` with the same path, to 1e-9."""
    plain = {key(c).replace(" ", "").replace("_", ""): c for c in theirs.columns}
    assert np.allclose(theirs.index.to_numpy(), run.time, rtol=0, atol=1e-9)
    ours = run.to_dataframe()
    worst = {}
    for column in ours.columns:
        wanted = key(column).replace(" ", "")
        if key(column) in skip:
            continue
        assert wanted in plain, column
        a, b = theirs[plain[wanted]].to_numpy(float), ours[column].to_numpy()
        worst[column] = float(np.max(np.abs(a - b)) / max(np.max(np.abs(a)), 1e-6))
    assert len(worst) >= len(ours.columns) - len(skip)
    assert max(worst.values()) <= 1e-9, max(worst, key=worst.__getitem__)


PYSD = """
import json, sys, warnings
warnings.simplefilter("ignore")  # PySD's own, such as its advice on units
import pysd
FINAL = float(sys.argv[2])
STEP = json.loads(sys.argv[3])
for path, values in json.load(open(sys.argv[1])):
    model = pysd.read_vensim(path)
    model.run(params=values, final_time=FINAL, time_step=STEP).to_csv(path + ".csv", float_format="%.17g")
"""


def by_pysd(
    folder: Path, given: dict[str, dict[str, float]], end: float, step: float | None
) -> dict[str, pd.DataFrame]:
    """PySD's results by sector, from one process of their own: its imports and warnings stay out of the test."""
    paths = {name: folder / f"{name}.mdl" for name in given}
    for name, path in paths.items():
        path.write_text(text_of(name), encoding="utf-8")
    orders = [(str(path), given[name]) for name, path in paths.items()]
    (folder / "orders.json").write_text(json.dumps(orders), encoding="utf-8")
    words = [str(folder / "orders.json"), str(end), json.dumps(step)]
    subprocess.run([sys.executable, "-c", PYSD, *words], check=True, timeout=600)
    return {name: pd.read_csv(f"{path}.csv", index_col=0) for name, path in paths.items()}


RUN_BY_PYSD = sorted({*SECTORS} - {*OWN_ELEMENTS})


@pytest.fixture(scope="module")
def acted_by_pysd(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    return by_pysd(tmp_path_factory.mktemp("pysd"), {name: ACTED[name] for name in RUN_BY_PYSD}, END, LONG_STEP)


@pytest.mark.parametrize("name", RUN_BY_PYSD)
def test_euler_equals_pysd(acted_by_pysd: dict[str, pd.DataFrame], name: str) -> None:
    run = sdmodel.load(name).run({**ACTED[name], "FINAL TIME": END, "TIME STEP": LONG_STEP}, method="euler")
    same(acted_by_pysd[name], run)


@pytest.mark.slow
@pytest.mark.parametrize("acted", [False, True], ids=["as it stands", "levers moved"])
@pytest.mark.parametrize("name", RUN_BY_PYSD)
def test_euler_equals_pysd_to_the_end(tmp_path: Path, name: str, acted: bool) -> None:
    values = ACTED[name] if acted else {}
    same(by_pysd(tmp_path, {name: values}, 2034, None)[name], sdmodel.load(name).run(values, method="euler"))


def by_simlin(file: Path, acted: bool, method: str) -> None:
    simlin = pytest.importorskip("simlin", reason="pysimlin has no wheel for this platform")
    values = ACTED[file.stem] if acted else {}
    model = simlin.load(file)
    model.project.set_sim_specs(sim_method=method)
    given = {key(name).replace(" ", "_"): float(value) for name, value in values.items()}
    theirs = model.run(overrides=given, analyze_loops=False).results
    same(theirs, sdmodel.load(file.stem).run(values, method=method), skip=frozenset(CONTROL))


@pytest.mark.parametrize("acted", [False, True], ids=["as it stands", "levers moved"])
@pytest.mark.parametrize("file", MODELS, indirect=True)
def test_rk4_equals_simlin(file: Path, acted: bool) -> None:
    by_simlin(file, acted, "rk4")


@pytest.mark.parametrize("file", [*OWN_ELEMENTS, "shandong"], indirect=True)
def test_euler_equals_simlin_where_pysd_cannot_run(file: Path) -> None:
    by_simlin(file, True, "euler")


def test_the_original_files_are_left_alone(tmp_path: Path) -> None:
    """Reading writes nothing beside a model, where PySD's own reader would leave a Python file."""
    for name in SECTORS:
        shutil.copy(shipped("models") / f"{name}.mdl", tmp_path)
        sdmodel.load(tmp_path / f"{name}.mdl").run(every=5)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(f"{n}.mdl" for n in SECTORS)
