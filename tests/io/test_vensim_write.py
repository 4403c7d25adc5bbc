"""Writing a model as a `.mdl`: reading it gives the same tree, and the same run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import sdmodel
from sdmodel.core.errors import ScenarioError, SdmodelError, UnsupportedError
from sdmodel.core.expression import Number, Op
from sdmodel.core.scenario import Scenario
from sdmodel.core.schedule import Schedule as DatedPath
from sdmodel.io.vensim.changes import to_cin
from sdmodel.io.vensim.translate import read_vensim
from sdmodel.io.vensim.write import quoted, to_mdl

Make = Callable[..., sdmodel.Model]
SUITE = Path(__file__).parents[3] / "shared" / "suite"
FIELDS = ("name", "kind", "components", "unit", "limits", "documentation", "role", "ids", "outcome", "sources")


def same(first: sdmodel.Model, second: sdmodel.Model) -> None:
    assert set(first.equations) == set(second.equations)
    for key, variable in first.equations.items():
        for field in FIELDS:
            assert getattr(second.equations[key], field) == getattr(variable, field), (key, field)
    assert {k: (r.name, r.elements, dict(r.mappings)) for k, r in first.ranges.items()} == {
        k: (r.name, r.elements, dict(r.mappings)) for k, r in second.ranges.items()
    }
    assert (first.method or "euler", first.synonyms) == (second.method, second.synonyms)


def again(model: sdmodel.Model) -> sdmodel.Model:
    """The model written and read, without a file."""
    return read_vensim(to_mdl(model).encode(), (model.path or Path("x.mdl")).with_suffix(".mdl"))


@pytest.mark.parametrize("name", ["shandong", "network", "intervention", "policy"])
def test_our_models_are_the_same_when_read_again(name: str) -> None:
    same(sdmodel.load(name), again(sdmodel.load(name)))


def test_a_model_with_everything_is_the_same_when_read_again(model_from: Make) -> None:
    model = model_from(
        "r: A, B, C -> s, (t: T2, T1, T1) ~~|\ns: (S1-S3) ~~|\nt: T1, T2 ~~|\npart: A, C ~~|\n"
        "x[r] = 1, 2, 3 ~ 人/Year [0,5,1] ~ 多少人。 [lever P01] [@key, p 3] |\n"
        "m[r, s] = TABBED ARRAY(1 2 3\n4 5 6\n7 8 9) ~~|\nm2[r, t] = 1, 2; 3, 4; 5, 6; ~~|\n"
        'y[r] :EXCEPT: [part] = x[r]*-2^2 - (3 - Time)/(2*Time + 1) ~ "$[2010]"/Year [?,9] ~ |\n'
        "y[part] = IF THEN ELSE((x[part] > 1) = (Time > 2) :AND: (:NOT: Time = 3 :OR: Time < 1), "
        "-(2 + Time)^2, :NA:) ~~|\n"
        "l([(0,-1)-(5,5)],(0,1),(2.5,3)) ~~|\nq[A]((0,1),(2,3)) ~~|\nq[B]((0,1),(2,4)) ~~|\n"
        "z = l(Time) + WITH LOOKUP(Time, ([(0,0)-(4,9)],(0,1),(4,5))) + SUM(y[r!]*m[r!, S1]) + q[A](Time) ~~|\n"
        '"odd, name (%)" = FORECAST(z, 2, 3) + PULSE TRAIN(1, 2, 4, 9) + SMOOTH3I(z, 2, 1) + DELAY N(z, 2, 1, 3) ~~|\n'
        "given :HOLD BACKWARD: ~~|\nbare ~~|\n"
        "fixed = DELAY FIXED(z, 2, 0) + RANDOM UNIFORM(0, 1, 3) + 2^(1^Time) + (2^1)^Time ~~|\n"
        "s1 = INTEG(-s1/3, ACTIVE INITIAL(2, 1e-7)) ~~|\n:MACRO: M(a)\n"
        "M = INTEG(a, 1) ~~|\n:END OF MACRO:\nmac = M(Time) + M(2) ~~|"
    )
    same(model, again(model))
    assert to_mdl(again(model)) == to_mdl(model)


def test_a_sum_of_numbers_stays_a_sum(model_from: Make) -> None:
    model = model_from("x = 1 ~~|\ny = 2 ~~|").replace("x", Op("+", (Number(1.0), Number(-2.0))))
    model = model.replace("y", Op("-", (Op("*", (Number(3.0), Number(2.0))), Number(1.0))))
    same(model, again(model))


def test_a_replaced_and_a_composed_model_run_the_same_from_their_file(tmp_path: Path) -> None:
    model = sdmodel.load("shandong")
    name = next(v.name for v in model.equations.values() if v.kind == "constant" and v.role == "lever")
    changed = model.replace(name, DatedPath((2009.0, 2020.5), (model[name].low, model[name].low)))
    path = changed.write(tmp_path / "changed.mdl")
    first, second = changed.run(method="euler"), sdmodel.load(path).run(method="euler")
    assert first.to_dataframe().equals(second.to_dataframe()[first.to_dataframe().columns])


def test_a_file_that_is_there_is_kept_unless_asked(tmp_path: Path, model_from: Make) -> None:
    model = model_from("x = 1 ~~|")
    path = model.write(tmp_path / "there.mdl")
    with pytest.raises(FileExistsError):
        model.write(path)
    assert model.write(path, overwrite=True) == path
    with pytest.raises(UnsupportedError, match=r"does not end with \.mdl"):
        model.write(tmp_path / "there.py")


def test_signs_that_end_a_field_do_not_break_the_file(model_from: Make) -> None:
    model = model_from('x = 1 ~~|\n"a|b~c" = x ~ firm ~ |')
    assert set(again(model).equations) == set(model.equations)


def test_what_vensim_has_no_word_for_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "stella.xmile"
    path.write_text(
        '<xmile xmlns="http://docs.oasis-open.org/xmile/ns/XMILE/v1.0"><sim_specs><start>0</start><stop>1</stop><dt>1</dt>'
        '</sim_specs><model><variables><stock name="s"><eqn>1</eqn><non_negative/></stock></variables></model></xmile>'
    )
    with pytest.raises(UnsupportedError, match="'s': the non-negative stock has no form"):
        to_mdl(sdmodel.load(path))


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("plain name", "plain name"),
        ("3rd", '"3rd"'),
        ("a-b", '"a-b"'),
        ("股票", "股票"),
        ('"a b"', '"a b"'),
        ("r&d", '"r&d"'),
    ],
)
def test_names_are_quoted_where_vensim_needs_it(name: str, written: str) -> None:
    assert quoted(name) == written


def test_a_scenario_becomes_a_changes_file() -> None:
    scenario = Scenario(values={"exit start": 2019.5, "r&d share[A,B]": 1e-7})
    assert to_cin(scenario) == 'exit start = 2019.5\n"r&d share"[A,B] = 1e-07\n'
    with pytest.raises(ScenarioError, match=r"schedule; a \.cin file"):
        to_cin(Scenario(paths={"x": DatedPath((0.0, 1.0), (1.0, 2.0))}))


@pytest.mark.skipif(not SUITE.is_dir(), reason="the public suite does not lie beside this checkout")
@pytest.mark.filterwarnings("ignore::sdmodel.core.errors.ResultWarning")
def test_the_models_of_the_public_suite_are_the_same_when_read_again() -> None:
    count = 0
    for path in sorted(SUITE.glob("*/*/*.mdl")):
        try:
            model = sdmodel.load(path)
        except SdmodelError:
            continue
        same(model, again(model))
        count += 1
    assert count > 50


def test_an_array_over_one_range_is_a_list_and_over_two_a_table(model_from: Make) -> None:
    text = to_mdl(model_from(
        "r: A, B ~~|\nt: T1, T2 ~~|\nx[r] = 1, 2 ~~|\nm[r, t] = TABBED ARRAY(1 2\n3 4) ~~|\ny[A, t] = 5, 6 ~~|"
    ))  # fmt: skip
    assert "x[r]=\n\t1, 2\n" in text
    assert "y[A, t]=\n\t5, 6\n" in text
    assert "m[r, t]=\n\tTABBED ARRAY(1 2 3 4)\n" in text
