"""What the sentences of the models say of starts: rest, growth, and indices that are one."""

from __future__ import annotations

import pytest

import sdmodel

QUALITIES = ("weak", "strong")
TURNOVER = {"exit fraction[weak]": 0.1, "exit fraction[strong]": 0.1}
"""Exits at the turnover in 2009, which initial values count with."""


def net_flows(name: str, values: dict[str, float]) -> dict[str, float]:
    """Net flow of each stock of a sector at the start, over its size: one step of Euler's method."""
    model = sdmodel.load(name)
    step = model.time["time step"]
    run = model.run({**values, "FINAL TIME": 2009 + 2 * step}, method="euler", every=step)
    stocks = {v.name for v in model.equations.values() if v.kind == "stock"}
    table = run.to_dataframe()
    kept = [c for c in table.columns if c.partition("[")[0] in stocks and table[c].iloc[0]]
    return {c: (table[c].iloc[1] / table[c].iloc[0] - 1) / step for c in kept}


def test_what_synergy_builds_on_starts_at_rest() -> None:
    found = net_flows("synergy", {})
    assert len(found) == 5
    assert list(found.values()) == pytest.approx([0] * 5, abs=1e-12)


def test_links_services_and_culture_start_at_rest() -> None:
    """At the turnover of 2009 and without programmes; project links lose what is deepened."""
    programmes = {"vouchers": 0, "brokered links": 0, "alliance recruitment": 0}
    found = net_flows("network", {**TURNOVER, **programmes, "contributing share in 2009": 0.4, "political response": 0})
    for name in ("deep links", "university links", "market service capacity", "trust", "institutions", "shared values"):
        assert found[name] == pytest.approx(0, abs=1e-12), name
    run = sdmodel.load("network").run({**TURNOVER, **programmes, "contributing share in 2009": 0.4}, every=5)
    assert found["project links"] == pytest.approx(-run["deepening"].iloc[0] / run["project links"].iloc[0])
    assert found["public service capacity"] == pytest.approx(0, abs=1e-12)


def test_firms_start_at_the_growth_before_2009_in_every_age_and_quality() -> None:
    """Without spin-offs, upgrades and protection births keep the ages of a growing population, of both qualities."""
    quiet = {"government led constraint": 1, "protection": 0, "growth to medium size": 0, "competition strength": 0.35}
    for values in ({}, {"strong share of entrants": 0.3, "endowment time": 1.5, "learning rate": 0.03}):
        # The ages were made with hazards that nothing presses on, so both qualities are under one pressure here.
        pressures = ("distress share", "new product part", "factor synergy")
        even = {f"{name}[{q}]": 0.3 for name in pressures for q in QUALITIES}
        found = net_flows("firms", {**quiet, **even, **values})
        run = sdmodel.load("firms").run({**quiet, **even, **values}, every=5)
        assert run["all firms"].iloc[0] == pytest.approx(5800)
        at = {q: {age: run[f"firms[{q},{age}]"].iloc[0] for age in ("f1", "f2", "f3", "exposed")} for q in QUALITIES}
        for q in QUALITIES:
            assert found[f"firms[{q},exposed]"] == pytest.approx(0.03, abs=1e-9)
        for age in at["weak"]:  # who learns or declines leaves one quality for the other
            flow = sum(found[f"firms[{q},{age}]"] * at[q][age] for q in QUALITIES)
            assert flow == pytest.approx(0.03 * sum(at[q][age] for q in QUALITIES), rel=1e-9)


def test_experienced_staff_starts_at_rest_and_staff_at_its_part_of_what_is_asked_for() -> None:
    exits = dict.fromkeys(TURNOVER, 1 / 6)  # of which firms that go on keep four in ten: a tenth is lost
    assert net_flows("talent", exits)["experienced staff"] == pytest.approx(0, abs=1e-12)
    run = sdmodel.load("talent").run(exits, every=5)
    at = {name: run[name].iloc[0] for name in ("RnD staff", "desired staff", "vacancies", "hires", "quits")}
    assert at["RnD staff"] == pytest.approx(0.8 * at["desired staff"])
    leaving = 0.3 * (1 - 0.35) + 0.1
    assert at["hires"] == pytest.approx(leaving * at["RnD staff"])
    assert at["vacancies"] == pytest.approx(at["hires"] * 0.21 / 0.35)


def test_rnd_under_way_and_knowledge_start_at_rest() -> None:
    """At the RnD and the turnover that initial values count with, births in place of exits."""
    still = {f"{name}[{q}]": 0.0 for name in ("public RnD", "upgrade fraction") for q in QUALITIES}
    still |= {"entrants[weak]": 222.0, "entrants[strong]": 278.0}  # a tenth of the firms
    still |= {"learning fraction": 0, "decline fraction": 0, "staffed part": 0.75}
    found = net_flows("rd_investment", {**TURNOVER, **still})
    for name in ("RnD under way", "knowledge"):
        for q in QUALITIES:
            assert found[f"{name}[{q}]"] == pytest.approx(0, abs=1e-12), q


ONE = {"RnD cost index": 2009, "demand per firm": 2009, "spillover index": 2009, "regional RnD index": 2014}


def test_indices_are_one_where_they_say_so_in_samples() -> None:
    model = sdmodel.load("shandong").replace("FINAL TIME", 2014)
    draws = sdmodel.latin_hypercube(model.uncertainties, 2, rng=2).drop(columns="sample")
    for values in ({}, *draws.to_dict("records")):
        run = model.run(values, every=5)
        for name, year in ONE.items():
            assert f"one {'at the start' if year == 2009 else f'in {year}'}" in model[name].sentence
            assert run[name].loc[year] == pytest.approx(1, abs=1e-4), name  # a value of a table has three digits
        assert run["conversion index"].iloc[0].tolist() == pytest.approx([1, 1])
        synergy = run["absorption"].iloc[0] ** (1 / run.constants["synergy effect on absorption"])
        assert synergy.mean() == pytest.approx(1)
