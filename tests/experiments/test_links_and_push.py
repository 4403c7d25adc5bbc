"""The questions of links, alliances, services, culture, intervention and push on a few samples."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import sdmodel
from sdmodel.experiments import LIBRARY
from sdmodel.study.arms import MONEY, STEP
from sdmodel.study.finding import Finding
from sdmodel.study.paired import PUBLIC
from sdmodel.study.question import Question

PLAIN = ["alliances", "coordination", "culture", "intervention_mode", "matchmakers", "push"]
NAMES = [*PLAIN, "agglomeration", "embedding_order", "links", "synergy_within"]
SAMPLES = 6


def question(name: str) -> Question:
    found = LIBRARY[name]
    assert isinstance(found, Question)
    return found


def asked(name: str, model: sdmodel.Model) -> Finding:
    return question(name).ask(SAMPLES, 1, workers=1, progress=False, model=model)


@pytest.mark.parametrize("name", NAMES)
def test_each_prediction_is_planned_and_judged_in_every_sample(name: str, model: sdmodel.Model) -> None:
    one, finding = question(name), asked(name, model)
    assert [v.hypothesis for v in finding.verdicts] == [p.hypothesis for p in one.predictions]
    plan = " ".join(one.plan.split())
    for verdict in finding.verdicts:
        assert verdict.hypothesis in plan
        assert verdict.favour + verdict.neither + verdict.opposite == verdict.samples == SAMPLES
    assert "nan" not in finding.headline
    if name == "embedding_order":
        money = finding.table.pivot(index="sample", columns="arm", values=PUBLIC)
        orders = money.sub(money["as it is"], axis=0).drop(columns=["as it is", "all at once"])
        assert (orders.max(axis=1) < 1.1 * orders.min(axis=1)).all()  # discounting differs by their dates
    if name == "push":
        draws = sdmodel.latin_hypercube(model.uncertainties, SAMPLES, rng=1).drop(columns="sample")
        run = model.run({**draws.iloc[3], "TIME STEP": STEP, **one.arms["on all firms"]}, every=0.5, method="exact")
        row = finding.table.set_index(["arm", "sample"]).loc[("on all firms", 3)]
        assert row[PUBLIC] == pytest.approx(run[MONEY].iloc[-1], rel=1e-5)
        assert row["firms on the new track"] == pytest.approx(run["new track share"].iloc[-1], rel=1e-5)


def test_each_hypothesis_has_one_bare_prediction() -> None:
    ids = [p.hypothesis for name in NAMES for p in question(name).predictions]
    assert len(ids) == len(set(ids))
    assert {i.partition(" (")[0] for i in ids} - {"H30"} == {i for i in ids if "(" not in i}  # H30 cannot be asked


def test_orders_of_embedding_have_the_same_budget_by_2030() -> None:
    for setting in list(question("embedding_order").arms.values())[1:]:
        spent = [
            setting[f"{kind} embedding budget"] * (2030 - setting[f"{kind} embedding starts"])
            for kind in ("actor", "social", "culture")
        ]
        assert sum(spent) == 720


def test_settings_act_from_the_policy_start_only(model: sdmodel.Model) -> None:
    settings = [setting for name in PLAIN for setting in question(name).arms.values()]
    usual = model.parameters()["value"]
    design = pd.DataFrame(settings).apply(lambda column: column.fillna(usual[column.name]))
    names = ["all firms", "self organisation index"]
    found = model.sweep(design, names, every=1, progress=False, certificate=0, workers=1).sel(time=slice(None, 2034))
    for name in names:
        paths = found[name].transpose("run", "time").to_numpy()
        np.testing.assert_allclose(paths[:, :6], paths[[0], :6].repeat(len(paths), axis=0), rtol=1e-12)  # 2009 to 2014
        moved = np.abs(paths[:, -1] / paths[0, -1] - 1) > 1e-6
        assert (moved == [bool(setting) for setting in settings]).all()
