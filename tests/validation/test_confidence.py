"""The nine confidence tests: each fails on a small model that is broken in its way, and passes on a sound one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import sdmodel
from sdmodel.cli.main import app
from sdmodel.core.errors import DesignError, ReadError, UnknownNameError
from sdmodel.model import Model
from sdmodel.solve.run import run
from sdmodel.validation.confidence.behaviour_modes import MODES, SHAPES, modes, strength
from sdmodel.validation.confidence.conservation import with_balances
from sdmodel.validation.confidence.extreme_conditions import corners, ends, extreme_conditions
from sdmodel.validation.confidence.feedback_graph import links, loops_of
from sdmodel.validation.confidence.integration_error import integration_error
from sdmodel.validation.confidence.loops import feedback_structure
from sdmodel.validation.confidence.partial_models import behaves, partial_models
from sdmodel.validation.confidence.polarity import derivatives, loop_gain, paths_of
from sdmodel.validation.confidence.result import Row
from sdmodel.validation.confidence.run import compared, confidence, confidence_tests
from sdmodel.validation.confidence.sensitivity import sensitivity_rows
from sdmodel.validation.spec import Balance, Behaviour, Equal, Loop, Policy, Spec, read_spec

Write = Callable[..., Path]
POND = """
fish = INTEG(births - deaths, first fish)
    ~ fish [0,?] ~ Fish in the pond. |
gone = INTEG(deaths, 0)
    ~ fish [0,?] ~ Fish that are gone. |
births = birth rate*fish*room
    ~ fish/Year ~ New fish. |
deaths = death rate*fish
    ~ fish/Year ~ Fish that die. |
room = MAX(0, 1 - fish/ceiling)
    ~ Dmnl [0,1] ~ Room that is left. |
birth rate = 0.5
    ~ 1/Year [0.2,1] ~ Births of a fish. [uncertainty] [@guess] |
death rate = 0.1
    ~ 1/Year [0,0.2] ~ Deaths. [lever] [@guess] |
ceiling = 100
    ~ fish [50,200] ~ Fish there is food for. [uncertainty] [@guess] |
first fish = 10
    ~ fish [5,20] ~ Fish at first. [fixed] [@guess] |
yield index = fish/ceiling
    ~ Dmnl ~ Share of the ceiling. [outcome] |
