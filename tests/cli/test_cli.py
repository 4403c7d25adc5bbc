"""The command line as one types it: a process of its own, exit status, no tracebacks."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from command_line import run_command
from typer.testing import CliRunner

import sdmodel
from sdmodel.cli.main import app, main
from sdmodel.core.resources import shipped_models

COMMANDS = ("list", "describe", "check", "run", "sweep", "experiment", "explore", "export")


def call(*words: object, cwd: Path, status: int = 0) -> str:
    """What `sdmodel WORDS` prints (errors where it fails), within this process."""
    done = run_command(*words, cwd=cwd)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stderr if status == 2 else done.stdout


def called(*words: object, cwd: Path, status: int = 0) -> str:
    """The same in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "sdmodel.cli", *map(str, words)], cwd=cwd, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == status, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    return done.stdout if status == 0 else done.stderr


def inside(*words: object) -> str:
    """Output of a command that writes no file."""
    done = CliRunner().invoke(app, list(map(str, words)))
    assert done.exit_code == 0, done.output
    return done.output


# -- help -------------------------------------------------------------------------------------------------------
def test_help_teaches() -> None:
    text = inside("--help")
    for word in (*COMMANDS, "sdmodel experiment withdrawal", "sdmodel describe shandong"):
        assert word in text
    for command in COMMANDS:
        assert "Usage" in inside(command, "--help")
    assert "--set 'exit start=2020-07-01'" in inside("run", "--help")


def test_every_command_has_help_for_every_option() -> None:
    import typer.main

    group = typer.main.get_command(app)
    assert set(COMMANDS) <= set(group.commands)
    for command in group.commands.values():
        assert command.help, command.name
        for parameter in command.params:
            assert getattr(parameter, "help", None), (command.name, parameter.name)


# -- showing ----------------------------------------------------------------------------------------------------
def test_list_shows_models_scenarios_and_experiments() -> None:
    text = inside("list")
    for name in shipped_models():
        assert name in text
    assert "late exit" in text
    assert "withdrawal" in text
    assert "When, and how gradually" in text


def test_describe_a_model_and_a_variable() -> None:
    text = inside("describe", "shandong")
    assert "Levers (" in text
    assert "exit start" in text
    assert "Outcomes (" in text
    assert "Date at which government starts" in text
    assert len(text.splitlines()) < 130
    group = inside("describe", "network", "Trust and culture")
    assert "Stocks (" in group
    assert "trust " in group
    assert "deep links per firm" not in group
    one = inside("describe", "network", "Trust")
    assert "trust  [Dmnl]  stock" in one
    for word in ("equation", "causes", "uses", "source"):
        assert word in one
    bounded = inside("describe", "policy", "exit start")
    assert "2015 to 2100" in bounded
    assert "lever" in bounded


# -- running ----------------------------------------------------------------------------------------------------
def test_run_writes_every_variable(tmp_path: Path) -> None:
    text = called("run", "policy", "--set", "exit start=2020-07-01", "--every", "5", "-o", "a.csv", cwd=tmp_path)
    assert "a.csv: 6 times of" in text
    table = pd.read_csv(tmp_path / "a.csv", index_col="time")
    assert table.index.tolist() == [2009, 2014, 2019, 2024, 2029, 2034]
    assert table["exit start"].iloc[0] == pytest.approx(2020 + 182 / 366)
    assert table["staying"].iloc[-1] == 0
    assert "fiscal cost by instrument[institution]" in table.columns


def test_run_a_scenario_with_a_picture(tmp_path: Path) -> None:
    call("run", "shandong", "-s", "late exit", "--method", "euler", "--plot", "trust", "-o", "b.csv", cwd=tmp_path)
    assert (tmp_path / "b.png").read_bytes().startswith(b"\x89PNG")


