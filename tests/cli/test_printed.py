"""What commands print, to the letter, of small models; and what they hand on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner, Result

import sdmodel
from sdmodel.cli import application
from sdmodel.cli.main import app
from sdmodel.experiments import LIBRARY
from sdmodel.study.finding import Finding
from sdmodel.study.translation import Say
from sdmodel.validation.confidence import run as confidence
from sdmodel.validation.confidence.result import Row

TANK = """
place: north, south ~~|
********************************************************
	.Tank
********************************************************~
		About water.
	|
level[place] = INTEG(fill-drain*level[place], at first) ~ firm ~ Water. [outcome] |
fill = 2 ~ firm/Year [0,9] ~ Inflow. [lever P01] [@guess] |
at first = 5 ~ firm [0,9] ~ Water at first. [fixed] [@guess] |
********************************************************
	.Drains
********************************************************~
		About drains.
	|
drain = 0.1 ~ 1/Year [0.05,0.2] ~ Outflow over level. [uncertainty loguniform] [@guess] |
"""


def told(*words: object, status: int = 0) -> str:
    done: Result = CliRunner().invoke(app, list(map(str, words)))
    assert done.exit_code == status, done.output
    return done.output


@pytest.fixture
def tank(write_model: Callable[..., Path]) -> Path:
    return write_model(TANK, name="tank")


def test_a_model_is_described_line_by_line(tank: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "150")
    lines = [line.rstrip() for line in told("describe", tank).splitlines()]
    pad = " " * 18
    assert lines == [
        "Model 'tank': 1 stocks, 0 auxiliaries, 3 constants",
        "Time from 0.0 to 10.0, TIME STEP 0.125",
        "",
        "Levers (1)",
        f"    fill {' ' * 30}2 [0 to 9] firm/Year{pad}Inflow.",
        "",
        "Uncertainties and switches (1)",
        f"    drain {' ' * 29}0.1 [0.05 to 0.2] 1/Year{' ' * 14}Outflow over level.",
        "",
        "Outcomes (1)",
        f"    level {' ' * 29}firm{' ' * 34}Water.",
        "",
        f'One variable: sdmodel describe {tank} "NAME"',
        f'All variables of a group: sdmodel describe {tank} "Tank"',
    ]
    assert told("describe", tank, "fill").splitlines() == [
        "fill  [firm/Year]  constant, lever",
        "  Inflow.",
        "  equation  2",
        "  range     0 to 9",
        "  source    guess",
        "  causes    (none)",
        "  uses      level",
    ]
    group = told("describe", tank, "Tank").splitlines()
    assert [line.split()[0] for line in group if line] == ["Stocks", "level", "Constants", "fill", "at"]
    narrow = told("describe", tank, "TANK ")
    assert "no variable" not in narrow
    assert "There is no variable 'lever'. Nearest: level" in told("describe", tank, "lever", status=2)


@pytest.mark.parametrize(("number", "one_by_one"), [(24, True), (25, False)])
def test_more_than_twenty_four_uncertainties_are_counted_by_group(
    write_model: Callable[..., Path], number: int, one_by_one: bool
) -> None:
    more = "".join(f"u{i} = 1 ~ 1/Year [0,2] ~ U. [uncertainty] [@guess] |\n" for i in range(number - 1))
    text = told("describe", write_model(TANK + more))
    assert f"Uncertainties and switches ({number})" in text
    assert ("    u3 " in text) == one_by_one
    assert (f"  Drains {number}" in text) != one_by_one


def test_errors_and_scenarios_of_a_model_are_described(
    write_model: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = "".join(f"w{i} = nowhere{i}*2 ~ firm ~ |\n" for i in range(6))
    path = write_model("x = INTEG(1, 0) ~ ~ |\n" + wrong)
    text = told("describe", path)
    assert f"\nErrors (6); 'sdmodel check {path}' shows all and the warnings\n" in text
    assert text.count("which is not defined") == 5
    assert "All variables of a group" not in text
    assert text.count("no unit stated") == 0
    assert told("describe", path, "x").splitlines()[:3] == [
        "x  [no unit stated]  stock",
        "  (no documentation)",
        "  equation  INTEG(1, 0)",
    ]
    shipped = told("describe", "adoption")
    assert f"\nScenarios ({len(sdmodel.load('adoption').scenarios)})\n" in shipped
    for scenario in sdmodel.load("adoption").scenarios.values():
        assert f"  {scenario.name:<24} {scenario.description[:20]}" in shipped


ROWS = [
    [
        Row(1, "units", "all", "0 errors", "0", "pass"),
        Row(1, "units", "some", "0 errors", "0", "pass"),
        Row(1, "units", "x", "2", "", "miss", "two are wrong"),
    ],
    [
        Row(6, "history", "T1", "0.4", "1", "miss"),
        Row(6, "history", "T2", "0.5", "1", "miss"),
        Row(6, "history", "T3", "0.5", "", "info"),
    ],
]


def test_confidence_tests_are_listed_and_only_what_must_be_passed_decides(
    tank: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[object, ...]] = []

    def tests(model: object, samples: int, seed: int, **_: object) -> Iterator[list[Row]]:
        asked.append((samples, seed))
        return iter(ROWS[len(asked) - 1 :])

    monkeypatch.setattr(confidence, "confidence_tests", tests)
    text = told("check", tank, "--all", status=1)
    assert text.partition("\n\n")[2].splitlines() == [
        "1 units",
        "  pass  units: all: 0 errors [0]",
        "  pass  units: some: 0 errors [0]",
        "  miss  units: x: 2  two are wrong",
        "",
        "6 history matching (reports)",
        "  miss  history: T1: 0.4 [1]",
        "  miss  history: T2: 0.5 [1]",
        "  info  history: T3: 0.5",
        "",
        "tank: 1 misses in what must be passed, 2 in what is reported.",
    ]
    told("check", tank, "--all", "-n", "20", "--seed", "4")
    assert asked == [(10_000, 1), (20, 4)]
    told("check", tank)
    assert len(asked) == 2


def test_a_sweep_of_elements_is_written_and_told(tank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The level of a tank is 20 + (5 - 20) exp(-0.1 t) at the drain of the file; here by the drain of the sample."""
    monkeypatch.chdir(tmp_path)
    text = told("sweep", tank, "--outcome", "level at 10", "-n", "8", "--seed", "3")
    table = pd.read_csv("sweep.csv")
    assert table.columns.tolist() == [
        "sample", "drain", "level at 10 [north]", "level at 10 [south]", "status", "message",
    ]  # fmt: skip
    rest = 2 / table["drain"]
    exact = rest + (5 - rest) * np.exp(-10 * table["drain"])
    np.testing.assert_allclose(table["level at 10 [south]"], exact, rtol=1e-6)
    low, middle, high = np.quantile(exact, [0.05, 0.5, 0.95])
    assert text.splitlines()[0].startswith("sweep.csv: 8 runs, 0 failed. Certificate: ")
    assert [line.split("median")[1] for line in text.splitlines()[1:]] == [
        f" {middle:.4g}, 5 to 95 %: {low:.4g} to {high:.4g}"
    ] * 2
    told("sweep", tank, "-n", "8", "--seed", "3", "-o", "own.csv")  # the outcomes that the model marks, at the end
    own = pd.read_csv("own.csv").drop(columns=["status", "message"])
    np.testing.assert_allclose(own.to_numpy(), table.drop(columns=["status", "message"]).to_numpy())


