"""Asking questions one after the other: how long is left, how many at once, and which arms are linked."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sdmodel.study.finding import Finding
from sdmodel.study.report import asking


class Asked:
    """An experiment that notes how it is asked."""

    samples, digest = 100, "y"

    def __init__(self, name: str, log: list[Any]) -> None:
        self.name, self.log = name, log

    def ask(self, *given: Any, **more: Any) -> Finding:
        self.log.append((self.name, given, more))
        record = {"samples": given[0] or 100, "seed": given[1], "composition": "x", "digest": "y"}
        return Finding(self.name, "?", [], record=record)


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, Asked], list[Any]]:
    log: list[Any] = []
    monkeypatch.setattr(asking.sdmodel, "load", lambda name: SimpleNamespace(fingerprint="x"))
    clock = itertools.count(1000, 10)
    monkeypatch.setattr(asking.time, "monotonic", lambda: next(clock))
    return {name: Asked(name, log) for name in ("one", "two", "three", "four")}, log


def test_what_is_left_is_the_time_of_those_that_were_asked(
    library: tuple[dict[str, Asked], list[Any]], tmp_path: Path
) -> None:
    """Each step takes ten seconds by the clock of the test."""
    known, log = library
    steps = list(asking.ask_all(known, ["one", "two", "three"], 50, 3, folder=tmp_path, workers=1, progress=False))
    assert [(s.number, s.of, s.kept, s.left) for s in steps] == [(1, 3, False, 20), (2, 3, False, 10), (3, 3, False, 0)]
    assert log == [(name, (50, 3), {"workers": 1, "progress": False}) for name in ("one", "two", "three")]
    assert sorted(p.name for p in tmp_path.glob("*.json")) == ["one.json", "three.json", "two.json"]
    again = list(asking.ask_all(known, ["two", "four", "one"], 50, 3, folder=tmp_path, workers=1))
    assert [(s.finding.name, s.kept) for s in again] == [("two", True), ("four", False), ("one", True)]
    assert math.isnan(again[0].left)  # nothing was asked yet
    assert [s.left for s in again[1:]] == [0, 0]
    assert [s.kept for s in asking.ask_all(known, ["one"], None, 3, folder=tmp_path)] == [False]  # 100 of its own
    assert [s.kept for s in asking.ask_all(known, ["one"], None, 3, folder=tmp_path)] == [True]
    assert [s.kept for s in asking.ask_all(known, ["one"], None, 3)] == [False]  # no folder keeps anything


@pytest.mark.parametrize(("workers", "processors", "at_once"), [(None, 5, 2), (None, 1, 1), (1, 5, 1), (3, 1, 2)])
def test_two_are_asked_at_once_unless_there_is_one_worker(
    library: tuple[dict[str, Asked], list[Any]], monkeypatch: pytest.MonkeyPatch, workers: int | None, processors: int,
    at_once: int,
) -> None:  # fmt: skip
    asked: list[tuple[list[str], int]] = []

    def fake(ask: Any, names: list[str], order: list[str], number: int) -> Any:
        assert order == names  # none is longer
        asked.append((names, number))
        return map(ask, names)

    monkeypatch.setattr(asking, "_asked", fake)
    monkeypatch.setattr(asking, "processors", lambda: processors)
    list(asking.ask_all(library[0], ["one", "two", "one"], workers=workers))
    assert asked == [(["one", "two"], at_once)]


@pytest.mark.parametrize(
    ("number", "left", "told"),
    [(1, 89.6, "1 of 3, 90 s left"), (1, 90, "1 of 3, 2 min left"), (1, 150.1, "1 of 3, 3 min left"), (1, 0, "1 of 3"),
     (1, -1, "1 of 3"), (3, 50, "3 of 3"), (2, 1, "2 of 3, 1 s left")],
)  # fmt: skip
def test_progress_at_its_edges(number: int, left: float, told: str) -> None:
    assert asking.Step(Finding("one", "?", []), number, 3, False, left).progress == told


def test_arms_of_plain_constants_of_the_model_as_it_is_are_linked() -> None:
    arms = {
        "none": {},
        "a": {"x y": 1.5, "z": 2},
        "each": {"x": np.array([1.0, 2.0])},
        "mixed": {"x": 1.0, "z": [1, 2]},
    }
    known = {
        "plain": SimpleNamespace(arms=arms, overlays={}), "changed": SimpleNamespace(arms=arms, overlays={"o": "x"}),
        "other": SimpleNamespace(),
    }  # fmt: skip
    assert asking.explorer_links(known, ["plain", "changed", "other"], "to.html", "en") == {
        "plain": {"a": "to.html#p.x+y=1.5&p.z=2&l=en"}, "changed": {}, "other": {},
    }  # fmt: skip