"""


@pytest.fixture
def pond(write_model: Write) -> Callable[..., Model]:
    def make(text: str = POND, **changes: str) -> Model:
        for old, new in changes.items():
            name = old.replace("_", " ")
            lines = [f"{name} = {new}" if line.startswith(f"{name} = ") else line for line in text.splitlines()]
            text = "\n".join(lines)
        return sdmodel.load(write_model(text))

    return make


def verdicts(rows: list[Row]) -> set[str]:
    return {row.verdict for row in rows}


# -- 1 units ------------------------------------------------------------------------------------------------------
def test_a_wrong_unit_is_a_miss(pond: Callable[..., Model]) -> None:
    assert verdicts(next(confidence_tests(pond(), 10))) == {"pass"}
    assert verdicts(next(confidence_tests(pond(deaths="death rate*ceiling*ceiling"), 10))) == {"miss"}


# -- 2 conservation -----------------------------------------------------------------------------------------------
WATER = (Balance("fish", ["fish", "gone"], ["births"]),)


def test_what_leaks_is_seen(pond: Callable[..., Model]) -> None:
    def conserved(model: Model) -> Row:
        return next(row for row in extreme_conditions(model, Spec(balance=WATER), 20, 1) if row.test == 2)

    assert conserved(pond()).verdict == "pass"
    leak = conserved(pond(gone="INTEG(0.9*deaths, 0)"))
    assert leak.verdict == "miss"
    assert float(leak.figure) > 1e-3


def test_a_stock_cut_off_by_max_is_seen(pond: Callable[..., Model]) -> None:
    text = POND + "counted = MAX(fish, 60) ~ fish ~ What is counted. |\n"
    rows = extreme_conditions(pond(text), Spec(equal=(Equal("count", "fish", "counted"),)), 20, 1)
    assert rows[0].verdict == "miss"


def test_a_balance_that_never_moves_proves_nothing(pond: Callable[..., Model]) -> None:
    spec = Spec(balance=(Balance("nothing", ["idle"], ["idle flow"]),))
    text = POND + "idle = INTEG(idle flow, 1) ~ fish ~ Still. |\nidle flow = 0*births ~ fish/Year ~ Nil. |\n"
    row = extreme_conditions(pond(text), spec, 10, 1)[0]
    assert (row.verdict, row.text) == ("miss", "It never changes, so nothing is shown.")


def test_a_name_with_subscripts_is_summed() -> None:
    model = sdmodel.load("firms")
    whole = with_balances(model, (Equal("a", "all firms", "SUM(firms[quality!,age!])"), Balance("b", ["firms"])))
    found = run(whole, every=5)
    np.testing.assert_allclose(found["checked amount of a"], found["checked account of a"])
    np.testing.assert_allclose(found["checked amount of b"], found["all firms"])


# -- 3 extreme conditions -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, ""),
        ({"deaths": "death rate*ceiling", "births": "birth rate*MAX(0, fish)*room"}, "'fish' falls to"),
        ({"room": "2 - fish/ceiling"}, "rises to"),
        ({"births": "birth rate*fish*room/(1 - 5*death rate)"}, "went|division|finite|inf"),
    ],
    ids=["sound", "below zero", "above its range", "not finite"],
)
def test_a_range_that_is_left_is_seen(pond: Callable[..., Model], change: dict[str, str], said: str) -> None:
    rows = extreme_conditions(pond(**change), Spec(), 30, 1)
    if not said:
        assert verdicts(rows) == {"pass"}
    else:
        assert "miss" in verdicts(rows)
        assert any(word in row.text for word in said.split("|") for row in rows)


@pytest.mark.parametrize(("formula", "good"), [("fish/ceiling/2", True), ("1.5*fish/ceiling", False)])
def test_a_fraction_beyond_one_is_seen_in_a_run(pond: Callable[..., Model], formula: str, good: bool) -> None:
    text = f"caught share = {formula} ~ Dmnl ~ Of what there is. |\n"
    model = pond()
    assert model.path is not None
    place = model.path.with_name("more.mdl")
    place.write_text(model.path.read_text("utf-8").replace("{UTF-8}\n", "{UTF-8}\n" + text), "utf-8")
    rows = extreme_conditions(sdmodel.load(place), Spec(), 30, 1)
    assert verdicts(rows) == {"pass" if good else "miss"}
    assert good or any("'caught share' rises to" in row.text for row in rows)


def test_ends_and_corners_are_what_they_say(pond: Callable[..., Model]) -> None:
    model = pond()
    table = ends(model)
    assert len(table) == 6
    assert sorted(table["birth rate"].unique()) == [0.2, 0.5, 1.0]
    design = corners(model, 50, 3, {"ceiling": [60, 70]})
    assert set(design["birth rate"]) == {0.2, 1.0}
    assert design["ceiling"].between(60, 70).all()


# -- 4 partial models ---------------------------------------------------------------------------------------------
SHOWN = {
    "rises": [0, 1, 3],
    "falls": [3, 1, 0],
    "higher": [0, 1, 2],
    "lower": [0, -1, -2],
    "peaks": [0, 3, 1],
    "dips": [3, 0, 2],
    "worse before better": [1, 0, 3],
    "better before worse": [1, 3, 0],
    "settles": [0, 5, 8, *[9] * 20],
    "fades": [0, 5, 1, 0],
    "S-shaped": [0, 1, 5, 9, 10],
}
OTHER = {
    "rises": [0, 3, -1],
    "falls": [0, 3, 1],
    "higher": [-2, 1, 4],
    "lower": [-1, -1, 1],
    "peaks": [0, 1, 2],
    "dips": [3, 2, 1],
    "worse before better": [1, 3, 0],
    "better before worse": [1, 0, 3],
    "settles": list(range(30)),
    "fades": [0, 5, 4, 3],
    "S-shaped": [0, 5, 8, 9, 10],
}


def test_every_shape_tells_its_own_from_another() -> None:
    assert set(SHOWN) | {"stays"} == set(SHAPES)
    for shape, path in SHOWN.items():
        assert strength(np.array(path, float), shape) > 0, shape
        assert strength(np.array(OTHER[shape], float), shape) <= 0, shape
    assert strength(np.array([1.0, 1.5]), "stays") == -0.5
    with pytest.raises(UnknownNameError, match=r"no shape 'risez'\. Nearest: rises"):
        strength(np.zeros(3), "risez")


def test_modes_of_many_paths() -> None:
    paths = np.array([[0, 1, 2], [2, 1, 0], [0, 3, 1], [3, 0, 2], [1, 1, 1]], float)
    assert [MODES[i] for i in modes(paths)] == list(MODES)


def test_a_behaviour_that_is_not_there_is_a_miss(pond: Callable[..., Model]) -> None:
    grows = Behaviour("the pond fills", "fish", "S-shaped")
    assert behaves(pond(), grows)[1]
    assert not behaves(pond(room="1"), grows)[1]  # without a ceiling it grows for ever
    model = pond()
    rows = partial_models({model.name: model}, {model.name: Spec(behaviour=(grows, Behaviour("x", "fish", "falls")))})
    assert [row.verdict for row in rows] == ["pass", "miss"]
    assert verdicts(partial_models({"pond": model}, {"pond": Spec()})) == {"miss"}


def test_a_step_is_added_from_its_date_on(pond: Callable[..., Model]) -> None:
    model = pond()
    start = model.time["initial time"]
    worse = Behaviour("deaths", "fish", "lower", steps={"death rate": [[start + 2, 0.1]]}, against={})
    assert behaves(model, worse)[1]
    assert not behaves(model, Behaviour("deaths", "fish", "higher", steps=worse.steps, against={}))[1]
    back = Behaviour("none", "fish", "stays", steps={"death rate": [[start + 2, 0.0]]}, against={})
    assert behaves(model, back) == (0.0, True)


# -- 5 integration error ------------------------------------------------------------------------------------------
def test_a_step_that_is_too_large_is_seen(pond: Callable[..., Model]) -> None:
    model = pond()
    assert verdicts(integration_error(model, 20, 1)) <= {"pass", "info"}
    coarse = pond(POND.replace("birth rate = 0.5", "birth rate = 5").replace("[0.2,1]", "[4,6]"))
    assert "miss" in verdicts(integration_error(coarse.replace("TIME STEP", 0.5), 20, 1))


# -- 6 and 7 ------------------------------------------------------------------------------------------------------
def nothing(model: Model, samples: int) -> list[tuple[str, object, object, str, str]]:
    return []


def refused(model: Model, samples: int) -> list[tuple[str, object, object, str, str]]:
    raise DesignError("no such samples")


def two(model: Model, samples: int) -> list[tuple[str, object, object, str, str]]:
    return [("a", 0.25, "1", "hit", f"{samples} samples"), ("b", 2.0, "1", "miss", f"{samples} samples")]


@pytest.mark.parametrize(
    ("requested", "verdicts", "said"),
    [
        ({}, ["info"], "names no comparison"),
        ({"6": "not there"}, ["miss"], "not there"),
        ({"6": "nothing"}, ["miss"], "It compared nothing"),
        ({"6": "refused"}, ["miss"], "no such samples"),
        ({"6": "two"}, ["pass", "miss"], "10 samples"),
    ],
)
def test_a_comparison_is_run_by_name_and_never_passed_when_it_is_not_there(
    pond: Callable[..., Model], requested: dict[str, str], verdicts: list[str], said: str
) -> None:
    given = {"nothing": nothing, "refused": refused, "two": two}
    rows = compared(pond(), Spec(comparisons=requested), 6, 10, given)
    assert [row.verdict for row in rows] == verdicts
    assert said in rows[0].text


# -- 8 structure --------------------------------------------------------------------------------------------------
CROWDING = Loop("B1", "crowding", "", "-", ["fish", "room", "births"], ["room", "births"], "fish",
                excited_by={"death rate": 0.2})  # fmt: skip


def of(model: Model, **changes: object) -> dict[str, Row]:
    loop = Loop(**{**{f: getattr(CROWDING, f) for f in CROWDING.__slots__}, **changes})
    return {row.kind: row for row in feedback_structure(model, Spec(loop=(loop,))) if row.kind != "count"}


def test_a_loop_has_path_sign_and_effect(pond: Callable[..., Model]) -> None:
    rows = of(pond())
    assert {k: r.verdict for k, r in rows.items()} == {"path": "pass", "sign": "pass", "knock-out": "pass"}
    assert rows["sign"].figure == "-1.00, -1.00, -1.00"


@pytest.mark.parametrize(
    ("changes", "kind", "said"),
    [
        ({"path": ["fish", "births", "room"]}, "path", "'room' does not read 'births'"),
        ({"path": ["fish", "rooom", "births"]}, "path", "Nearest: room"),
        ({"path": ["fish", "room", "deaths"]}, "path", "does not read"),
        ({"sign": "+"}, "sign", ""),
        ({"sign": "x"}, "path", "not 'x'"),
        ({"cut": ["fish", "deaths"]}, "path", "not a step of it"),
        ({"excited_by": {}}, "knock-out", ""),
    ],
)
def test_what_is_wrong_with_a_loop_is_said(
    pond: Callable[..., Model], changes: dict[str, object], kind: str, said: str
) -> None:
    row = of(pond(), **changes)[kind]
    assert row.verdict == "miss"
    assert said in row.text


def test_an_open_sign_is_reported(pond: Callable[..., Model]) -> None:
    assert of(pond(), sign="?")["sign"].verdict == "info"


def test_a_loop_of_another_sign_is_seen_in_the_equations(pond: Callable[..., Model]) -> None:
    assert of(pond(room="MIN(1, 0.2 + fish/(10*ceiling))"))["sign"].verdict == "miss"


def test_derivatives_are_those_of_calculus(pond: Callable[..., Model]) -> None:
    model = pond()
    run = model.run(every=model.time["time step"], method="exact")
    paths = paths_of(run)
    steps = [("fish", "births"), ("fish", "fish"), ("fish", "room"), ("births", "fish")]
    found = derivatives(model, [(paths, {})], steps, [3])
    fish = run["fish"].iloc[3]
    assert found["fish", "births"][0, 0, 0] == pytest.approx(0.5 * (1 - fish / 100), rel=1e-6)  # room stands still
    assert found["fish", "room"][0, 0, 0] == pytest.approx(-0.01, rel=1e-6)
    assert found["births", "fish"][0, 0, 0] == pytest.approx(1, rel=1e-6)
    assert ("fish", "fish") in found


def test_the_gain_of_a_bundle_of_loops_is_its_trace() -> None:
    two = [("a",), ("b",)]
    slopes = {("x", "y"): np.array([[[1.0, 0.0], [0.0, 3.0]]]), ("y", "x"): np.array([[[2.0, 0.0], [0.0, -2.0]]])}
    assert loop_gain(["x", "y"], slopes, {"x": two, "y": two}) == pytest.approx([(2 - 6) / (2 + 6)])
    assert loop_gain(["x[a]", "y[a]"], slopes, {"x": two, "y": two}) == pytest.approx([1.0])


def test_initial_values_are_no_feedback(pond: Callable[..., Model]) -> None:
    text = POND + "first = INITIAL(fish) ~ fish ~ At first. |\nmore = INTEG(0*births, first) ~ fish ~ Still. |\n"
    graph = links(pond(text))
    assert not graph.has_edge("fish", "first")
    assert not graph.has_edge("first", "more")
    assert graph.has_edge("births", "more")


def test_loops_are_counted(pond: Callable[..., Model]) -> None:
    found = loops_of(pond())
    assert found.cores == (4,)
    assert (found.links, found.independent, found.short) == (6, 3, 3)
    assert [set(loop) for loop in found.shortest] == [
        {"births", "fish"},
        {"deaths", "fish"},
        {"births", "fish", "room"},
    ]
    assert loops_of(pond(), bound=2).short == 2


# -- 9 sensitivity ------------------------------------------------------------------------------------------------
def test_sensitivity_finds_what_moves_what(pond: Callable[..., Model]) -> None:
    text = (
        POND + "idle number = 1 ~ Dmnl [0,1] ~ Nothing. [uncertainty] [@guess] |\nuse = idle number ~ Dmnl ~ Nil. |\n"
    )
    spec = Spec(policy=(Policy("more deaths", {"death rate": 0.2}),), outcomes=("fish",))
    rows = {(r.kind, r.name): r for r in sensitivity_rows(pond(text), spec, 200, 1)}
    assert "ceiling (+" in rows["numerical", "fish"].text
    assert rows["numerical", "constants that move an outcome"].figure in ("1 of 3", "2 of 3")
    assert rows["policy", "more deaths"].figure == "1 of 1 effects keep their sign"
    assert rows["behavioural", "fish"].text.startswith("rises in the file")


def test_a_policy_whose_effect_turns_is_reported(pond: Callable[..., Model]) -> None:
    text = POND.replace("death rate*fish\n", "death rate*fish*(mood - 0.5)\n")
    text += "mood = 0.9 ~ Dmnl [0,1] ~ Mood. [uncertainty] [@guess] |\n"
    spec = Spec(policy=(Policy("more deaths", {"death rate": 0.2}),), outcomes=("fish",))
    rows = {(r.kind, r.name): r for r in sensitivity_rows(pond(text), spec, 200, 1)}
    assert rows["policy", "more deaths"].figure == "0 of 1 effects keep their sign"


# -- the file, the table, the command -----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("[model", ReadError, "is not valid TOML"),
        ("[model]\nbalances = 1", ReadError, "'balances'. Nearest: balance"),
        ("[[model.balance]]\nname = 'x'", ReadError, "lacks the key 'stocks'"),
        ("[[model.loop]]\nid = 'x'\nnmae = 'y'", ReadError, "Nearest: name"),
        ("[[model.behaviour]]\nname = 'x'\noutcome = 'fihs'\nexpect = 'rises'", UnknownNameError, "Nearest: fish"),
        ("[model]\nbalance = [3]", ReadError, "a row must be a table"),
    ],
)
def test_a_file_that_is_not_well_formed_is_refused(
    pond: Callable[..., Model], text: str, error: type[Exception], said: str
) -> None:
    model = pond()
    assert model.path is not None
    model.path.with_name("checks.toml").write_text(text.replace("model", model.name), encoding="utf-8")
    with pytest.raises(error, match=said):
        read_spec(model)


def test_a_model_without_a_file_is_tested_by_its_equations(pond: Callable[..., Model]) -> None:
    table = confidence(pond(), 20)
    assert set(table["test"]) == set(range(1, 10))
    missed = table[(table["verdict"] == "miss") & table["hard"]]
    assert missed["title"].tolist() == ["partial models"]


def test_the_command_counts_what_must_be_passed(pond: Callable[..., Model]) -> None:
    model = pond()
    assert model.path is not None
    spec = model.path.with_name("checks.toml")
    spec.write_text(f"[[{model.name}.behaviour]]\nname = 'fills'\noutcome = 'fish'\nexpect = 'rises'\n", "utf-8")
    call = ["check", str(model.path), "--all", "-n", "20"]
    done = CliRunner().invoke(app, call)
    assert done.exit_code == 0, done.output
    assert "8 structure\n" in done.stdout
    assert "9 sensitivity (reports)\n" in done.stdout
    spec.write_text(spec.read_text("utf-8").replace("rises", "falls"), "utf-8")
    done = CliRunner().invoke(app, call)
    assert done.exit_code == 1
    assert "1 misses in what must be passed" in done.stdout


def test_the_book_of_the_shipped_model_is_whole() -> None:
    """Quick: names, paths and counts; the command runs it all."""
    model = sdmodel.load("shandong")
    spec = read_spec(model)
    edges = set(links(model).edges)
    ids = {loop.id for loop in spec.loop}
    assert ids == {
        "R1b",
        "R3b",
        "R5b",
        *(f"R{i}" for i in range(1, 14) if i != 9),
        *(f"B{i}" for i in (*range(2, 10), 12)),
    }
    for loop in spec.loop:
        names = [entry.partition("[")[0] for entry in loop.path]
        assert set(zip(names, (*names[1:], names[0]), strict=True)) <= edges, loop.id
    for sector in model.sectors:
        assert len(read_spec(sdmodel.load(sector)).behaviour) >= 4, sector


def test_the_shipped_sectors_behave() -> None:
    for sector in sdmodel.load("shandong").sectors:
        one = sdmodel.load(sector)
        assert verdicts(partial_models({sector: one}, {sector: read_spec(one)})) == {"pass"}, sector


def test_the_table_has_its_columns(pond: Callable[..., Model]) -> None:
    table = confidence(pond(), 20)
    assert isinstance(table, pd.DataFrame)
    assert list(table.columns) == ["test", "title", "kind", "name", "figure", "limit", "verdict", "hard", "text"]


# -- the page -----------------------------------------------------------------------------------------------------
def test_the_page_is_made_from_its_record(monkeypatch: pytest.MonkeyPatch) -> None:
    """No figure on it is typed in, and a row missed is shown as one."""
    docs = Path(__file__).parents[2] / "docs"
    monkeypatch.syspath_prepend(str(docs / "_generate"))
    import confidence_page

    record = json.loads((docs / "models" / "confidence.json").read_text("utf-8"))
    assert (docs / "models" / "confidence.md").read_text("utf-8") == confidence_page.page(record)
    assert {row["test"] for row in record["rows"]} == set(range(1, 10))
    assert record["samples"] == 10_000
    row = {"test": 5, "kind": "a", "name": "b", "figure": "1", "limit": "0", "verdict": "miss", "text": ""}
    assert "**miss**" in confidence_page.page({**record, "rows": [row]})


def test_the_example_of_the_guide_passes(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    example = (root / "models" / "examples" / "checks.toml").read_text("utf-8")
    assert example in (root / "docs" / "how-to" / "own-model.md").read_text("utf-8")
    table = confidence(sdmodel.load("adoption"), 40)
    missed = table[table["verdict"] == "miss"]
    assert set(missed["title"]) <= {"extreme conditions", "integration error"}
    assert missed["text"].str.contains("'firms with' falls to").any()  # as the guide says