def test_a_model_without_outcomes_asks_for_one(write_model: Callable[..., Path], tmp_path: Path) -> None:
    path = write_model("x = INTEG(r, 0) ~ Dmnl ~ |\nr = 1 ~ 1/Year [0,2] ~ R. [uncertainty] [@guess] |")
    assert "marks no outcome. Say what to judge" in told("sweep", path, "-o", tmp_path / "s.csv", status=2)


def test_a_picture_lies_beside_its_table(tank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = told("run", tank, "--plot", "level[north]", "--plot", "level[south]")
    assert text.startswith("run.csv: 11 times of ")
    assert text.splitlines()[-1] == "run.png: level[north], level[south]"
    assert Path("run.png").stat().st_size > 1_000
    assert "run.png" not in told("run", tank)


# -- errors ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (KeyboardInterrupt(), 130, "sdmodel: stopped.\n"),
        (MemoryError(), 2, "sdmodel: there is not enough memory for this.\n"),
        (OSError(28, "No space left on device", "x.csv"), 2, "sdmodel: x.csv: No space left on device.\n"),
        (OSError(28, "No space left on device"), 2, "sdmodel: the output: No space left on device.\n"),
        (OSError("odd"), 2, "sdmodel: odd\n"),
        (BrokenPipeError(), 0, ""),
        (sdmodel.errors.DesignError("No \x1b[31mred."), 2, "sdmodel: No \\x1b[31mred.\n"),
    ],
    ids=lambda x: type(x).__name__ if isinstance(x, BaseException) else "",
)
def test_a_command_ends_in_one_line(
    error: BaseException, status: int, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(name: object) -> None:
        raise error

    monkeypatch.setattr(sdmodel, "load", fails)
    done = CliRunner().invoke(app, ["check", "x"])
    assert done.exit_code == status
    assert done.stderr == said


def test_output_that_nobody_reads_is_dropped() -> None:
    """As with `sdmodel list | head -1`: no traceback, and none when Python ends."""
    code = (
        "import sys; from sdmodel.cli.application import _drop_output as drop\n"
        "sys.stdout.write('x'); sys.stdin.read(); drop()"
    )
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "PYTHONUNBUFFERED": ""}, **pipes) as done:
        for stream in (done.stdout, done.stdin):
            assert stream is not None
            stream.close()
        assert done.stderr is not None
        assert done.stderr.read() == b""
    assert done.returncode == 0


