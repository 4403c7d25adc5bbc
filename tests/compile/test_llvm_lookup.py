"""Lookups of the kernel are those of the Python engine, bit for bit, whichever way a table is searched."""

from __future__ import annotations

from functools import partial

import llvmlite.binding as llvm
import numpy as np
import pytest
from lanes import build_all, values

from sdmodel.compile.llvm.ir import Body
from sdmodel.compile.llvm.lookup import even_step, lookup_value
from sdmodel.compile.program import TableData
from sdmodel.core.functions.values import interpolate

KINDS = ("interpolate", "extrapolate", "hold_backward", "look_forward", "raw")
SIZES = (1, 2, 3, 6, 8, 9, 11, 16, 17, 33, 49, 64, 150)
MACHINES = [False, pytest.param(True, marks=pytest.mark.skipif(
    not llvm.get_host_cpu_features().get("avx512f"), reason="permutes in registers need AVX-512"))]  # fmt: skip


def points_of(xs: tuple[float, ...], rng: np.random.Generator) -> np.ndarray:
    """Knots, their neighbours, points between and beyond, infinities and NaN."""
    knots = np.array(xs)
    reach = max(knots[-1] - knots[0], 1.0)
    inside = rng.uniform(knots[0] - reach / 2, knots[-1] + reach / 2, 200)
    ends = [np.inf, -np.inf, np.nan, 0.0, -0.0, 1e300, -1e300]
    return np.concatenate([knots, np.nextafter(knots, np.inf), np.nextafter(knots, -np.inf), inside, ends])


def built(name: str, table: TableData, b: Body, x: str) -> str:
    return lookup_value(b, name, table, x)


@pytest.mark.parametrize("permute", MACHINES)
@pytest.mark.parametrize("kind", KINDS)
def test_equal_to_the_python_engine(kind: str, permute: bool) -> None:
    rng = np.random.default_rng(11)
    tables = []
    for size in SIZES[kind == "extrapolate" :]:
        for first in (0.0, 2009.0, -3.7):
            uneven = first + np.concatenate([[0.0], np.cumsum(rng.uniform(0.01, 2, size - 1))])
            for xs in ([first + 0.3 * i for i in range(size)], uneven.tolist()):
                tables.append(TableData(tuple(xs), tuple(rng.normal(size=size).tolist()), kind))
    builds = [partial(built, f"k{i}", table) for i, table in enumerate(tables)]
    build_all(builds, fma=True, permute=permute)
    for table, build in zip(tables, builds, strict=True):
        points = points_of(table.x, rng)
        wanted = np.array([interpolate(x, table.x, table.y, kind) for x in points.tolist()])
        got = values(build, points, fma=True, permute=permute)
        np.testing.assert_array_equal(got, wanted, err_msg=str(table.x))


def test_a_jump_in_a_table() -> None:
    """Two points at one place: the later one holds from there on."""
    for kind in ("interpolate", "hold_backward", "look_forward"):
        xs, ys = (0.0, 1.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0), (1.0, 2.0, 5.0, 6.0, 7.0, 8.0, 9.0, 1.0)
        build = partial(built, "k", TableData(xs, ys, kind))
        points = np.array([0.5, np.nextafter(1.0, 0), 1.0, np.nextafter(1.0, 2), 1.5, 7.0])
        got = values(build, points, fma=False)
        np.testing.assert_array_equal(got, [interpolate(x, xs, ys, kind) for x in points.tolist()])


def test_even_spacing_is_found() -> None:
    assert even_step(tuple(0.1 * i for i in range(11))) == pytest.approx(0.1)
    assert even_step((0.0, 1.0, 2.0, 3.0, 4.1, 5.0, 6.0)) is None
    assert even_step((0.0, 1.0)) is None
    assert even_step(tuple(float(1e9 + i) for i in range(9))) is None
