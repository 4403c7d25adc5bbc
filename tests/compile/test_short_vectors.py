"""Vector functions as scalar operations, against the operations on whole vectors and against numpy, in both engines."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdmodel.compile.graph import Graph
from sdmodel.compile.llvm import Kernel
from sdmodel.compile.programs import program_of
from sdmodel.core.functions import short_vectors as unrolled
from sdmodel.core.functions.table import OPERATIONS
from sdmodel.model import Model
from sdmodel.solve.registry import solver

few = st.integers(-3, 3).map(float)


def worked_out(build: Callable[..., int], *groups: list[float]) -> float:
    """The value of a node built on parameters, so that nothing is folded."""
    g = Graph()
    flat = [x for group in groups for x in group]
    nodes = iter([g.add("param", i) for i in range(len(flat))])
    node = build(g, *([next(nodes) for _ in group] for group in groups))
    values: list[float] = []
    for op, *args in g.nodes:
        if op == "param":
            values.append(flat[int(args[0])])
        elif op == "const":
            values.append(float(args[0]))
        else:
            values.append(float(OPERATIONS[op].value(*(values[int(a)] for a in args))))
    return values[node]


@given(st.lists(few, min_size=1, max_size=6), st.sampled_from([1.0, 0.0, -1.0]), st.data())
def test_ranks_and_orders_are_those_of_sorting(x: list[float], way: float, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(x) - 1))
    for op, whole in (("rank", "rank"), ("sort_order", "sort_order")):
        got = worked_out(lambda g, v, d, op=op: unrolled.sorted_as(g, op, place, d[0], v), x, [way])
        assert got == OPERATIONS[whole].value(float(place), way, *x)


@given(st.lists(few, min_size=1, max_size=5), st.floats(-2, 7))
def test_an_element_is_found_by_its_position(x: list[float], offset: float) -> None:
    got = worked_out(lambda g, v, o: unrolled.element_at(g, o[0], v), x, [offset])
    assert got == OPERATIONS["element_at"].value(offset, *x)


def selected(pairs: list[tuple[float, float]], action: int, error: int) -> float:
    """VECTOR SELECT in the words of https://vensim.com/documentation/fn_vector_select.html."""
    pairs = [(s, x) for s, x in pairs if s]
    if action not in range(11) or (error in (1, 3) and not pairs) or (error in (2, 3) and len(pairs) > 1):
        return math.nan
    terms = [x**s if action == 5 else s * x if action < 5 else x for s, x in pairs]
    ways = [math.fsum, math.prod, min, max, lambda t: math.fsum(t) / len(t), math.prod]
    return ways[action if action < 6 else action - 6](terms) if terms else -7.0


@given(st.lists(st.tuples(few, few), min_size=1, max_size=5), st.integers(-1, 11), st.integers(0, 3), st.booleans())
def test_selections_are_those_of_the_manual(
    pairs: list[tuple[float, float]], action: int, error: int, known: bool
) -> None:
    if action == 5:
        pairs = [(abs(s), abs(x)) for s, x in pairs]
    flat = [n for pair in pairs for n in pair]

    def build(g: Graph, v: list[int], more: list[int]) -> int:
        code = g.const(float(action)) if known else more[1]
        return unrolled.select(g, more[0], code, error, list(zip(v[::2], v[1::2], strict=True)))

    got = worked_out(build, flat, [-7.0, action + 0.25])
    assert got == pytest.approx(selected(pairs, action, error), abs=1e-12, nan_ok=True)


@pytest.mark.parametrize("n", [1, 2, 3, 6])
def test_an_inverse_is_that_of_numpy(n: int) -> None:
    rng = np.random.default_rng(n)
    for _ in range(5):
        m = rng.normal(size=(n, n))
        m[0, 0] = 0.0 if n > 1 else m[0, 0]  # a pivot that must be swapped
        wanted = np.linalg.inv(m).ravel()
        got = [worked_out(lambda g, v, i=i: unrolled.inverse(g, v)[i], m.ravel().tolist()) for i in range(n * n)]
        np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-11)
    singular = worked_out(lambda g, v: unrolled.inverse(g, v)[0], [0.0] * n * n)
    assert not math.isfinite(singular)


@pytest.mark.parametrize("method", ["euler", "rk4"])
def test_the_kernel_of_sweeps_knows_them(model_from: Callable[..., Model], method: str) -> None:
    model = model_from(
        "d: A, B, C ~~|\ne: E1, E2, E3 ~~|\ncode = 3 ~~|\nx[d] = SIN(Time*d) + d/9 ~~|\n"
        "o[d] = VECTOR SORT ORDER(x[d], -1) ~~|\nr[d] = VECTOR RANK(x[d], 1) ~~|\n"
        "s[d] = VECTOR REORDER(x[d], o[d]) ~~|\nm[d] = VECTOR ELM MAP(x[A], 3 - d) ~~|\n"
        "v = VECTOR SELECT(r[d!], x[d!], 0, code, 0) + "
        "VECTOR SELECT(r[d!], x[d!], 0, MIN(Time, 10), 0) ~~|\nk[d, e] = IF THEN ELSE(d = e, 3, 0) + x[d]*e ~~|\n"
        "i[d, e] = INVERT MATRIX(k[d, e], 3) ~~|\nstock[d] = INTEG(s[d] + i[d, E1], 0) ~~|"
    )
    run = model.run(method=method, every=1).to_dataframe()
    program = program_of(model, fixed=True)
    names = [n for n in program.outputs if n in run]
    kernel = Kernel(program, [program.outputs[n] for n in names], tableau=solver(method).steps)
    values, status, _ = kernel.run([program.defaults] * 2, run.index.to_numpy())
    assert not status.any()
    np.testing.assert_allclose(values[1].T, run[names], rtol=1e-12, atol=1e-12)
    assert (run["s[A]"] >= run["s[B]"]).all()
    assert (run["s[B]"] >= run["s[C]"]).all()
