"""Asking the questions of the report one after the other; what a folder keeps already is not asked again."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import numpy as np

import sdmodel
from sdmodel.core.errors import ReadError
from sdmodel.study.finding import Finding, current
from sdmodel.study.translation import Say
from sdmodel.sweep.backends import processors

if TYPE_CHECKING:
    from sdmodel.model import Model
    from sdmodel.study.arms import Setting
    from sdmodel.study.library import Experiment, Library

AT_ONCE = 2
"""Questions that are asked at once: while one reads its results, the processors have runs of the other."""

SEARCHED = 4
"""About how many runs a sample takes where money is made equal."""


@dataclass(frozen=True)
class Step:
    """A finding, and how far the report is."""

    finding: Finding
    number: int
    """Number of the finding, from 1."""
    of: int
    """Questions that were requested."""
    kept: bool
    """Whether it was read from the folder."""
    left: float
    """Seconds that the other questions are likely to take; NaN if nothing is known of that."""

    @property
    def progress(self) -> str:
        """Such as `7 of 22, 2 min left`."""
        if self.number == self.of or not self.left > 0:
            return Say("{number} of {of}", number=self.number, of=self.of)
        if self.left < 90:
            return Say("{number} of {of}, {left:.0f} s left", number=self.number, of=self.of, left=self.left)
        return Say("{number} of {of}, {left:.0f} min left", number=self.number, of=self.of, left=self.left / 60)


def ask_all(
    library: Library,
    names: Sequence[str],
    samples: int | None = None,
    seed: int = 1,
    *,
    folder: Path | None = None,
    workers: int | None = None,
    progress: bool | None = None,
) -> Iterator[Step]:
    """Ask questions by name, two at once and long ones first; each finding is saved as soon as it is there.

    Parameters
    ----------
    library, names
        The experiments, and which of them; a name given twice is asked once.
    samples, seed, workers, progress
        As in `Question.ask`; `samples` None is each experiment's own number.
    folder
        Where findings are kept. A finding that lies there is read instead of asked again if model, question, samples
        and seed are the same. None keeps nothing.

    Yields
    ------
    Step
    """
    chosen = list(dict.fromkeys(names))
    model = sdmodel.load("shandong")
    kept = {name: _kept(library[name], model, samples, seed, folder) for name in chosen}
    waiting = [name for name in chosen if kept[name] is None]

    def ask(name: str) -> Finding:
        found = library[name].ask(samples, seed, workers=workers, progress=progress)
        if folder:
            found.save(folder)
        return found

    order = sorted(waiting, key=lambda name: _length(library[name], samples), reverse=True)
    asked = _asked(ask, waiting, order, min(AT_ONCE, workers or processors()))
    started, done = time.monotonic(), 0
    for number, name in enumerate(chosen, 1):
        finding = kept[name]
        if finding is None:
            finding = next(asked)
            done += 1
        each = (time.monotonic() - started) / done if done else float("nan")
        yield Step(finding, number, len(chosen), kept[name] is not None, each * (len(waiting) - done))


def _length(experiment: Experiment, samples: int | None) -> int:
    """About how many runs a question takes, to begin with the longest: both threads are then busy to the end."""
    solved = sum(len(one.arms) for one in getattr(experiment, "equal", ()))
    return (samples or experiment.samples) * (len(getattr(experiment, "arms", ())) + SEARCHED * solved)


def _asked(
    ask: Callable[[str], Finding], names: Sequence[str], order: Sequence[str], at_once: int
) -> Iterator[Finding]:
    """Findings in the order of the names, asked in another; the threads end with the process: Ctrl-C waits for none."""
    findings: dict[str, Future[Finding]] = {name: Future() for name in names}
    todo = deque(order)

    def work() -> None:
        with suppress(IndexError):  # none is left
            while True:
                name = todo.popleft()
                try:
                    findings[name].set_result(ask(name))
                except BaseException as error:  # raised again where a finding is waited for
                    findings[name].set_exception(error)
                    while todo:
                        findings[todo.popleft()].set_exception(error)

    for _ in range(min(at_once, len(names))):
        threading.Thread(target=work, daemon=True).start()
    try:
        for name in names:
            yield findings[name].result()
            del findings[name]
    finally:
        todo.clear()


def explorer_links(library: Library, names: Sequence[str], target: str, lang: str) -> dict[str, dict[str, str]]:
    """Addresses of arms in the explorer page of the model, by question and arm.

    Left out are arms whose size is solved sample by sample, and questions that change the equations.
    """
    out = {}
    for name in names:
        question = library[name]
        arms: Mapping[str, Setting] = {} if getattr(question, "overlays", None) else getattr(question, "arms", {})
        plain = {arm: setting for arm, setting in arms.items() if setting and all(map(np.isscalar, setting.values()))}
        out[name] = {
            arm: f"{target}#" + urlencode({**{f"p.{key}": value for key, value in setting.items()}, "l": lang})
            for arm, setting in plain.items()
        }
    return out


def _kept(experiment: Experiment, model: Model, samples: int | None, seed: int, folder: Path | None) -> Finding | None:
    """The finding that a folder keeps, if it is of the same model, question, samples and seed."""
    path = folder / f"{experiment.name}.json" if folder else None
    number = samples or experiment.samples
    if path is None or not path.is_file():
        return None
    try:
        found = Finding.load(path)
    except ReadError:
        return None  # of another version, or cut off
    return found if current(found.record, model, experiment.digest, number, seed) else None