def test_run_a_file_of_ones_own(tmp_path: Path, write_model: Callable[..., Path]) -> None:
    path = write_model("x = INTEG(1, 0) ~ Dmnl ~ |")
    call("run", path, "-o", tmp_path / "own.csv", cwd=tmp_path)
    assert pd.read_csv(tmp_path / "own.csv")["x"].tolist() == pytest.approx(list(range(11)))


def test_names_of_a_picture_are_checked_before_the_run(tmp_path: Path, write_model: Callable[..., Path]) -> None:
    path = write_model("x = INTEG(1, 0) ~ Dmnl ~ |")
    assert "There is no variable 'zz'" in call("run", path, "--plot", "zz", cwd=tmp_path, status=2)
    assert not (tmp_path / "run.csv").exists()


ARRAYS = """
place: north, south ~~|
many: (m1-m13) ~~|
x[place] = INTEG(r[place], 0) ~ m ~ |
r[place] = 1, 2 ~ m/Year [0,5] ~ |
wide[many] = 1 ~ m ~ |
y = 2*x[north] ~ m ~ |
"""


@pytest.mark.parametrize(
    ("named", "drawn"),
    [
        (["x"], "x[north], x[south]"),
        (["X[ South ]"], "x[south]"),
        (["y", "x[north]", "x"], "y, x[north], x[south]"),
        (["wide[m2]"], "wide[m2]"),
    ],
)
def test_every_element_of_an_array_is_drawn(
    tmp_path: Path, write_model: Callable[..., Path], named: list[str], drawn: str
) -> None:
    words = [word for name in named for word in ("--plot", name)]
    text = call("run", write_model(ARRAYS), *words, "-o", tmp_path / "a.csv", cwd=tmp_path)
    assert text.splitlines()[-1].endswith(f"a.png: {drawn}")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        (["run", "--plot", "x[nowhere]"], "--plot 'x[nowhere]': 'x' has 2 elements. Name some: 'x[north]'."),
        (["run", "--plot", "wide"], "'wide' has 13 elements. Name some: 'wide[m1]'."),
        (["run", "--set", "r=9"], "Choose a value inside, or widen the range in the model file."),
        (["run", "--set", "y=9"], "To change its formula, write it in the model file."),
        (["run", "--every", "0.3", "--method", "rk4"], "--every 0.3 is no multiple of the TIME STEP"),
        (["run", "--every", "-1"], "give a finite number above 0"),
        (["sweep", "--outcome", "y at 5", "--design", "d.csv"], "or widen the range in the model file."),
    ],
)
def test_advice_is_for_a_shell(tmp_path: Path, write_model: Callable[..., Path], words: list[str], advice: str) -> None:
    (tmp_path / "d.csv").write_text("r\n7\n")
    text = call(words[0], write_model(ARRAYS), *words[1:], cwd=tmp_path, status=2)
    assert advice in " ".join(text.split())
    assert not any(python in text for python in ("model.", "every=", "method="))
    assert not list(tmp_path.glob("run.csv"))


# -- checking ---------------------------------------------------------------------------------------------------
def test_run_takes_the_method_a_file_needs(tmp_path: Path) -> None:
    variables = (
        '<stock name="tank"><eqn>5</eqn><outflow>drain</outflow><non_negative/></stock>'
        '<flow name="drain"><eqn>2</eqn></flow>'
    )
    (tmp_path / "tank.stmx").write_text(
        '<xmile version="1.0" xmlns="http://docs.oasis-open.org/xmile/ns/XMILE/v1.0"><header/>'
        '<sim_specs method="Euler"><start>0</start><stop>4</stop><dt>1</dt></sim_specs>'
        f"<model><variables>{variables}</variables></model></xmile>"
    )
    assert "euler" in call("run", "tank.stmx", cwd=tmp_path)
    assert pd.read_csv(tmp_path / "run.csv")["tank"].tolist() == [5, 3, 1, 0, 0]


