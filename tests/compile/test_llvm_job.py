"""What the kernel is given: steps, stops and rows of memory, by hand; and which tables count as evenly spaced."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from sdmodel.compile.llvm.begun import passed
from sdmodel.compile.llvm.job import Job, aligned, common_stops, grid_steps, run_words
from sdmodel.compile.llvm.lookup import even_step
from sdmodel.compile.random import mix, stream_word
from sdmodel.core.errors import SolveError


def test_steps_of_reported_times() -> None:
    assert grid_steps(np.array([2.0, 2.5, 4.0]), 2.0, 0.25).tolist() == [0, 2, 8]
    assert grid_steps(np.array([0.0, 0.3, 0.7]), 0.0, 0.1).tolist() == [0, 3, 7]
    with pytest.raises(SolveError, match=r"reported time 2.3 is no whole number of TIME STEPs of 0.25 after 2\."):
        grid_steps(np.array([2.0, 2.3, 2.6]), 2.0, 0.25)
    for twice in ([2.0, 2.25, 2.25], [2.5, 2.25]):
        with pytest.raises(SolveError, match="nearer to each other than the TIME STEP of"):
            grid_steps(np.array(twice), 2.0, 0.25)


def test_stops_are_the_grid_and_the_reported_times() -> None:
    stops, nudges, report = common_stops(np.array([0.0, 1.0, 2.5]), 0.0, 1.0)
    assert stops.tolist() == [0, 1, 1, 2, 2.5]
    assert nudges.tolist() == [2.5e-12, 0, 2.5e-12, 0, 2.5e-12]
    assert report.tolist() == [0, -1, 1, -1, 2]
    stops, nudges, report = common_stops(np.array([-4.5, -3.0]), -6.0, 0.5)
    assert stops.tolist() == [-4.5, -4, -3.5, -3]
    assert nudges.tolist() == [6e-12, 0, 0, 6e-12]
    assert common_stops(np.array([0.0, 0.5]), 0.0, 0.5)[1].tolist() == [1e-12, 1e-12]


def test_memory_is_aligned_to_cache_lines() -> None:
    for shape in ((3,), (2, 5, 4), (0, 3), (1, 1)):
        block = aligned(shape)
        assert block.shape == shape
        assert block.ctypes.data % 64 == 0 or not block.size


def test_words_of_runs_are_those_of_the_draws() -> None:
    words = run_words(["a", "b"], -3, np.array([4, 9]))
    seed = (1 << 64) - 3
    assert words.tolist() == [[mix(mix(mix(seed) ^ run) ^ stream_word(name)) for name in "ab"] for run in (4, 9)]
    assert run_words([], 1, np.array([4, 9])).shape == (2, 0)


def test_rows_of_parameters_series_and_words() -> None:
    given = np.arange(14.0).reshape(7, 2)
    t, shared, own = np.arange(3.0), np.arange(3.0), np.arange(21.0).reshape(7, 3)
    words = np.arange(7, dtype=np.uint64).reshape(7, 1)
    job = Job(given, t, 0.0, 1.0, [(t, shared), (t, own)], words, ())
    block = job.rows(1, 7, 4)
    assert block.shape == (2, 2 + 3 * 2 + 1, 4)
    runs = [[1, 2, 3, 4], [5, 6, 6, 6]]  # the last run fills the last vector
    for vector, chosen in zip(block, runs, strict=True):
        assert vector[:2].tolist() == given[chosen].T.tolist()
        assert vector[8].view(np.uint64).tolist() == chosen
        places, times, counts = vector[2:5].view(np.int64)
        assert set(places) == {shared.ctypes.data}
        assert set(times) == {t.ctypes.data}
        assert set(counts) == {3}
        for place, run in zip(vector[5].view(np.int64).tolist(), chosen, strict=True):
            assert list((ctypes.c_double * 3).from_address(place)) == own[run].tolist()
    assert job.rows(0, 4, 4)[0, 0].tolist() == given[:4, 0].tolist()


@pytest.mark.parametrize(
    ("x", "step"),
    [
        ([0, 1, 2, 3, 4, 5], 1), ([-2, -1.5, -1, -0.5, 0, 0.5], 0.5), ([0, 1, 2, 3, 4], None),
        ([0, 1, 2, 3, 4, 5.001], None), ([0, 1, 2.5, 3, 4, 5], None), ([5, 4, 3, 2, 1, 0], None),
        ([1, 1, 1, 1, 1, 1], None), ([2e6 + i for i in range(6)], None), ([2.0**20 + i for i in range(6)], 1),
        ([-2e6 + i for i in range(6)], None), ([0, 1, 2, 3 + 2**-20, 4, 5], None), ([0, 1, 2, 3 + 2**-23, 4, 5], 1),
    ],
)  # fmt: skip
def test_tables_with_evenly_spaced_knots(x: list[float], step: float | None) -> None:
    assert even_step([float(v) for v in x]) == step


def test_breaks_before_a_time() -> None:
    """A table of the kernel holds the start, the breaks, the end twice and a date after it."""
    table = np.array([0.0, 2, 5, 10, 10, 11])[None, :, None]
    for until, want in ((1, [np.inf, np.inf]), (5, [2, np.inf]), (6, [2, 5])):
        assert passed(table, until).ravel().tolist() == want
