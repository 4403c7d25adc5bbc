"""The shipped models in two other simulators: PySD steps by Euler, simlin by Runge-Kutta; both on the file's TIME STEP.

Neither shares code with the engine beyond PySD's parser, and simlin not even that.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import sdmodel
from sdmodel.expression import key
from sdmodel.model import CONTROL
from sdmodel.paths import shipped
from sdmodel.read.tidy import Entry, decode, tidy

SECTORS = ("network", "intervention", "policy")
MODELS = (*SECTORS, "shandong")
# Dates, sizes and ramps that move: what happens in an untouched model would not show a difference in policy.
ACTED = {
    "network": {"benefit rule": 0.4, "vouchers": 20.0, "link life switch": 1, "culture switch": 1},
    "intervention": {"extra erosion switch": 1, "track choice switch": 1, "decided share of services": 0.2},
    "policy": {"exit start": 2018, "exit duration": 4, "coordination budget": 20, "annual budget cap": 150},
    "shandong": {"exit start": 2018, "exit duration": 4, "push size": 1, "push start": 2020, "market entry budget": 30},
}


def text_of(name: str) -> str:
    """A sector as it stands; the composition as its sectors' entries, each name from its owner."""
    if name != "shandong":
        return (shipped("models") / f"{name}.mdl").read_text(encoding="utf-8")
    kept: dict[str, Entry] = {}
    for sector in SECTORS:
        file = f"{sector}.mdl"
        clean = tidy(decode((shipped("models") / file).read_bytes(), file), file)
        for entry in clean.entries:
            owned = any(f"[from {other}]" in entry.documentation for other in SECTORS)
            label = entry.equation.split("=")[0]
            if not owned and key(label) not in kept:
                kept[key(label)] = entry
    lines = [f"{e.equation}\n\t~ {e.unit}\n\t~ {e.documentation}\n\t|\n" for e in kept.values()]
    return "{UTF-8}\n" + "\n".join(lines)


@pytest.fixture
def file(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    path = tmp_path / f"{request.param}.mdl"
    path.write_text(text_of(request.param), encoding="utf-8")
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
    assert len(worst) == len(ours.columns) - len(skip)
    assert max(worst.values()) <= 1e-9, max(worst, key=worst.__getitem__)


PYSD = """
import json, sys, warnings
warnings.simplefilter("ignore")  # PySD's own, such as its advice on units
import pysd
for path, values in json.load(open(sys.argv[1])):
    model = pysd.read_vensim(path)
    model.run(params=values[0]).to_csv(path + ".0.csv", float_format="%.17g")
    model.reload()
    model.run(params=values[1]).to_csv(path + ".1.csv", float_format="%.17g")
"""


@pytest.fixture(scope="module")
def by_pysd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with PySD's results of every model, by a PySD in a process of its own: ours has its parser hardened."""
    folder = tmp_path_factory.mktemp("pysd")
    orders = []
    for name in MODELS:
        path = folder / f"{name}.mdl"
        path.write_text(text_of(name), encoding="utf-8")
        orders.append((str(path), [{}, ACTED[name]]))
    (folder / "orders.json").write_text(json.dumps(orders), encoding="utf-8")
    subprocess.run([sys.executable, "-c", PYSD, str(folder / "orders.json")], check=True, timeout=300)
    return folder


@pytest.mark.parametrize("acted", [False, True], ids=["as it stands", "levers moved"])
@pytest.mark.parametrize("name", MODELS)
def test_euler_equals_pysd(by_pysd: Path, name: str, acted: bool) -> None:
    theirs = pd.read_csv(by_pysd / f"{name}.mdl.{int(acted)}.csv", index_col=0)
    same(theirs, sdmodel.load(name).run(ACTED[name] if acted else {}, method="euler"))


@pytest.mark.parametrize("acted", [False, True], ids=["as it stands", "levers moved"])
@pytest.mark.parametrize("file", MODELS, indirect=True)
def test_rk4_equals_simlin(file: Path, acted: bool) -> None:
    simlin = pytest.importorskip("simlin", reason="pysimlin has no wheel for this platform")
    values = ACTED[file.stem] if acted else {}
    model = simlin.load(file)
    model.project.set_sim_specs(sim_method="rk4")
    given = {key(name).replace(" ", "_"): float(value) for name, value in values.items()}
    theirs = model.run(overrides=given, analyze_loops=False).results
    same(theirs, sdmodel.load(file.stem).run(values, method="rk4"), skip=frozenset(CONTROL))


def test_the_composed_text_is_the_composition(tmp_path: Path) -> None:
    """The two tests above compare the same model only if this holds."""
    path = tmp_path / "joined.mdl"
    path.write_text(text_of("shandong"), encoding="utf-8")
    one, other = sdmodel.load(path), sdmodel.load("shandong")
    assert set(one.equations) == set(other.equations)
    for k, variable in other.equations.items():
        assert one.equations[k].components == variable.components, k


def test_the_original_files_are_left_alone(tmp_path: Path) -> None:
    """Reading writes nothing beside a model, where PySD's own reader would leave a Python file."""
    for name in SECTORS:
        shutil.copy(shipped("models") / f"{name}.mdl", tmp_path)
        sdmodel.load(tmp_path / f"{name}.mdl").run(every=5)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(f"{n}.mdl" for n in SECTORS)
