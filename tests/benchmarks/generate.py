"""Synthetic models for benchmarks: `python generate.py kind equations seed > model.mdl`.

Every variable stays between 0 and about 3 whatever the size, so that engines can be compared over whole runs: stocks
move towards auxiliaries, and auxiliaries are bounded functions of earlier auxiliaries and of stocks.
"""

from __future__ import annotations

import random
import sys

KINDS = ("small", "policy", "lookup")
LEVERS = 20

SMALL = """{UTF-8}
contacts = 8 ~ ~ |
infectivity = 0.05 ~ ~ |
duration = 5 ~ ~ |
people = 1000 ~ ~ |
susceptible = INTEG(-infection, people - 1) ~ ~ |
infectious = INTEG(infection - recovery, 1) ~ ~ |
recovered = INTEG(recovery, 0) ~ ~ |
infection = contacts * infectivity * infectious * susceptible / people ~ ~ |
recovery = infectious / duration ~ ~ |
"""


def model(kind: str, equations: int = 100, seed: int = 1) -> str:
    """Text of a model.

    Parameters
    ----------
    kind
        ``"small"``: three stocks; ``"policy"``: about 35 states a hundred equations, with the functions such models use
        (without TANH, which two of the engines compared refuse: it is written by way of EXP); ``"lookup"``: about 55
        lookups in 300 equations.
    equations
        Number of stocks and auxiliaries (ignored for ``"small"``).
    seed
        Another seed gives another model.
    """
    if kind == "small":
        return SMALL + _control(200, 0.0625)
    rng = random.Random(f"{kind} {equations} {seed}")
    stocks = max(equations * (26 if kind == "policy" else 8) // 100, 2)
    auxiliaries = equations - stocks
    lines = ["{UTF-8}"]
    lines += [f"p{i} = {rng.uniform(0.2, 0.8):.4f} ~ ~ |" for i in range(LEVERS)]
    for i in range(auxiliaries):
        known = [f"s{rng.randrange(stocks)}"] + [f"a{rng.randrange(max(0, i - 30), i)}" for _ in range(2) if i]
        lines.append(f"a{i} = {_formula(rng, kind, i, auxiliaries, known)} ~ ~ |")
    for i in range(stocks):
        goal = f"a{rng.randrange(auxiliaries)}"
        lines.append(f"s{i} = INTEG(({goal} - s{i}) / {rng.uniform(2, 15):.3f}, {rng.uniform(0.5, 1.5):.3f}) ~ ~ |")
    groups = range(0, stocks, 50)
    lines += [f"g{i} = {' + '.join(f's{j}' for j in range(i, min(i + 50, stocks)))} ~ ~ |" for i in groups]
    lines += [f"everything = {' + '.join(f'g{i}' for i in groups)} ~ ~ |"]  # no stock is dead code
    return "\n".join(lines) + "\n" + _control(40, 0.0625)


def _formula(rng: random.Random, kind: str, i: int, of: int, known: list[str]) -> str:
    x, y, z = (rng.choice(known) for _ in range(3))
    p, q = (f"p{rng.randrange(LEVERS)}" for _ in range(2))
    c = f"{rng.uniform(0.5, 1.5):.3f}"
    plain = [
        f"{p} * {x} + (1 - {p}) * {y}", f"{x} / ({c} + {y} * {z})", f"{c} * {x} * {y} / ({q} + {x} * {y})",
        f"MAX({x} - {p}, 0) + {y} * {q}", f"MIN({x} * {c}, 2) * {p} + {q}", f"IF THEN ELSE({x} > {c}, {y}, {z} * 0.9)",
        f"({x} + {y} + {c}) / (2 + {z})",
    ]  # fmt: skip
    special = [
        f"EXP(-{p} * {x}) + {q}", f"EXP(-{p} * {x} * {y}) + {q}", f"2 / (1 + EXP(2 * ({c} - {x})))",
        f"({x} + 0.2) ^ {p}", f"1 + LN({x} + {c}) * {q}", f"SMOOTH({x}, 2 + {p})", f"DELAY3({x} + {p}, 3)",
    ]  # fmt: skip
    dated = [
        f"{x} * (1 + IF THEN ELSE(ABS(Time - {rng.randrange(3, 21)}.03) < 1, {p}, 0))",
        f"{x} * 0.5 + IF THEN ELSE(Time >= {rng.randrange(3, 30)}.03, {p}, 0)",
        f"{x} * EXP(-0.02 * Time) + {q}",
    ]  # fmt: skip
    if kind == "lookup":
        if i * 55 // of != (i + 1) * 55 // of:
            return f"WITH LOOKUP({x} * {c}, ({_points(rng)}))"
        return rng.choice(plain)
    turn = rng.random()
    if turn < 0.08:
        return f"WITH LOOKUP({x} * {c}, ({_points(rng)}))"
    return rng.choice(special if turn < 0.32 else dated if turn < 0.38 else plain)


def _points(rng: random.Random) -> str:
    count = rng.choice((5, 6, 7, 8, 11))
    even = rng.random() < 0.6
    at = [3 * i / (count - 1) for i in range(count)]
    if not even:
        at = [0.0, *sorted(a + rng.uniform(-0.1, 0.1) for a in at[1:-1]), 3.0]
    return ", ".join(f"({a:.6g},{rng.uniform(0.3, 2.5):.4f})" for a in at)


def _control(end: float, step: float) -> str:
    return (
        "********************************************************\n\t.Control\n"
        "********************************************************~\n\t\tSimulation Control Parameters\n\t|\n"
        f"FINAL TIME = {end} ~ ~ |\nINITIAL TIME = 0 ~ ~ |\nSAVEPER = 1 ~ ~ |\nTIME STEP = {step} ~ ~ |\n"
    )


if __name__ == "__main__":
    sys.stdout.write(model(sys.argv[1], *(int(a) for a in sys.argv[2:])))