def test_check_answers_by_its_status(tmp_path: Path, write_model: Callable[..., Path]) -> None:
    assert "0 errors" in call("check", "network", cwd=tmp_path)
    bad = write_model("x = INTEG(nowhere, 0) ~ Dmnl ~ |")
    assert "nowhere" in call("check", bad, cwd=tmp_path, status=1)
    warned = write_model("x = 3 ~ Dmnl ~ How many. [fixed] [@guess] |\ny = INTEG(x, 0) ~ Dmnl*Year ~ |", name="warned")
    call("check", warned, "--strict", cwd=tmp_path, status=1)
    call("check", warned, cwd=tmp_path)


def test_sweep_writes_a_row_a_run(tmp_path: Path) -> None:
    told = call(
        "sweep", "network", "--outcome", "trust at 2034", "--outcome", "max of deep links", "-n", "70", cwd=tmp_path
    )
    table = pd.read_csv(tmp_path / "sweep.csv")
    assert len(table) == 70
    assert {"contact rate", "trust at 2034", "max of deep links", "status"} <= set(table.columns)
    assert (table["status"] == 0).all()
    assert "70 runs, 0 failed. Certificate: 6 random runs differ" in told
    assert f"median {table['trust at 2034'].median():.4g}" in told
    row = table.iloc[3]
    names = sdmodel.load("network").uncertainties.index
    run = sdmodel.load("network").run(row[names].to_dict(), method="exact")
    assert run["trust"].iloc[-1] == pytest.approx(row["trust at 2034"], rel=1e-8)


def test_sweep_takes_a_design_and_gives_each_element_a_column(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("base coordination\n0.3\n0.6\n", encoding="utf-8")
    call(
        "sweep",
        "policy",
        "--design",
        "mine.csv",
        "--outcome",
        "fiscal cost by instrument at 2034",
        "-o",
        "x.csv",
        cwd=tmp_path,
    )
    table = pd.read_csv(tmp_path / "x.csv")
    assert table["base coordination"].tolist() == [0.3, 0.6]
    instruments = sdmodel.load("policy").ranges["instrument"].elements
    assert [f"fiscal cost by instrument at 2034 [{i}]" for i in instruments] == list(table.columns[1:-2])


def test_export_writes_what_vensim_opens(tmp_path: Path) -> None:
    call("export", "shandong", "whole.mdl", cwd=tmp_path)
    whole, again = (sdmodel.load(m).run(method="rk4", every=5) for m in ("shandong", tmp_path / "whole.mdl"))
    for name in ("self organisation index", "present value of public money"):
        assert again[name].tolist() == whole[name].tolist()
    assert "File exists" in call("export", "shandong", "whole.mdl", cwd=tmp_path, status=2)


# -- going wrong ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "shandog"], "no shipped model 'shandog'. Nearest: shandong"),
        (["run", "nowhere.mdl"], "no file 'nowhere.mdl'"),
        (["run", "model.docx"], "'model.docx' ends with '.docx'"),
        (["describe", "network", "trusst"], "no variable 'trusst'. Nearest: trust"),
        (["run", "network", "--set", "trust time"], "--set takes NAME=VALUE"),
        (["run", "network", "--set", "trust time=3", "--set", "trust time=4"], "--set gives 'trust time' twice"),
        (
            ["run", "network", "--set", "trust time=long"],
            "'trust time' is given the text 'long', which is not a number",
        ),
        (["run", "network", "--set", "trust time=99"], "its range in network.mdl is 2 to 8"),
        (["run", "network", "--set", "deepening=1"], "'deepening' is not a constant"),
        (["run", "network", "--method", "magic"], "no method 'magic'"),
        (["run", "network", "--every", "0"], "give a finite number above 0"),
        (["run", "shandong", "-s", "late exti"], "no scenario 'late exti'. Nearest: late exit"),
        (["run", "network", "-o", "no/such/folder/run.csv"], "no/such/folder"),
        (["run", "network", "--plot", "trusst"], "no variable 'trusst'"),
        (["experiment", "withdrawl"], "no experiment 'withdrawl'. Nearest: withdrawal"),
        (["experiment", "withdrawal", "--samples", "1"], "samples"),
        (["fly"], "fly"),
    ],
    ids=lambda x: " ".join(x) if isinstance(x, list) else "",
)
def test_errors_are_short_and_status_two(
    tmp_path: Path, words: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["sdmodel", *words])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    said = capsys.readouterr()
    assert message in said.err
    assert "Traceback" not in said.err
    assert len(said.err.strip().splitlines()) <= 5


