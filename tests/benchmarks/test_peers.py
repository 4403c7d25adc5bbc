"""The comparison is fair only if the models are what they are said to be and all peers give the same numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import page
import pytest
from generate import KINDS, model
from peers import AcrossRuns, BareKernel, HandwrittenC, PySD, Simlin, Sweep, UnusableError
from task import Task, tasks
from timing import AGREE, interleaved, ratios, spread


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Task]:
    return {task.kind: task for task in tasks(tmp_path_factory.mktemp("models"))}


def test_models_are_what_they_are_said_to_be(made: dict[str, Task]) -> None:
    states = {kind: len(task.program.states) for kind, task in made.items()}
    lookups = {kind: len(task.program.tables) for kind, task in made.items()}
    assert states["small"] == 3
    assert 30 <= states["policy"] <= 40
    assert lookups["lookup"] == 55
    for kind, equations in (("policy", 100), ("lookup", 300)):
        text = model(kind, equations)
        assert text == model(kind, equations)
        assert text != model(kind, equations, seed=2)
        assert sum(line[0] in "as" for line in text.splitlines() if line) == equations


@pytest.mark.filterwarnings("ignore")  # what other engines warn of
@pytest.mark.parametrize(
    ("make", "kind"),
    # PySD takes long to translate the others; the benchmark itself compares them before it times them.
    [*((make, kind) for make in (Sweep, HandwrittenC, AcrossRuns, Simlin) for kind in KINDS), (PySD, "small")],
)
def test_peers_agree(
    made: dict[str, Task], make: type, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = 1 if make is PySD else 9
    monkeypatch.setattr(BareKernel, "runs", runs)
    monkeypatch.setattr(make, "runs", runs)
    try:
        peer = make(made[kind], tmp_path)
    except UnusableError as error:
        pytest.skip(str(error))
    values = peer.values(peer.solve())
    wanted = BareKernel(made[kind], tmp_path).solve()
    assert values.shape == wanted.shape == (runs, 5, len(made[kind].times))
    assert np.abs(values - wanted).max() <= AGREE * np.abs(wanted).max(axis=2).min()


def test_timing_in_turn() -> None:
    calls: list[str] = []
    taken = interleaved({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, 3)
    assert calls == ["a", "b", *["a", "b"], *["a", "a", "b", "b"] * 2]  # what is short once more, when that is known
    assert {name: len(s) for name, s in taken.items()} == {"a": 3, "b": 3}
    assert ratios([2.0, 6.0], [1.0, 2.0]) == [2.0, 3.0]
    assert spread([2.0, 3.0, 10.0]) == "3 (2 to 10)"


def test_the_page_is_written_from_the_figures(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    text = page.PAGE.read_text(encoding="utf-8")
    assert page.filled(text) == text, "write it with: python tests/benchmarks --page"
    monkeypatch.setattr(page, "PAGE", tmp_path / "page.md")
    monkeypatch.setattr(page, "FIGURES", tmp_path / "figures.json")
    page.PAGE.write_text("<!-- measured: one -->\nold\n<!-- end -->\n<!-- measured: two -->\nkept\n<!-- end -->\n")
    tables = [["S", ("a", "b"), [("1", "2")]], ["Left out: all."]]
    page.keep("one", {"tables": tables, "aims": [("speed", "3", "at most 2", "no")], "machine": "Here"})
    written = page.PAGE.read_text()
    assert written.startswith("<!-- measured: one -->\n**S**\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n\nLeft out: all.")
    assert "| speed | 3 | at most 2 | no |\n\n*Here*\n<!-- end -->\n<!-- measured: two -->\nkept\n" in written
