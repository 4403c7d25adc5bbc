"""No raw error reaches a user: every way in, times what should not come in, ends in one typed line."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
from command_line import run_command

import sdmodel
from sdmodel.core.errors import SdmodelError
from sdmodel.core.text import escaped_csv, one_line, printable, shorten, unescaped_csv

MODEL = """d: a, b ~~|
rate = 0.1 ~ 1/Year [0,1] ~ Rate. [lever] |
x = INTEG(rate*x, 1) ~ Dmnl ~ [outcome] |
demand ~~|
z = demand ~~|
"""


def toml_of_parts() -> bytes:
    return b".".join([b"a"] * 50_000) + b" = 1"


CONTENTS: dict[str, bytes | None] = {
    "missing": None,
    "empty": b"",
    "blank": b" \n\n",
    "zeros": b"\0" * 1000,
    "not UTF-8": b"Time,demand\n0,\xff\xfe\n",
    "random": bytes(range(256)) * 10,
    "text": b"hello\n",
    "one row": b"Time,demand\n",
    "ragged": b"Time,demand\n0,1\n1\n2,3,4\n",
    "decimal comma": b"Time,demand\n0,1\n1,2,5\n",
    "twice": b"Time,demand,demand\n0,1,2\n",
    "long field": b"Time," + b"d" * 131_073 + b"\n0,1\n",
    "open quote": b'Time,"demand\n0,1\n',
    "million of quotes": b'"' * 1_000_000,
    "escape": b"\x1b[2J\x1b]0;title\x07,\x1b[31m\n\x1b,\x1b\n",
    "long integer": b"x = " + b"9" * 5000,
    "nested list": b"x = " + b"[" * 50_000,
    "key of many parts": toml_of_parts(),
    "unclosed table": b"[scenarios.a",
    "not a table": b"scenarios = 3\nsectors = 3\n",
    "folder as sector": b"sectors = ['folder']\n",
    "folder as .mdl sector": b"sectors = ['folder.mdl']\n",
    "pipe as sector": b"sectors = ['pipe.mdl']\n",
    "sector twice": b"sectors = ['mini.mdl', 'mini.mdl']\n",
    "sector with a null": b"sectors = ['a\\u0000b.mdl']\n",
    "sector is itself": b"sectors = ['bad.toml']\n",
    "stand-ins": b"sectors = ['mini.mdl']\nstand_ins = 5\n",
    "date far off": b"[scenarios.a.paths]\nrate = { at = [9999-12-31, 1e400], value = [1, 2] }\n",
    "huge integer": b"[scenarios.a]\nvalues = { rate = 1" + b"0" * 400 + b" }\n",
    "zip": b"PK\x03\x04" + b"\0" * 100,
    "equations": b"x = \n~~|",
    "nested brackets": b"x = " + b"(" * 100_000 + b"~~|",
    "html": b"<html><body>404</body></html>",
}
KINDS = {"folder": "a folder", "pipe": "a named pipe", "unreadable": "cannot be opened"}


def _load(path: Path, model: Path) -> object:
    return sdmodel.load(path).run()


def _data_files(path: Path, model: Path) -> object:
    return sdmodel.load(model, data_files=path)


def _scenarios(path: Path, model: Path) -> object:
    return sdmodel.load_scenarios(path)


def _observations(path: Path, model: Path) -> object:
    return sdmodel.calibrate(sdmodel.load("adoption"), ["time in use"], path)


def _compare(path: Path, model: Path) -> object:
    return sdmodel.compare(path, path)


def _direct(path: Path, model: Path) -> object:
    text = model.read_text(encoding="utf-8").replace(
        "demand ~~|", f"demand := GET DIRECT DATA('{path.name}', ',', 'A', 'B2') ~~|"
    )
    (model.parent / "direct.mdl").write_text(text, encoding="utf-8")
    return sdmodel.load(model.parent / "direct.mdl").run()


def _open_sweep(path: Path, model: Path) -> object:
    return sdmodel.open_sweep(path)


WAYS: dict[str, tuple[Callable[[Path, Path], object], tuple[str, ...]]] = {
    "load": (_load, (".mdl", ".xmile", ".stmx", ".toml")),
    "data files": (_data_files, (".csv", ".tab", ".txt", ".dat", ".xlsx", ".xls", ".ods")),
    "GET DIRECT": (_direct, (".csv", ".xlsx", ".ods")),
    "scenarios": (_scenarios, (".toml", ".cin")),
    "observations": (_observations, (".csv", ".xlsx", ".ods")),
    "compare": (_compare, (".csv", ".tab", ".xlsx")),
    "open_sweep": (_open_sweep, (".zarr",)),
}
# These are well formed for this way in: that they are read is right.
FINE = {
    *(("scenarios", suffix, name) for suffix in (".toml", ".cin") for name in ("empty", "blank")),
    *(("scenarios", ".toml", name) for name in CONTENTS if "sector" in name or name == "stand-ins"),
    ("scenarios", ".cin", "key of many parts"),
    ("scenarios", ".cin", "not a table"),
    ("GET DIRECT", ".csv", "twice"),
}


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """An alarm stops what would wait for ever, such as for the other end of a pipe."""

    def stop(number: int, frame: object) -> None:
        raise AssertionError(f"not done after {seconds:g} s")

    old = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)


@pytest.fixture
def model_file(write_model: Callable[..., Path], tmp_path: Path) -> Path:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder.mdl").mkdir()
    os.mkfifo(tmp_path / "pipe.mdl")
    return write_model(MODEL)


def said(error: SdmodelError) -> None:
    """The message is one line or a few, ends, and steers no terminal."""
    text = str(error)
    assert 10 < len(text) < 2000, text[:300]
    assert text.count("\n") <= 4, text[:300]
    assert printable(text) == text


@pytest.mark.parametrize(
    ("way", "suffix"), [(way, suffix) for way, (_, suffixes) in WAYS.items() for suffix in suffixes], ids=str
)
@pytest.mark.filterwarnings("ignore::sdmodel.core.errors.ResultWarning")
def test_bad_content_is_a_typed_error(way: str, suffix: str, model_file: Path) -> None:
    use, _ = WAYS[way]
    for name, content in CONTENTS.items():
        path = model_file.parent / f"bad{suffix}"
        path.unlink(missing_ok=True)
        if content is not None:
            path.write_bytes(content)
        with within(20):
            try:
                use(path, model_file)
            except SdmodelError as error:
                said(error)
            except Exception as error:
                raise AssertionError(f"{way} of {suffix}, {name}: {type(error).__name__}") from error
            else:
                assert (way, suffix, name) in FINE, f"{way} of {suffix}, {name} went through"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("way", "suffix"), [(way, suffix) for way, (_, suffixes) in WAYS.items() for suffix in suffixes[:2]], ids=str
)
def test_what_is_no_file_is_a_typed_error(way: str, suffix: str, kind: str, model_file: Path) -> None:
    path = model_file.parent / f"bad{suffix}"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.write_text("x")
        path.chmod(0)
        if os.access(path, os.R_OK):
            pytest.skip("this user may read every file")
    with within(20), pytest.raises(SdmodelError) as caught:
        WAYS[way][0](path, model_file)
    said(caught.value)


# -- the command line ---------------------------------------------------------------------------------------------
def one_line_and_status_2(done: subprocess.CompletedProcess[str], message: str) -> None:
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert done.stderr.startswith("sdmodel: "), done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert message in done.stderr
    assert done.returncode == 2


DESIGNS = [
    ("empty.csv", b"", "empty.csv is empty"),
    ("ragged.csv", b"rate\n0,5\n", "row 2: 2 cells, but the first row has 1"),
    ("latin.csv", b"rate\n0.5\n\xe9\n", "not UTF-8"),
    ("rows.csv", b"rate\n", "no rows below its header"),
    ("index.csv", b",rate\n0,0.5\n", "the column has no name"),
    ("comma.csv", b"rate;y\n0,5;1\n", "'0,5' is not a number"),
    ("name.csv", b"raet\n0.5\n", "Nearest: rate"),
    ("range.csv", b"rate\n7\n", "range"),
    ("kind.docx", b"rate\n0.5\n", "of a kind that cannot be read"),
    ("folder", None, "of a kind that cannot be read"),
    ("none.csv", None, "no file 'none.csv'"),
]


@pytest.mark.parametrize(("name", "raw", "message"), DESIGNS, ids=[d[0] for d in DESIGNS])
def test_a_bad_design_is_one_line(
    write_model: Callable[..., Path], tmp_path: Path, name: str, raw: bytes | None, message: str
) -> None:
    path = write_model("rate = 0.1 ~ 1/Year [0,1] ~ Rate. [uncertainty] |\nx = INTEG(rate*x, 1) ~ Dmnl ~ [outcome] |\n")
    if raw is not None:
        (tmp_path / name).write_bytes(raw)
    done = run_command("sweep", path, "--design", name, "-o", "out.csv", cwd=tmp_path)
    one_line_and_status_2(done, message)
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(("words", "message"), [
    (["describe", "folder.mdl"], "'folder.mdl' is a folder, not a file"),
    (["describe", "pipe.mdl"], "'pipe.mdl' is a named pipe, not a file"),
    (["describe", "none.mdl"], "no file 'none.mdl'"),
    (["run", "mini.mdl", "-o", "none/out.csv"], "none"),
    (["run", "mini.mdl", "-o", "folder"], "'folder' ends with ''"),
    (["run", "mini.mdl", "-o", "out.docx"], "'out.docx' ends with '.docx'"),
    (["run", "mini.mdl", "--set", "rate=1_0"], "'rate' is given the text '1_0', which is not a number"),
    (["run", "mini.mdl", "--set", "rate=nan"], "'rate' is given the text 'nan', which is not a number"),
    (["run", "mini.mdl", "--every", "nan"], "every"),
    (["run", "late.mdl", "--method", "exact"], "Run with --method euler or --method rk4"),
    (["sweep", "late.mdl"], "--design TABLE.csv"),
    (["run", "mini.mdl", "-s", "none"], "no scenario 'none'"),
    (["run", "mini.mdl", "--method", "none"], "no method 'none'"),
    (["sweep", "mini.mdl", "--outcome", "y at 5"], "'y'"),
    (["sweep", "mini.mdl", "--outcome", "nonsense"], "nonsense"),
    (["export", "mini.mdl", "out.txt"], ".mdl"),
    (["export", "mini.mdl", "none/out.mdl"], "none"),
    (["experiment", "none"], "no experiment 'none'"),
])  # fmt: skip
def test_a_bad_command_is_one_line(
    words: list[str], message: str, write_model: Callable[..., Path], tmp_path: Path
) -> None:
    write_model("rate = 0.1 ~ 1/Year [0,1] ~ Rate. [uncertainty] |\nx = INTEG(rate*x, 1) ~ Dmnl ~ [outcome] |\n")
    write_model("x = DELAY FIXED(Time, 1, 0) ~ Year ~ [outcome] |", name="late")
    (tmp_path / "folder.mdl").mkdir()
    os.mkfifo(tmp_path / "pipe.mdl")
    one_line_and_status_2(run_command(*words, cwd=tmp_path), message)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_is_one_line(write_model: Callable[..., Path], tmp_path: Path) -> None:
    path = write_model("x = INTEG(1, 0) ~ Dmnl ~ [outcome] |\n")
    (tmp_path / "out.csv").symlink_to("/dev/full")
    one_line_and_status_2(run_command("run", path, "-o", "out.csv", cwd=tmp_path), "No space left")
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "sdmodel.cli", "describe", str(path)], stdout=full, stderr=subprocess.PIPE, text=True
        )
    one_line_and_status_2(done, "No space left")


def test_a_reader_that_goes_away_is_no_error(write_model: Callable[..., Path], tmp_path: Path) -> None:
    path = write_model("x = INTEG(1, 0) ~ Dmnl ~ [outcome] |\n")
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "sdmodel.cli", "describe", str(path)], stdout=write, stderr=subprocess.PIPE, text=True
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (0, "")


# A shell's background jobs, and what they start, ignore Ctrl-C.
CTRL_C = (
    "import signal; from sdmodel.cli.main import main; "
    "signal.signal(signal.SIGINT, signal.default_int_handler); print('ready', flush=True); raise SystemExit(main())"
)


@pytest.mark.slow  # it waits for the chunk in work, which takes as long as the machine is busy
def test_ctrl_c_is_one_line(write_model: Callable[..., Path], tmp_path: Path) -> None:
    path = write_model(
        "rate = 0.1 ~ 1/Year [0,1] ~ Rate. [uncertainty] |\nx = INTEG(rate*x, 1) ~ Dmnl ~ [outcome] |\n", step=1e-4
    )
    with subprocess.Popen(
        [sys.executable, "-c", CTRL_C, "sweep", str(path), "-n", "100000", "--method", "rk4"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(4)  # into the command
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert "Traceback" not in said
    assert said.splitlines()[-1] == "sdmodel: stopped."
    assert process.returncode == 130


# -- names --------------------------------------------------------------------------------------------------------
HOSTILE = ["=1+1", "@sum", "+1", "-1"]


def test_hostile_names_reach_neither_terminal_nor_spreadsheet(write_model: Callable[..., Path], tmp_path: Path) -> None:
    equations = "".join(f'"{name}" = {i} ~ \x1b[1mDmnl ~ \x1b]0;t\x07Doc. |\n' for i, name in enumerate(HOSTILE))
    path = write_model(equations)
    for words in (
        ["describe", path],
        ["describe", path, "=1+1"],
        ["check", path],
        ["run", path],
        ["run", path, "--set", "\x1b=1"],
    ):
        done = run_command(*words, cwd=tmp_path)
        assert printable(done.stdout + done.stderr) == done.stdout + done.stderr, words
        assert done.returncode in (0, 1, 2)
    head = (tmp_path / "run.csv").read_text(encoding="utf-8").splitlines()[0]
    columns = pd.read_csv(tmp_path / "run.csv").columns
    assert {f"'{name}" for name in HOSTILE} <= set(columns), head
    assert not [c for c in columns if c.startswith(("=", "@", "+", "-"))]
    with pytest.raises(SdmodelError) as caught:
        sdmodel.load(path)["\x1b[31mred"]
    said(caught.value)
    assert "\\x1b[31mred" in str(caught.value)


def test_text_is_made_safe() -> None:
    assert printable("résumé 世界 – ×\n") == "résumé 世界 – ×\n"
    assert printable("\x1b[2J\u202e\x9b\ud800\t") == "\\x1b[2J\\u202e\\x9b\\ud800\\x09"
    assert one_line("a\nb\u2028c") == "a\\nb\\u2028c"
    assert shorten("x" * 10**6, 20) == "x" * 17 + "..."
    for name in ("=1", "+1", "-1", "@x", "\tx", "\rx"):
        assert escaped_csv(name) == "'" + name
        assert unescaped_csv(escaped_csv(name)) == name
    for name in ("x", "'x", "x=1", ""):
        assert escaped_csv(name) == name == unescaped_csv(name)


def test_a_long_name_is_looked_up_soon() -> None:
    model = sdmodel.load("network")
    begun = time.process_time()
    with pytest.raises(SdmodelError) as caught:
        model["x" * 1_000_000]
    said(caught.value)
    assert time.process_time() - begun < 2
