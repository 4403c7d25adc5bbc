"""What differs between models, runs and exports: what, where first, by how much."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import sdmodel
from sdmodel import plot
from sdmodel.analysis.compare import _common
from sdmodel.core.errors import DesignError, ReadError
from sdmodel.model import Model

Make = Callable[..., Model]
EXAMPLE = "adoption"
SUITE = Path(__file__).parents[3] / "shared" / "suite" / "tests"
CHAIN = """
c = INTEG(b, 0) ~ u ~ |
b = 2*a ~ u/Year ~ |
a = base + STEP(extra, 4) ~ u/Year ~ |
base = 1 ~ u/Year [0,5] ~ How much. |
extra = 0 ~ u/Year ~ |
"""


# -- runs -----------------------------------------------------------------------------------------------------------
def test_equal_runs_do_not_differ(model_from: Make) -> None:
    model = model_from(CHAIN)
    table = sdmodel.compare(model.run(), model.run())
    assert not len(table)
    assert table.attrs["compared"] == 5
    assert table.attrs["times"] == 11
    assert table.attrs["only_first"] == table.attrs["only_second"] == []


def test_what_differs_first_and_from_cause_to_effect(model_from: Make) -> None:
    model = model_from(CHAIN)
    table = sdmodel.compare(model.run(), model.run({"extra": 0.5}))
    assert table.index.tolist() == ["extra", "a", "b", "c"]
    assert table["since"].to_list() == [0, 4, 4, 5]
    assert table.loc["a", ["first", "second", "largest", "at"]].to_list() == [1, 1.5, 0.5, 4]
    assert table.loc["c", ["first", "second", "largest", "at"]].to_list() == pytest.approx([10, 11, 6, 10])
    assert table.loc["c", "relative"] == pytest.approx(6 / 20)
    assert table.loc["extra", "relative"] == np.inf


def test_the_tolerance_is_a_share_of_the_largest_value(model_from: Make) -> None:
    model = model_from(CHAIN)
    base, other = model.run(), model.run({"base": 1 + 1e-5})
    assert sdmodel.compare(base, other, tolerance=2e-5).empty
    assert sdmodel.compare(base, other, tolerance=0.5e-5).index.tolist() == ["base", "a", "b", "c"]
    with pytest.raises(DesignError, match="tolerance: -1"):
        sdmodel.compare(base, other, tolerance=-1)


def test_scenarios_of_a_model(tmp_path: Path) -> None:
    model = sdmodel.load(EXAMPLE)
    (name, *_) = model.scenarios
    table = sdmodel.compare(model.run(), model.run(scenario=name))
    assert len(table)
    assert (table["largest"] > 0).all()


def test_tables_and_mappings(model_from: Make) -> None:
    run = model_from(CHAIN).run()
    table = run.to_dataframe()
    assert sdmodel.compare(run, table).empty
    changed = table.copy()
    changed.loc[6.0, "c"] += 1
    found = sdmodel.compare(run, changed)
    assert found.loc["c", ["since", "largest", "at"]].to_list() == [6, 1, 6]
    gap = table.copy()
    gap.loc[6.0, "c"] = np.nan  # nothing was exported there
    assert sdmodel.compare(run, gap).empty
    assert sdmodel.compare(run, {"C": ([0.0, 5.0], [0.0, 11.0])})["second"].to_list() == [11]


# -- exports --------------------------------------------------------------------------------------------------------
def exported(run: sdmodel.Run, path: Path, across: bool, digits: int = 6) -> Path:
    """The run as Vensim exports it: six digits; where times run along the row, constants once and names of runs."""
    table = run.to_dataframe()
    if across:
        lines = ["\t".join(["Time (Year)", *(f"{t:g}" for t in table.index)])]
        for name in table.columns:
            values = [f"{v:.{digits}g}" for v in table[name]]
            values = values[:1] if name in run.constants else values
            lines.append("\t".join([f"{name} : base", *values]))
    else:
        lines = ["\t".join(["Time", *(f'"{n}"' if "," in n else n for n in table.columns)])]
        lines += [
            "\t".join([f"{t:g}", *(f"{v:.{digits}g}" for v in row)])
            for t, row in zip(table.index, table.to_numpy(), strict=True)
        ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8-sig")
    return path


@pytest.mark.parametrize("across", [True, False])
def test_a_vensim_export(model_from: Make, tmp_path: Path, across: bool) -> None:
    model = model_from(
        f"{CHAIN}\nside: left, right ~~|\nup: north, south ~~|\n"
        "shared[side,up] = c*part[side] ~ u ~ |\npart[side] = 0.3, 0.7 ~ Dmnl ~ |"
    )
    run = model.run(method="euler")
    file = exported(run, tmp_path / "base.tab", across)
    table = sdmodel.compare(run, file, tolerance=1e-5)
    assert table.empty
    assert table.attrs["compared"] == 11
    assert table.attrs["only_first"] == table.attrs["only_second"] == []
    other = sdmodel.compare(model.run({"extra": 1.0}, method="euler"), file, tolerance=1e-5)
    assert other.index.tolist()[:3] == ["extra", "a", "b"]
    assert "shared[left,north]" in other.index
    text = file.read_text(encoding="utf-8-sig").replace("base", "level")
    (tmp_path / "named.tab").write_text(text, encoding="utf-8")
    renamed = sdmodel.compare(run, tmp_path / "named.tab", tolerance=1e-5)
    assert renamed.attrs["only_first"] == ["base"]
    assert renamed.attrs["only_second"] == ["level"]


def test_exports_that_do_not_fit_are_refused(model_from: Make, tmp_path: Path) -> None:
    run = model_from(CHAIN).run()
    (tmp_path / "x.tab").write_text("Time\tother\n0\t1\n", encoding="utf-8")
    with pytest.raises(DesignError, match="Nothing can be compared: the first has 9 variables such as"):
        sdmodel.compare(run, tmp_path / "x.tab")
    (tmp_path / "y.tab").write_text("Time\ta\n0.5\t1\n", encoding="utf-8")
    with pytest.raises(DesignError, match="Nothing can be compared"):
        sdmodel.compare(run, tmp_path / "y.tab")
    (tmp_path / "two.tab").write_text("Time\t0\t1\na : one\t1\t1\na : two\t1\t1\n", encoding="utf-8")
    with pytest.raises(ReadError, match="'a : two' is the name of two columns"):
        sdmodel.compare(run, tmp_path / "two.tab")
    with pytest.raises(DesignError, match="Run the model first"):
        sdmodel.compare(run.model, run)
    with pytest.raises(DesignError, match="A int cannot be compared"):
        sdmodel.compare(run, 3)


@pytest.mark.skipif(not SUITE.is_dir(), reason="the public test models are not beside this checkout")
@pytest.mark.parametrize(
    "name", ["chained_initialization", "subscripted_delays", "smooth_and_stock", "subscript_3d_arrays_lengthwise"]
)
def test_exports_of_the_public_test_models(name: str) -> None:
    folder = SUITE / name
    if not folder.is_dir():
        pytest.skip(f"{name} is not among the models")
    file = next(iter([*folder.glob("output.tab"), *folder.glob("output.csv")]))
    run = sdmodel.load(next(folder.glob("*.mdl"))).run(method="euler")
    table = sdmodel.compare(run, file, tolerance=1e-4)
    assert table.empty, table
    assert table.attrs["compared"] >= 3


# -- models ---------------------------------------------------------------------------------------------------------
def test_equal_models_do_not_differ(model_from: Make) -> None:
    one = model_from(CHAIN, name="one")
    two = model_from(CHAIN.replace("b = 2*a", "b=2 * A"), name="two")
    table = sdmodel.compare(one, two)
    assert table.empty
    assert table.attrs["compared"] == 9


def test_what_differs_between_models(model_from: Make) -> None:
    one = model_from(f"{CHAIN}gone = 1 ~ u ~ |\nside: p, q ~~|", name="one")
    text = CHAIN.replace("2*a", "3*a").replace("base = 1 ~ u/Year [0,5]", "base = 2 ~ kg/Year [0,9]")
    two = model_from(f"{text}new = a*c ~ u ~ |\nside: p, q, r ~~|", name="two")
    table = sdmodel.compare(one, two)
    rows = {(n, w): (a, b) for n, w, a, b in table.itertuples()}
    assert rows == {
        ("b", "equation"): ("2*a", "3*a"),
        ("base", "value"): ("1", "2"),
        ("base", "unit"): ("u/Year", "kg/Year"),
        ("base", "range"): ("0 to 5", "0 to 9"),
        ("gone", "only in first"): ("1", ""),
        ("new", "only in second"): ("", "a*c"),
        ("side", "subscript range"): ("p, q", "p, q, r"),
    }
    assert sdmodel.compare(one, one.replace("base", 4.0))["second"].to_list() == ["4"]


# -- figures --------------------------------------------------------------------------------------------------------
def test_differences_are_drawn(model_from: Make) -> None:
    model = model_from(CHAIN)
    table = sdmodel.compare(model.run(), model.run({"extra": 0.5}))
    fig, axes = plot.differences(table)
    assert [t.get_text() for t in axes[0].get_yticklabels()][:2] == ["extra (from 0)", "a (from 4)"]
    (dots,) = axes[0].lines
    assert list(dots.get_xdata()) == table["relative"][1:].to_list()
    fig.draw_without_rendering()
    with pytest.raises(DesignError, match="Nothing differs"):
        plot.differences(sdmodel.compare(model.run(), model.run()))
    with pytest.raises(Exception, match="no column 'since'"):
        plot.differences(pd.DataFrame({"a": [1]}))


# -- by hand ----------------------------------------------------------------------------------------------------------
def with_values(run: sdmodel.Run, **paths: list[float]) -> sdmodel.Run:
    """The run with the paths of some variables replaced."""
    values = run.values.copy()
    for name, path in paths.items():
        values[:, run.columns.index(name)] = path
    return replace(run, values=values)


NAN = np.nan


@pytest.mark.parametrize(
    ("first", "second", "row"),
    [
        ([0, 2, 4, 4], [0, 3, 4, 4], None),  # a quarter of the largest value is within the tolerance of a quarter
        ([0, 2, 4, 4], [0, 3.01, 2, 4], [1, 2, 3.01, 2, 2, 0.5]),
        ([0, -2, -8, 4], [0, -2, -8, -1], [3, 4, -1, 5, 3, 5 / 8]),
        ([0, 0, 0, 0], [0, 0, 1e-9, 0], [2, 0, 1e-9, 1e-9, 2, np.inf]),
        ([NAN, 2, 4, 4], [NAN, 2, 4, 4], None),
        ([0, NAN, 4, 4], [0, 2, 4, 9], [1, NAN, 2, np.inf, 1, np.inf]),
        ([0, 2, 4, 4], [0, 2, NAN, 9], [2, 4, NAN, np.inf, 2, np.inf]),
    ],
)
def test_a_difference_by_hand(
    model_from: Make, first: list[float], second: list[float], row: list[float] | None
) -> None:
    run = model_from(CHAIN, end=3).run()
    table = sdmodel.compare(with_values(run, a=first), with_values(run, a=second), tolerance=0.25)
    assert table.attrs["compared"] == 5
    if row is None:
        assert table.empty
    else:
        assert table.columns.tolist() == ["since", "first", "second", "largest", "at", "relative"]
        np.testing.assert_allclose(table.loc["a"].to_numpy(float), row)


def test_times_are_common_up_to_rounding() -> None:
    a, b = np.array([0.0, 0.1 + 0.2, 1.0, 2000.0, 3000.0]), np.array([0.3, 1.0 + 2e-7, 2000.0001, 2999.9, 4000.0])
    assert [found.tolist() for found in _common(a, b)] == [[1, 3], [0, 2]]
    assert [found.tolist() for found in _common(a, np.array([1.0]))] == [[2], [0]]
    assert [len(found) for found in _common(a, np.array([]))] == [0, 0]
    assert [len(found) for found in _common(np.array([]), b)] == [0, 0]


def test_what_only_one_side_has_and_at_how_many_times(model_from: Make) -> None:
    run = model_from(CHAIN, end=4).run()
    found = sdmodel.compare({"a": ([0.0, 1, 2], [1.0, 1, 1]), "B": ([3.0], [9.0]), "Time": ([0.0], [5.0])}, run)
    assert (found.attrs["compared"], found.attrs["times"]) == (2, 3)
    assert found.attrs["only_first"] == []
    assert found.attrs["only_second"] == ["c", "base", "extra"]
    assert found.loc["B", ["since", "first", "second"]].tolist() == [3, 9, 2]
    back = sdmodel.compare(run, {"x": ([0.0], [5.0]), "A": ([0.0, 4.0], [0.0, 1.0])})
    assert back.attrs["only_first"] == ["c", "b", "base", "extra"]
    assert back.attrs["only_second"] == ["x"]
    with pytest.raises(DesignError, match=r"the first has 5 .* such as 'c', the second 1 such as 'a'"):
        sdmodel.compare(model_from("c = 1 + Time ~ u ~ |", name="c").run(), {"a": ([0.0], [1.0])})


def test_of_what_differs_at_once_the_cause_comes_first_in_a_table_as_well(model_from: Make) -> None:
    run = model_from(CHAIN).run()
    other = {name: run[name] + 1 for name in ("c", "b", "a")}
    assert sdmodel.compare(run, other).index.tolist() == ["c", "a", "b"]  # the stock is known before its flows
    assert sdmodel.compare(other, run).index.tolist() == ["c", "a", "b"]
    assert sdmodel.compare(other, {name: run[name] for name in other}).index.tolist() == ["c", "b", "a"]


def test_every_way_in_which_models_differ(model_from: Make) -> None:
    text = (
        "side: p, q ~~|\nx[p] = 1 ~ u ~ |\nx[side] :EXCEPT: [p] = 2 ~ u ~ |\nk = 1 ~ u [0,9] ~ How. [lever P01] |\n"
        "form = 3 ~ u [0,1] ~ |\ny = k + Time ~ u ~ |\nsame = 2*Y ~ u ~ |\nxy = 1 ~ u ~ |\n"
    )
    one = replace(model_from(text, name="one"), external={"x[p]": 5.0, "x": 1.0})
    changed = {
        "x[p] = 1": "x[p] = 4", "[lever P01]": "[uncertainty]", "[0,9]": "[0,8]", "form = 3": "form = 3*k",
        "u [0,1]": "u [-1,1]", "k + Time": "k - Time", "2*Y": "2*y",
    }  # fmt: skip
    other = text
    for old, new in changed.items():
        assert old in other
        other = other.replace(old, new)
    two = replace(model_from(other, name="other", step=0.25), external={"x[p]": 6.0, "xy": 1.0})
    rows = {(n, w): (a, b) for n, w, a, b in sdmodel.compare(one, two).itertuples()}
    assert rows == {
        ("x", "value"): (
            "[p] = 1; [side] = 2 except (('p',),); x[p]: 5.0; x: 1.0",
            "[p] = 4; [side] = 2 except (('p',),); x[p]: 6.0",
        ),
        ("xy", "value"): ("1", "1; xy: 1.0"),
        ("k", "range"): ("0 to 9", "0 to 8"),
        ("k", "role"): ("lever", "uncertainty"),
        ("form", "equation"): ("3", "3*k"),
        ("form", "range"): ("0 to 1", "-1 to 1"),
        ("y", "equation"): ("k + Time", "k - Time"),
        ("TIME STEP", "value"): ("0.125", "0.25"),
    }
