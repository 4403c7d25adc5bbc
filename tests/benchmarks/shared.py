"""What runs of one question share: each part with and without it, on the shipped model, by processor time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from timing import interleaved, note, ratios, seconds, spread, table, target

ARMS = {
    "no exit": {},
    "exit from 2016": {"exit start": 2016.0},
    "exit from 2020": {"exit start": 2020.0},
    "exit from 2024": {"exit start": 2024.0},
    "abrupt": {"exit start": 2020.0, "exit duration": 0.0},
    "handed over": {"exit start": 2020.0, "exit covers services": 0.0},
}
SAMPLES = 450
OUTPUTS = ["all firms", "revenue", "knowledge", "self organisation index", "service coverage"]


@contextmanager
def put(owner: Any, name: str, value: object) -> Iterator[None]:
    """Another value of an attribute for a while."""
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


def _longer_steps(model: Any) -> None:
    """A sweep of independent runs with TIME STEP and with a tolerance: cost and largest difference."""
    import sdmodel
    from sdmodel.study.arms import MONEY
    from sdmodel.sweep.refinement import scales

    design = sdmodel.latin_hypercube(model.uncertainties, 10_000, rng=1)
    found: dict[str, Any] = {}

    def sweep(name: str, rtol: float | None) -> Callable[[], object]:
        def do() -> None:
            found[name] = model.sweep(design, [*OUTPUTS, MONEY], every=1.0, rtol=rtol, workers=1, progress=False)

        return do

    names = ["steps of TIME STEP", "rtol=1e-4"]
    taken = interleaved({name: sweep(name, rtol) for name, rtol in zip(names, (None, 1e-4), strict=True)}, 1)
    exact, longer = (
        np.concatenate([d.to_numpy().reshape(*d.shape[:2], -1) for d in found[name].data_vars.values()], axis=2)
        for name in names
    )
    size = scales(("",) * exact.shape[2], exact.transpose(0, 2, 1))
    apart = np.abs(longer - exact).max(axis=1) / size
    rows = [(n, f"{1e3 * median(taken[n]) / 10_000:.3g}", spread(ratios(taken[names[0]], taken[n]))) for n in names]
    what = "Longer steps: 10,000 runs of a Latin hypercube, six outputs, with the certificate, one thread"
    table(("work", "ms of a processor a run", "times quicker"), rows, what)
    attrs = found[names[1]].attrs
    beyond = f"{apart.max():.1e}; {(apart.max(axis=1) > 1e-4).sum()} runs are beyond 1e-4"
    again = f"Solved again: {attrs.get('solved_again', 'none')}"
    note(f"Steps: {attrs['steps']}. {again}. Largest difference {beyond}. Certificate: {attrs['certificate']}.")
    target("longer steps", median(ratios(taken[names[0]], taken[names[1]])), 2.5, least=True)


def timed(do: Callable[..., Any], what: str, spent: dict[str, float]) -> Callable[..., Any]:
    """`do`, which adds its processor time to `spent[what]`."""

    def wrapped(*args: Any, **options: Any) -> Any:
        begun = seconds()
        try:
            return do(*args, **options)
        finally:
            spent[what] += seconds() - begun

    return wrapped


def shared(folder: Path) -> None:
    """A sweep of arms, a search for equal money, and gradients, with and without what saves work."""
    from sdmodel.compile.llvm import dates
    from sdmodel.study import searching
    from sdmodel.study.arms import MONEY, Arms
    from sdmodel.study.history_matching import samples_of
    from sdmodel.sweep import fork

    model, draws = samples_of(None, SAMPLES, 1)
    arms = Arms(model, draws, OUTPUTS, every=0.5, workers=1, progress=False)
    never = 10**9

    def sweep() -> np.ndarray:
        return np.asarray(arms.run("", ARMS)["revenue"])

    def unshared() -> np.ndarray:
        with put(fork, "LEAST_RUNS", never):
            return sweep()

    def dated() -> np.ndarray:
        with put(dates, "active_on_dates", lambda program, *bounds: range(len(program.parameters))):
            return sweep()

    def stepwise() -> np.ndarray:
        with put(arms, "stops", None):
            return sweep()

    if not (np.array_equal(sweep(), unshared()) and np.array_equal(sweep(), dated())):
        raise SystemExit("runs that go on from a common past, or share dates, differ from runs from the start")
    plain = arms.run("", {"like": ARMS["exit from 2020"], "without": {"exit start": 2015.0, "exit duration": 0.0}})
    goal, base = plain[MONEY].to_numpy()[:, :, -1]
    chosen = {name: setting for name, setting in ARMS.items() if name != "exit from 2020"}

    def search() -> object:
        return arms.equal("", chosen, goal, lever="programme scale", base=base)

    def plainly() -> object:
        from sdmodel.study import arms as study

        with put(study, "SEARCH_STEP", None), put(fork, "LEAST_RUNS", never):
            return search()

    def each() -> object:
        with put(searching, "PILOTS", never):
            return search()

    exact = stepwise()
    size = np.abs(exact).max(axis=2, keepdims=True)
    apart = float(np.max(np.abs(sweep() - exact) / size))
    work: dict[str, Callable[[], object]] = {
        "six arms of the same samples, two steps as one from 2016 on": sweep,
        "the same, steps of TIME STEP": stepwise,
        "six arms of the same samples, what they share solved once": sweep,
        "the same, each from the start": unshared,
        "six arms, dates once for each set of values that act on them": sweep,
        "the same, dates of each run": dated,
        "equal money of five arms, long steps first": search,
        "the same, the step of the file throughout": plainly,
        "equal money, the first samples showing where the others lie": search,
        "the same, each sample searched by itself": each,
    }
    taken = interleaved(work, 3)
    names = list(work)
    rows = []
    for i, name in enumerate(names):
        beside = spread(ratios(taken[names[i | 1]], taken[name]))
        rows.append((name, f"{1e3 * median(taken[name]) / SAMPLES:.3g}", beside))
    what = f"What the runs of a question share: {SAMPLES} samples of the shipped model, one thread"
    table(("work", "ms of a processor a sample", "times quicker than without"), rows, what)
    note(f"Two steps as one: revenue differs from that with steps of TIME STEP by at most {apart:.1e} of its largest.")
    target(
        "arms that share six of twenty-five years", median(ratios(taken[names[3]], taken[names[2]])), 1.15, least=True
    )
    target("equal money", median(ratios(taken[names[7]], taken[names[6]])), 2, least=True)
    _longer_steps(model)