def test_an_error_of_a_process_of_its_own(tmp_path: Path) -> None:
    text = called("run", "network", "--set", "trust time=99", cwd=tmp_path, status=2)
    assert text.startswith("sdmodel: 'trust time' is given 99 Year; its range in network.mdl is 2 to 8 Year.")
    assert list(tmp_path.iterdir()) == []


def test_no_arguments_show_the_help(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sdmodel.cli"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert "Usage" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


# -- an experiment ----------------------------------------------------------------------------------------------
def test_the_experiment_writes_its_files(tmp_path: Path) -> None:
    text = call("experiment", "procurement", "-n", "2", "--seed", "7", "--workers", "1", "-q", cwd=tmp_path)
    folder = tmp_path / "results" / "procurement"
    assert sorted(p.name for p in folder.iterdir()) == [f"procurement.{e}" for e in ("csv", "json", "png", "txt")]
    record = json.loads((folder / "procurement.json").read_text(encoding="utf-8"))
    assert record["record"]["seed"] == 7
    assert record["record"]["samples"] == 2
    assert record["name"] == "procurement"
    lines = text.strip().splitlines()
    assert lines[-1] == str(Path("results") / "procurement" / "procurement.png")
    assert lines[-4].startswith("A yuan of public money brings more of firms' own RnD through procurement")
    assert all(line.endswith(".") for line in lines[-4:-1])  # three plain sentences
    assert len(pd.read_csv(folder / "procurement.csv")) == 2 * 4


def test_the_report_is_one_page_and_keeps_its_findings(tmp_path: Path) -> None:
    given = ("report", "--only", "procurement", "-n", "2", "--workers", "1", "-q")
    text = call(*given, cwd=tmp_path)
    assert text.startswith("1 of 1: procurement: ")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert 'id="q-procurement"' in page
    assert 'href="report/procurement.json"' in page
    (explorer,) = (tmp_path / "report").glob("explorer-*.html")
    assert f'href="report/{explorer.name}#p.procurement+budget=' in page
    made = (tmp_path / "report" / "procurement.json").stat().st_mtime_ns
    again = call(*given, "--lang", "zh", "--out", "report.zh.html", cwd=tmp_path)  # what is kept is not asked again
    assert ": procurement: " in again
    assert (tmp_path / "report" / "procurement.json").stat().st_mtime_ns == made
    assert '<html lang="zh-CN">' in (tmp_path / "report.zh.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("given", "near"),
    [(("--only", "procurment"), "procurement"), (("--lang", "cn"), "zh"), (("--out", "report"), "report.html")],
)
def test_the_report_refuses_what_it_does_not_know(given: tuple[str, str], near: str, tmp_path: Path) -> None:
    text = call("report", *given, cwd=tmp_path, status=2)
    assert text.startswith("sdmodel: ")
    assert near in text


def test_explore_writes_a_page(tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    assert "kB; open it in a browser" in inside("explore", "budworm", "--out", out)
    assert out.read_text("utf-8").startswith("<!DOCTYPE html>")
    assert "page.html: File exists" in call("explore", "budworm", "--out", out, cwd=tmp_path, status=2)


def test_the_version_is_shown(tmp_path: Path) -> None:
    assert call("--version", cwd=tmp_path) == f"sdmodel {sdmodel.__version__}\n"
