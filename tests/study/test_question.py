"""A question from its data to its finding, on a model whose answers are known in closed form."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import sdmodel
from sdmodel.core.errors import DesignError, EquationError, UnknownNameError
from sdmodel.core.resources import shipped
from sdmodel.experiments import LIBRARY
from sdmodel.plot.style import texts_of
from sdmodel.study.conditions import Condition
from sdmodel.study.finding import Finding, current, stale
from sdmodel.study.outcomes import measure
from sdmodel.study.paired import Paired
from sdmodel.study.phrases import Phrases
from sdmodel.study.plain import plainly
from sdmodel.study.question import ONE_BUDGET, Equal, Loop, Prediction, Question
from sdmodel.study.question_file import question_of, table_of
from sdmodel.study.sampling import RANGE_FACTORS, widened, wider_samples
from sdmodel.study.shared import Shared
from sdmodel.study.translation import Say, Translation

FOLDER = Path(str(shipped("experiments")))
FINDINGS = Path(__file__).parents[2] / "docs" / "findings"
TEXT = """
present value of public money = INTEG(price a*a+price b*b, 0) ~ million CNY ~ |
price a = 2 ~ 1/Year [1,3] ~ Price of a. [uncertainty] [@guess] |
price b = 4 ~ 1/Year [2,8] ~ Price of b. [uncertainty loguniform] [@guess] |
worth of b = 3 ~ 1/Year [0,6] ~ Worth of b; none at 0. [uncertainty] [@guess] |
a = 0 ~ million CNY [0,10] ~ Size of a. [lever P01] |
b = 0 ~ million CNY [0,10] ~ Size of b. [lever P02] |
gain = a+worth of b*b ~ million CNY/Year ~ Gain. |
fed = gain*0.1 ~ million CNY/Year ~ What comes back. |
stock = INTEG(gain+fed, 5) ~ million CNY ~ Stock. |
knowledge = stock ~ million CNY ~ One of the standard outcomes. |
real social discount rate = 0.04 ~ 1/Year [0.03,0.08] ~ Rate. [fixed] |
"""
NONE, A, B, HALF = "none", "a", "b", "half of each"


@pytest.fixture
def model(model_from: Callable[..., sdmodel.Model]) -> sdmodel.Model:
    return model_from(TEXT)


def question(**more: object) -> Question:
    given: dict[str, object] = {
        "name": "toy",
        "asks": "Which is better?",
        "arms": {NONE: {}, A: {"a": 1.0}},
        "equal": [Equal(A, "b", {B: {}}, start=0.1, size="a"),
                  Equal(A, {"b": (0.0, 10.0)}, {HALF: {"a": 0.5}}, start=0.1, size="a")],
        "measures": {"stock": measure("final('stock')")},
        "predictions": [
            Prediction("H01", "that b beats a", "million CNY", 0.01, "emergent", "x", B, A, "stock", "difference"),
            Prediction("H01 (per yuan)", "that b brings more than one half a yuan", "yuan per yuan", 0.5, "built in",
                       "y", B, NONE, "stock", "per yuan"),
        ],
        "loops": [Loop("R", "gain", "fed", NONE, [A, B, HALF])],
        "headline": lambda f, p: Say("It holds in {share:.0%}", share=f.verdict("H01").shares[0]),
        "paths": ("stock", [A, B]),
        "samples": 40,
        "every": 1.0,
    }  # fmt: skip
    return Question(**{**given, **more})


@pytest.fixture
def finding(model: sdmodel.Model) -> Finding:
    return question().ask(40, 3, workers=1, progress=False, model=model)


def test_the_share_is_that_of_the_formula(model: sdmodel.Model, finding: Finding) -> None:
    draws = sdmodel.latin_hypercube(model.uncertainties, 40, rng=3)
    b = draws["price a"] / draws["price b"]  # what costs as much as one a
    length = model.time["final time"] - model.time["initial time"]
    exact = 1.1 * length * (draws["worth of b"] * b - 1)
    rows = finding.table.set_index(["arm", "sample"])["stock"]
    assert (rows[B] - rows[A]).to_numpy() == pytest.approx(exact.to_numpy(), rel=0.01, abs=0.05)
    first, second = finding.verdicts
    assert first.favour == int((rows[B] - rows[A] > 0.01).sum())
    assert first.opposite == int((rows[B] - rows[A] < -0.01).sum())
    assert first.samples == 40
    assert first.effect[0] == pytest.approx(np.median(exact), rel=0.02, abs=0.05)
    assert second.word == "true by construction"
    assert finding.headline == f"It holds in {first.shares[0]:.0%}"


def test_every_pair_of_arms_is_compared_on_the_standard_outcomes(finding: Finding) -> None:
    """The toy has one of them, `knowledge`, and public money."""
    arms = [NONE, A, B, HALF]
    rows = finding.outcomes
    pairs = set(zip(rows["arm"], rows["against"], rows["outcome"], strict=True))
    both = ("knowledge", "public money")
    assert pairs == {(arm, other, what) for i, arm in enumerate(arms) for other in arms[:i] for what in both}
    table = finding.table.set_index(["arm", "sample"])
    change = 100 * (table["knowledge"][B] / table["knowledge"][A] - 1)
    row = rows[(rows["arm"] == B) & (rows["against"] == A) & (rows["outcome"] == "knowledge")].iloc[0]
    assert (row["favour"], row["opposite"]) == ((change > 1).sum(), (change < -1).sum())
    assert row["median"] == pytest.approx(change.median())
    against = rows[(rows["arm"] == B) & (rows["against"] == NONE) & (rows["outcome"] == "knowledge")].iloc[0]
    each = (table["knowledge"][B] - table["knowledge"][NONE]) / (table["public money"][B] - table["public money"][NONE])
    assert against["per_yuan"] == pytest.approx(each.median())


def test_regret_is_what_an_arm_lacks_to_the_best_of_the_sample(finding: Finding) -> None:
    known = finding.table.pivot(index="sample", columns="arm", values="knowledge")[[A, B, HALF]]
    lost = 100 * (1 - known.div(known.max(axis=1), axis=0))
    rows = finding.regret.set_index("arm")
    assert rows.loc[[A, B, HALF], "expected"].to_numpy() == pytest.approx(lost.mean().to_numpy())
    assert rows.loc[[A, B, HALF], "high"].to_numpy() == pytest.approx(lost.quantile(0.95).to_numpy())


def test_two_arms_are_told_in_either_order(finding: Finding) -> None:
    one, other = finding.compare(B, A), finding.compare(A, B)
    assert one["favour"].tolist() == other["opposite"].tolist()
    with pytest.raises(UnknownNameError, match="no arm 'c'"):
        finding.compare("c", A)


def test_a_finding_is_told_in_three_sentences(finding: Finding) -> None:
    first, second, third = plainly(finding)
    assert first == f"{finding.headline}."
    assert second == "'b' against 'a': none of 1 outcomes in 2034 differs in three samples of four."
    assert third == "No single constant decides that b beats a."
    known = dataclasses.replace(
        finding.verdicts[0], deciding=(Condition("price a", "high", (0.9, 0, 0.1), (0.2, 0, 0.8)),)
    )
    told = plainly(dataclasses.replace(finding, verdicts=[known]), Phrases({"price a": {"high": "where a is dear"}}))
    assert told[2] == "That b beats a is right in 90% of samples where a is dear, in 20% elsewhere."


def test_money_is_equal_in_every_arm(finding: Finding) -> None:
    money = finding.table.pivot(index="sample", columns="arm", values="public money")
    for arm in (B, HALF):
        assert money[arm].to_numpy() == pytest.approx(money[A].to_numpy(), rel=0.0051)


def test_a_held_link_takes_its_loop_out(finding: Finding) -> None:
    told = dict(finding.verdicts[1].loops)
    assert told["R"] == pytest.approx(finding.verdicts[1].effect[0] / 1.1, rel=0.02)  # a tenth comes back


def test_other_ranges_are_told(finding: Finding) -> None:
    assert [label for label, *_ in finding.verdicts[0].elsewhere] == [*RANGE_FACTORS, ONE_BUDGET]
    assert all(sum(counts) == 40 for _, *counts in finding.verdicts[0].elsewhere)


def test_one_budget_is_spent_by_the_arm_that_sets_it_as_well(model: sdmodel.Model) -> None:
    from sdmodel.study.arms import Arms

    requested = question()
    draws = sdmodel.latin_hypercube(model.uncertainties, 20, rng=1)
    arms = Arms(model, draws, requested.outputs(model), every=1.0, workers=1, progress=False)
    paired = requested.run(arms, "", budget=12.0).paired
    for arm in (A, B):
        assert paired["public money", arm] == pytest.approx(np.full(20, 12.0), rel=0.0051)


def test_a_budget_is_spent_in_every_sample(model: sdmodel.Model) -> None:
    alone = question(equal=[Equal("", "b", {B: {}}, start=0.1, budget=12.0)], loops=[], paths=("stock", [B]))
    found = alone.ask(20, 3, workers=1, progress=False, model=model)
    money = found.table.pivot(index="sample", columns="arm", values="public money")
    assert (money[B] - money[NONE]).to_numpy() == pytest.approx(np.full(20, 12.0), rel=0.0051)
    assert set(found.regret["arm"]) <= {B}


def test_each_arm_has_a_mix_of_its_own_up_to_where_its_constants_end(model: sdmodel.Model) -> None:
    mixes = {A: {"a": (0.0, 1.0)}, B: {"b": (0.0, 2.0)}, HALF: {"a": (0.0, 1.0), "b": (0.0, 1.0)}}
    given = Equal("", "", {arm: {} for arm in mixes}, budget=12.0, mixes=mixes)
    found = question(arms={NONE: {}}, equal=[given], loops=[]).ask(20, 3, workers=1, progress=False, model=model)
    money = found.table.pivot(index="sample", columns="arm", values="public money")
    np.testing.assert_allclose(money[list(mixes)].sub(money[NONE], axis=0), 12.0, rtol=0.0051)
    dear = question(arms={NONE: {}}, equal=[replace(given, budget=1e6)], loops=[])
    most = dear.ask(5, 3, workers=1, progress=False, model=model)
    assert most.verdicts[0].samples == 0


def test_the_finding_is_written(finding: Finding, tmp_path: Path) -> None:
    files = [p.name for p in finding.save(tmp_path)]
    assert files == ["toy.png", "toy.csv", "toy.txt", "toy.json"]
    saved = json.loads((tmp_path / "toy.json").read_text(encoding="utf-8"))
    assert saved["verdicts"][0]["shares"] == list(finding.verdicts[0].shares)
    assert saved["record"]["runs"] > 40 * 4
    loaded = Finding.load(tmp_path / "toy.json")
    assert loaded.verdicts == finding.verdicts
    assert loaded.headline == finding.headline
    for name in ("outcomes", "regret", "paths"):
        pd.testing.assert_frame_equal(getattr(loaded, name), getattr(finding, name), check_dtype=False)


def test_no_text_of_the_figure_covers_another(finding: Finding) -> None:
    long = [dataclasses.replace(v, says=f"that {'something long happens and ' * 6}ends") for v in finding.verdicts]
    fig = dataclasses.replace(finding, verdicts=long, headline="A headline that takes two lines at least " * 3).drawn()[
        "toy"
    ]
    fig.draw_without_rendering()
    texts = [text for text in texts_of(fig) if text.get_text().strip() and text.get_visible()]
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts]
    assert len(boxes) > 15
    assert not [(a, b) for i, (a, one) in enumerate(boxes) for b, other in boxes[:i] if one.overlaps(other)]
    assert all(fig.bbox.x0 <= box.x0 and box.x1 <= fig.bbox.x1 for _, box in boxes)


def test_a_link_that_is_not_there_is_refused_before_the_first_run(model: sdmodel.Model) -> None:
    with pytest.raises(EquationError, match="'stock' does not read 'price a'"):
        question(loops=[Loop("R", "price a", "stock", NONE, [A])]).ask(4, model=model, progress=False)


def test_money_that_cannot_be_spent_is_left_out_and_counted(model_from: Callable[..., sdmodel.Model]) -> None:
    dear = model_from(TEXT.replace("b = 0 ~ million CNY [0,10]", "b = 0 ~ million CNY [0,0.5]"))
    only_b = question(equal=[Equal(A, "b", {B: {}}, start=0.1)], loops=[])
    found = only_b.ask(40, 3, workers=1, progress=False, model=dear)
    verdict = found.verdicts[0]
    rows = found.table.set_index(["arm", "sample"])["stock"]
    assert verdict.samples == int(rows[B].notna().sum()) < 40
    assert any("cannot be made equal" in note for note in found.notes)


def test_an_arm_that_is_not_there_is_named(model: sdmodel.Model) -> None:
    bad = Prediction("H01", "that", "", 1.0, "emergent", "x", formula=lambda p: p["stock", "c"])
    with pytest.raises(UnknownNameError, match=r"no arm 'c'"):
        question(predictions=[bad]).ask(4, model=model, progress=False)
    with pytest.raises(DesignError, match="is not an arm of 'toy'"):
        question(loops=[Loop("R", "gain", "fed", NONE, ["c"])]).ask(4, model=model, progress=False)


def test_questions_of_one_process_share_the_runs_of_the_reference(model: sdmodel.Model, finding: Finding) -> None:
    shared = Shared(lambda _: ["stock", "knowledge", "fed"])
    first = question(shared=shared).ask(40, 3, workers=1, progress=False, model=model)
    second = question(shared=shared, paths=("fed", [A])).ask(40, 3, workers=1, progress=False, model=model)
    third = question(shared=shared).ask(40, 3, workers=1, progress=False, model=model)
    runs = [one.record["runs"] for one in (first, second, third)]
    assert runs[0] == runs[1]  # the second needs more, and what all need is run
    assert runs[2] == runs[0] - 40 * len(RANGE_FACTORS)  # of which one has the samples of the finding itself here
    other = question(shared=shared).ask(40, 4, workers=1, progress=False, model=model)
    assert other.record["runs"] == runs[0]  # other samples
    for one in (first, second, third):
        pd.testing.assert_frame_equal(one.table, finding.table)
        assert one.verdicts == finding.verdicts


# -- measures -----------------------------------------------------------------------------------------------------
def test_measures_of_a_known_path() -> None:
    time = np.arange(2009.0, 2034.1, 1.0)
    path = xr.DataArray(np.tile(time - 2009, (1, 2, 1)), dims=("setting", "sample", "time"), coords={"time": time})
    found = xr.Dataset({"x": path, "y": 2 * path + 1})
    draws = pd.DataFrame({"real social discount rate": [0.04, 0.08]})
    values = {
        "end": measure("final('x')"), "then": measure("at('x', 2015)"), "mean": measure("average('x')"),
        "low": measure("lowest('x')"), "ratio": measure("final('y') / final('x')"),
        "when": measure("first_above('x', 10.5)"), "never": measure("first_above('x', 99)"),
        "weighted": measure("weighted('x', 'y', 2033)"),
    }  # fmt: skip
    one = {name: float(m.of(found, draws).to_numpy()[0, 0]) for name, m in values.items()}
    assert one == pytest.approx(
        {"end": 25, "then": 6, "mean": 15.5, "low": 6, "ratio": 51 / 25, "when": 2020, "never": np.inf,
         "weighted": (24 * 49 + 25 * 51) / 100}
    )  # fmt: skip
    flat = xr.Dataset({"x": xr.ones_like(path)})
    exact = (1 - np.exp(-19 * np.array([0.04, 0.08]))) / [0.04, 0.08]
    assert measure("present_value('x')").of(flat, draws).to_numpy()[0] == pytest.approx(exact, rel=1e-3)


def test_a_failed_run_and_unequal_money_are_no_numbers() -> None:
    paired = Paired("none")
    found = xr.Dataset(
        {
            "x": (("setting", "sample", "time"), np.ones((2, 3, 2))),
            "present value of public money": (("setting", "sample", "time"), np.ones((2, 3, 2))),
            "status": (("setting", "sample"), [[0, 1, 0], [0, 0, 0]]),
        },
        {"setting": ["none", "some"], "time": [2015.0, 2034.0]},
    )
    spent = np.array([[True] * 3, [True, True, False]])
    paired.add(found, {"x": measure("final('x')")}, pd.DataFrame(index=range(3)), spent)
    assert np.isnan(paired["x", "none"]).tolist() == [False, True, False]
    assert np.isnan(paired["x", "some"]).tolist() == [False, False, True]
    assert np.isnan(paired.cost("some")).all()  # no money, no yuan to divide by
    with pytest.raises(UnknownNameError, match="no measure 'z'"):
        paired["z", "some"]


# -- widths -------------------------------------------------------------------------------------------------------
def test_ranges_are_stretched_about_the_value(model: sdmodel.Model) -> None:
    half, double = widened(model, 0.5), widened(model, 2.0)
    assert (half["price a"].low, half["price a"].high) == (1.5, 2.5)
    assert (double["price a"].low, double["price a"].high) == (0, 4)
    assert half["price b"].limits == pytest.approx((8**0.5, 32**0.5))  # in logarithms
    assert double["price b"].limits == pytest.approx((1, 16))
    assert double["worth of b"].low == 0  # what cannot be negative stays so
    assert double["a"].limits == model["a"].limits  # a lever keeps its range
    for factor, low, high in ((0.5, 1.5, 2.5), (1.0, 1.0, 3.0), (2.0, 0.0, 4.0)):
        other, draws = wider_samples(model, factor, 200, 1)
        assert low <= draws["price a"].min() < low + 0.05 * (high - low)
        assert high - 0.05 * (high - low) < draws["price a"].max() <= high
        assert (other is model) == (factor <= 1)  # what an arm sets must stay in the range of the file
    logs = np.log(draws["price b"])
    assert logs.min() == pytest.approx(0, abs=0.1)
    assert logs.max() == pytest.approx(np.log(16), abs=0.1)
    assert not draws.equals(wider_samples(model, 2.0, 200, 2)[1])
    other.sweep(draws, ["stock"], progress=False)  # and may be run there


# -- words --------------------------------------------------------------------------------------------------------
def test_a_sentence_keeps_its_template_and_values() -> None:
    one = Say("{name} in {share:.0%} of samples", name="left", share=0.5)
    assert one == "left in 50% of samples"
    chinese = Translation("zh", {one.template: "{share:.0%} 的样本：{name}", "left": "退出"})
    assert chinese(one) == "50% 的样本：退出"
    assert Translation()(one) is one
    assert chinese.missing == set()
    assert chinese("right") == "right"  # English where there is no text yet, and it is listed
    assert chinese.missing == {"right"}


# -- records --------------------------------------------------------------------------------------------------------
def test_a_record_names_its_composition_and_says_when_it_is_stale(finding: Finding, model: sdmodel.Model) -> None:
    assert finding.record["composition"] == model.fingerprint
    assert stale(finding.record, model) == ""
    other = model.replace("worth of b", 2.0)
    assert stale(finding.record, other).startswith("The finding is of another composition")
    assert stale({"model_hash": other.fingerprint}, other) == ""  # of a record made before compositions were named
    assert "changed model" in stale({"model_hash": "x"}, model)
    assert "not named" in stale({}, model)


def test_a_saved_finding_is_current_for_the_same_model_question_samples_and_seed(
    finding: Finding, model: sdmodel.Model
) -> None:
    record = {**finding.record, "digest": "abc"}
    assert current(record, model, "abc", 40, 3)
    assert not current(record, model, "abd", 40, 3)
    assert not current(record, model, "abc", 41, 3)
    assert not current(record, model, "abc", 40, 1)
    assert not current(record, model.replace("worth of b", 2.0), "abc", 40, 3)
    assert not current(finding.record, model, "", 40, 3)  # a question that came from no file


def test_the_digest_of_a_file_changes_with_it() -> None:
    table = table_of("procurement", (FOLDER / "procurement.toml").read_text(encoding="utf-8"))
    one = question_of("procurement", table)
    assert one.digest == question_of("procurement", table).digest != ""
    assert one.digest != question_of("procurement", {**table, "plan": "another"}).digest
    assert one.digest != question_of("procurement", table, overlays={"x.mdl": "y"}).digest


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"holds": "abs(effect) > 1"}, "'H10' has 'holds'"),
        ({"least": 0}, "'least', above 0"),
        ({"says": "It works"}, "begins with 'that'"),
        ({"effect": "gain('x', 'a')"}, "has both 'effect' and 'arm'"),
        ({"by": "ratio"}, "no way to compare 'ratio'"),
        ({"expects": "much"}, "expects 'much'"),
        ({"hope": 1}, "no key of procurement.toml 'hope'"),
    ],
)
def test_a_faulty_prediction_is_refused_by_name(change: dict[str, object], message: str) -> None:
    table = table_of("procurement", (FOLDER / "procurement.toml").read_text(encoding="utf-8"))
    table["prediction"][0] |= change
    with pytest.raises((DesignError, UnknownNameError), match=message):
        question_of("procurement", table)


def test_a_measure_does_not_take_the_name_of_a_standard_outcome() -> None:
    table = table_of("procurement", (FOLDER / "procurement.toml").read_text(encoding="utf-8"))
    table["measures"]["own RnD"] = "present_value('own RnD')"
    with pytest.raises(DesignError, match="'own RnD' has the name of a standard outcome"):
        question_of("procurement", table)


def test_stale_findings_are_listed() -> None:
    """A finding on record may be of an older model until it is asked again; this is the list of them, and no fault."""
    model, old = sdmodel.load("shandong"), []
    for path in sorted(FINDINGS.glob("*.json")):
        why = stale(json.loads(path.read_text(encoding="utf-8"))["record"], model)
        old += [f"{path.stem}: {why}"] if why else []
    if old:
        pytest.skip(f"{len(old)} findings are to be asked again:\n" + "\n".join(old))


def test_one_budget_is_the_median_of_what_the_arm_spends(
    model_from: Callable[..., sdmodel.Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an arm spends is skewed here, so that the mean would be another sum."""
    skewed = model_from(TEXT.replace("price a*a+", "price a^4*a+"))
    budgets, run = [], Question.run

    def seen(self: Question, *args: object, **more: object) -> object:
        budgets.append(more.get("budget"))
        return run(self, *args, **more)

    monkeypatch.setattr(Question, "run", seen)
    found = question(loops=[]).ask(40, 3, workers=1, progress=False, model=skewed)
    money = found.table.set_index(["arm", "sample"])["public money"]
    extra = money.loc[A] - money.loc[NONE]
    assert extra.mean() > 1.2 * extra.median()
    assert [b for b in budgets if b is not None] == [pytest.approx(extra.median(), rel=1e-12)]


def test_every_hypothesis_is_asked_once_under_its_bare_id_or_says_why_not() -> None:
    asked = [
        p.hypothesis for q in map(LIBRARY.__getitem__, LIBRARY.names) if isinstance(q, Question) for p in q.predictions
    ]
    assert len(set(asked)) == len(asked)
    bare = {name for name in asked if " " not in name}
    assert bare == {name for name, h in LIBRARY.hypotheses.items() if not h.cannot}
    assert {name.partition(" ")[0] for name in asked} <= set(LIBRARY.hypotheses)


def test_findings_on_record_are_of_full_size() -> None:
    records = [json.loads(p.read_text(encoding="utf-8")) for p in sorted(FINDINGS.glob("*.json"))]
    for record in (record["record"] for record in records if record["record"]["experiment"] in LIBRARY.names):
        assert record["samples"] >= getattr(LIBRARY[record["experiment"]], "samples", 1)
