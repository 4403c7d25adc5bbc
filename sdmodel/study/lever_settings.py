"""Settings of the levers that `measured` compares, each with the state in which it can act.

Sizes are choices, made to be large enough to see and inside every lever's range; they are no proposals.
"""

from __future__ import annotations

Values = dict[str, float]
FUND = {"extra compensation capital": 30.0}
RISING = {"progressive deduction size": 1.0}
LEAVING = {"exit start": 2020.0}
PUSHED = {"push size": 1.0, "push start": 2018.0}

SETTINGS: dict[str, tuple[Values, Values]] = {
    # tax
    "extra deduction ended": ({"law deduction kept": 0}, {}),
    "flat extra deduction +50 %": ({"flat extra deduction": 0.5}, {}),
    "progressive deduction, top +100 %": ({"progressive deduction size": 1}, {}),
    "progressive, steps from band b2 up even": (
        {f"progressive deduction shape[b{i}]": v for i, v in zip(range(1, 6), (0.2, 0.4, 0.6, 0.8, 1), strict=True)},
        RISING,
    ),
    "progressive, thresholds a quarter higher": ({"threshold scale": 1.25}, RISING),
    "progressive by whole amount": ({"whole amount rule": 1}, RISING),
    "deduction for growing RnD only": ({"growth rule": 1}, {}),
    "small-profit ceiling +0.5": ({"extra small profit ceiling": 0.5}, {}),
    "unused deduction carried 5 years longer": ({"extra loss carry period": 5}, {}),
    "accelerated depreciation +40 points": ({"extra depreciation speed": 0.4}, {}),
    # grants
    "three times the grants": ({"grant number": 3}, {}),
    "grants of double size": ({"grant size": 0.8}, {}),
    "three times the selective awards": ({"selective programme": 3}, {}),
    "matching one to one": ({"matching required": 1}, {"grant number": 3}),
    "all grants in advance": ({"shift to advance payment": 1}, {"grant number": 3}),
    "generic technology 20 a year": ({"generic technology budget": 20}, {}),
    "half of a failed project insured": ({"insured part of a failure": 0.5}, {}),
    "all grants afterwards": ({"shift to advance payment": -1}, {"grant number": 3}),
    "payment on the early stage": ({"stage emphasis[middle]": 0.05, "stage emphasis[late]": 0.05}, {"grant number": 3}),
    "payment on the late stage": ({"stage emphasis[early]": 0.05, "stage emphasis[middle]": 0.05}, {"grant number": 3}),
    "protection of weak firms times five": ({"protection programme": 5}, {}),
    "protection of weak firms ended": ({"protection programme": 0}, {}),
    # finance
    "interest subsidy +20 %": ({"extra interest subsidy": 0.2}, {}),
    "guarantee capital +50 a year": ({"extra guarantee capital": 50}, {}),
    "guarantee multiple 2 instead of 10": ({"guarantee multiple allowed": 2}, {}),
    "compensation fund and pool +30 a year": (FUND, {}),
    "compensation 80 % of a loss": ({"risk compensation allowed": 0.8}, FUND),
    "all of it to the deposit pool": ({"deposit pool share": 1}, FUND),
    "IP pledge times three": ({"IP pledge programme": 3}, {}),
    "certification by track record": ({"certification": 0.5}, {}),
    "public venture money times five": ({"venture programme": 5}, {}),
    "half of private venture losses borne": ({"venture compensation": 0.5}, FUND),
    # markets, entry, place
    "procurement 100 a year": ({"procurement budget": 100}, {}),
    "IP protection 20 a year": ({"IP protection budget": 20}, {}),
    "market access 20 a year": ({"market access budget": 20}, {}),
    "fees of founding given up, 10 a year": ({"fee relief budget": 10}, {}),
    "start-up grants times three": ({"start up programme": 3}, {}),
    "spin-offs set free": ({"spin off constraint": 0}, {}),
    "zone preference doubled": ({"zone programme": 2}, {}),
    # services, links, culture
    "public services doubled": ({"service programme": 2}, {}),
    "market entry of services 10 a year": ({"market entry budget": 10}, {}),
    "brokerage times three": ({"brokerage programme": 3}, {}),
    "links opened by universities": ({"initiative of universities": 1}, {"brokerage programme": 3}),
    "vouchers doubled": ({"voucher budget": 96.4}, {}),
    "alliance recruitment doubled": ({"alliance programme": 2}, {}),
    "benefit mechanism 0.5": ({"benefit mechanism": 0.5}, {}),
    "alliances led by associations": ({"alliance leadership": 0}, {}),
    "pay support of 0.02 a person": ({"talent top up size": 0.02}, {}),
    "mobility worth 0.02 a person": ({"mobility programme": 0.02}, {}),
    "public information 10 a year": ({"information budget": 10}, {}),
    "RnD infrastructure 20 a year": ({"RnD infrastructure budget": 20}, {}),
    "three times the advisers": ({"adviser programme": 3}, {}),
    "advocacy 10 a year": ({"advocacy budget": 10}, {}),
    "institution rules 10 a year": ({"institution budget": 10}, {}),
    # government itself
    "coordination 10 a year": ({"coordination budget": 10}, {}),
    "implementing rules 10 a year": ({"implementing rules budget": 10}, {}),
    "all programmes doubled": ({"programme scale": 2}, {}),
    "budget cap 100 a year": ({"annual budget cap": 100}, {}),
    "levers phased in over five years": ({"policy ramp time": 5}, {"programme scale": 2}),
    "support by rule, not case by case": ({"administrative share": 0}, {}),
    "no direction of RnD": ({"direction of RnD": 0}, {}),
    "no direction of credit": ({"direction of credit": 0}, {}),
    # push and exit
    "push of one million CNY a firm, 2018 to 2021": (PUSHED, {}),
    "the same push for six years": ({"push duration": 6}, PUSHED),
    "the same push on twice the firms": ({"push rate": 0.4}, PUSHED),
    "exit from 2020 over five years": (LEAVING, {}),
    "the same exit at once": ({"exit duration": 0}, LEAVING),
    "the same exit, half": ({"exit depth": 0.5}, LEAVING),
    "the same exit, services stay": ({"exit covers services": 0}, LEAVING),
    "the same exit, brokerage stays": ({"exit covers brokerage": 0}, LEAVING),
    "the same exit, alliances stay led": ({"exit covers alliance leadership": 0}, LEAVING),
    "the same exit, recruitment ends as well": ({"exit covers alliance recruitment": 1}, LEAVING),
    "the same exit, directed money stays": ({"exit covers directed money": 0}, LEAVING),
}
"""Name: what is set, and what holds in the setting and in its reference."""