def test_output_that_can_be_written_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    print("kept", end="")
    application._drop_output()
    assert capsys.readouterr().out == "kept"


# -- questions ------------------------------------------------------------------------------------------------------
class Asked:
    """Stands for an experiment and keeps how it is asked."""

    asks, samples, digest, arms, overlays, composition = "Does it?", 8, "y", {}, None, "x"

    def __init__(self, name: str = "one") -> None:
        self.name = name
        self.given: list[tuple[object, ...]] = []

    def ask(self, samples: int | None = None, seed: int = 1, **more: Any) -> Finding:
        self.given.append((samples, seed, more["workers"], more["progress"]))
        finding = Finding(self.name, self.asks, [], headline=Say("It does"), status="not all there")
        finding.record = {"samples": samples or 8, "seed": seed, "composition": self.composition, "digest": "y"}
        return finding


class Page:
    """Stands for an explorer page: what it is given is what it writes."""

    def __init__(self, given: dict[str, Any]) -> None:
        self.given = given

    def write(self, path: Path, *, overwrite: bool) -> None:
        assert overwrite
        path.write_text(repr(self.given), encoding="utf-8")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Asked:
    one = Asked()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(type(LIBRARY), "__getitem__", lambda self, name: one)
    monkeypatch.setattr(type(LIBRARY), "check", lambda self, name: None)
    monkeypatch.setattr(Finding, "drawn", lambda self, *_: {})
    monkeypatch.setattr(sdmodel.Model, "explore", lambda self, **given: Page(given))
    return one


def test_an_experiment_is_asked_as_it_is_told(asked: Asked, tmp_path: Path) -> None:
    lines = told("experiment", "one").splitlines()
    assert lines[:2] == ["Does it?", ""]
    assert lines[-2] == "Provisional. not all there"
    assert lines[-1] == str(Path("results") / "one" / "one.csv")
    told("experiment", "one", "-n", "4", "--seed", "2", "--workers", "1", "-q", "-o", "mine")
    assert asked.given == [(None, 1, None, None), (4, 2, 1, False)]
    assert (tmp_path / "mine" / "one.json").exists()


def test_a_report_is_made_for_the_most_samples_and_lists_what_has_no_translation(
    asked: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sdmodel.study.report.base_run as base

    runs: list[tuple[object, ...]] = []
    monkeypatch.setattr(base, "base_run", lambda *given, folder: runs.append((*given, folder.name)))
    done = CliRunner().invoke(app, ["report", "--only", "one", "-o", "new/folder/r.zh.html", "--lang", "zh", "-q"])
    assert done.exit_code == 0, done.output
    assert runs == [(8, 1, "r")]
    assert asked.given == [(None, 1, None, False)]
    assert done.stdout.splitlines()[-1] == str(Path("new/folder/r.zh.html"))
    assert done.stdout.splitlines()[0].endswith(": one: It does")
    assert "texts stand in English, since words.zh.toml lacks them:\n" in done.stderr
    assert "\n  It does\n" in done.stderr
    (page,) = (tmp_path / "new" / "folder" / "r").glob("explorer-*.html")
    assert page.read_text("utf-8") == repr({"findings": {"one": ("It does", "../r.zh.html#q-one")}})
    english = CliRunner().invoke(app, ["report", "--only", "one", "-o", "new/folder/r.html"])
    assert english.stderr == ""
    assert asked.given[1:] == [(None, 1, None, None)]  # the kept one is of another model
    assert "../r.html#q-one" in page.with_name("explorer-en.html").read_text("utf-8")
    assert "must be a name with a suffix" in told("report", "-o", ".html", status=2)
    assert "must be a name with a suffix" in told("report", "-o", "report", status=2)


def test_a_page_is_written_after_each_question_that_was_asked_and_at_the_end(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sdmodel.study.report.base_run as base

    known = {name: Asked(name) for name in ("one", "two", "three")}
    for one in known.values():
        one.composition = sdmodel.load("shandong").fingerprint
    monkeypatch.setattr(type(LIBRARY), "__getitem__", lambda self, name: known[name])
    made: list[int] = []
    monkeypatch.setattr(base, "base_run", lambda samples, *_, **__: made.append(samples))
    given = [word for name in known for word in ("--only", name)]
    assert told("report", *given).count("It does") == 3
    assert made == [8, 8, 8]
    told("report", *given)  # all are kept now
    assert made == [8, 8, 8, 8]
    assert [len(one.given) for one in known.values()] == [1, 1, 1]
