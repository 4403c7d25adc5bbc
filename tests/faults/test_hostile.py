"""Files made to do harm, and broken files: a typed error in bounded time, nothing executed, written or read."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sdmodel
from sdmodel.compile.programs import lower
from sdmodel.core.errors import SdmodelError
from sdmodel.io.vensim.translate import read_vensim
from sdmodel.io.xmile.translate import read_xmile

Make = Callable[..., sdmodel.Model]
CODE = "__import__('pathlib').Path('touched').touch()"


@pytest.fixture(autouse=True)
def nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "equations",
    [
        f"l([({CODE},0)-(1,1)],(0,0),(1,1)) ~~|\nx = l(Time) ~~|",
        f"x = WITH LOOKUP(Time, ([({CODE},0)-(1,1)],(0,0),(1,1))) ~~|",
        f"l((0,0),(1,{CODE})) ~~|\nx = l(Time) ~~|",
        f"x = {CODE} ~~|",
        f"x[{CODE}] = 1 ~~|",
        f"x = 1 ~ firm [0,{CODE}] ~ |",
        f"r: ({CODE}1-{CODE}3) ~~|\nx[r] = 1 ~~|",
        f"x = GET DIRECT CONSTANTS(\"{CODE}\", 'a', 'B2') ~~|",
    ],
)
def test_code_in_a_file_is_refused_and_not_run(model_from: Make, tmp_path: Path, equations: str) -> None:
    with pytest.raises(SdmodelError):
        model_from(equations).run(method="euler")
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize(
    "equations",
    [
        f'"x\'); {CODE} #" = Time ~~|',
        f"x = Time ~ {CODE} ~ {CODE} |",
        f"x = Time ~ firm [{CODE}] ~ |",
        f"{{{CODE}}} x = Time ~~|",
        '"__builtins__" = Time ~~|\n"exec" = 1 ~~|\n"lambda" = "exec" + "__builtins__" ~~|',
        "import = Time ~~|\nclass = import*2 ~~|\ny0 = class ~~|\np = y0 ~~|\nt = p ~~|\nnan = t ~~|",
    ],
)
def test_code_and_odd_words_in_names_units_and_comments_stay_text(
    model_from: Make, tmp_path: Path, equations: str
) -> None:
    run = model_from(equations).run(method="euler")
    assert run.to_dataframe().iloc[:, 0].tolist() == run.time.tolist()
    assert not (tmp_path / "touched").exists()


def nested(opening: str, inner: str, closing: str, depth: int) -> str:
    return f"x = {opening * depth}{inner}{closing * depth} ~~|"


@pytest.mark.parametrize(
    "equations",
    [
        nested("(", "1", ")", 5000),
        nested("(1+", "Time", ")", 400),
        nested("IF THEN ELSE(Time>1,2,", "Time", ")", 400),
        "x = " + "+".join(["Time"] * 3000) + " ~~|",
        "r: (A1-A30000000) ~~|\nx[r] = 1 ~~|",
        "r: (A1-A9000) ~~|\ns: (B1-B9000) ~~|\nx[r, s] = Time ~~|",
        "r: s ~~|\ns: r ~~|\nx[r] = 1 ~~|",
        "r: r ~~|\nx[r] = 1 ~~|",
        "x = SMOOTH N(Time, 1, 1, 1e9) ~~|",
        "x = DELAY FIXED(Time, 1e15, 1) ~~|",
        "x = y ~~|\ny = x ~~|",
        "x = " + "1" * 50_000 + "x ~~|",
        "x = 9^9^9^9^9 ~~|",
        "".join(f":MACRO: M{i}(a)\nM{i} = M{i + 1}(a) + M{i + 1}(a) ~~|\n:END OF MACRO:\n" for i in range(18))
        + ":MACRO: M18(a)\nM18 = a ~~|\n:END OF MACRO:\nx = M0(1) ~~|",
        "{" * 100_000,
        '"' * 100_001,
    ],
)
def test_what_grows_without_end_is_refused_soon(model_from: Make, equations: str) -> None:
    begun = time.process_time()
    with pytest.raises(SdmodelError):
        model_from(equations).run(method="euler")
    assert time.process_time() - begun < 10


@pytest.mark.parametrize(
    "given",
    [{"step": 0}, {"step": -1}, {"step": 1e-300}, {"step": ":NA:"}, {"end": 1e300}, {"end": -5},
     {"saveper": 0}, {"saveper": 1e-9},
     {"start": "1/0"}, {"end": 1e7, "step": 1}],
)  # fmt: skip
@pytest.mark.parametrize("method", ["euler", "LSODA", "exact"])
def test_time_settings_that_make_no_sense_are_refused(model_from: Make, given: dict[str, float], method: str) -> None:
    with pytest.raises(SdmodelError):
        model_from("x = INTEG(1, 0) ~~|", **given).run(method=method)


def test_long_chains_are_lowered(model_from: Make) -> None:
    chain = "".join(f"a{i} = a{i + 1} + 1 ~~|\n" for i in range(3000)) + "a3000 = Time ~~|"
    assert model_from(chain).run(method="euler")["a0"].iloc[-1] == 3010


# -- broken files -----------------------------------------------------------------------------------------------
MDL = b"""{UTF-8}
r: A, B, C -> s ~~|
s: (S1-S3) ~~|
:MACRO: FILL(in, start)
FILL = INTEG(in, start) ~ in ~ |
:END OF MACRO:
x[r] = 1, 2, 3 ~ firm [0,5,1] ~ How many. [lever P01] |
y[s] :EXCEPT: [S2] = x[r]*2 + IF THEN ELSE(Time > 3 :AND: :NOT: Time > 5, -2^2, DELAY N(Time, 2, 1, 3)) ~~|
y[S2] = SUM(x[r!]) ~~|
l([(0,0)-(5,5)],(0,1),(2,3)) ~~|
z = l(Time) + WITH LOOKUP(Time, ((0,1),(4,5))) + FILL(1, 2) ~ firm/Year ~ Text "in" quotes. |
"odd | name" = DELAY FIXED(z, 2, 0) ~~|
INITIAL TIME = 0 ~~|
FINAL TIME = 10 ~~|
TIME STEP = 1 ~~|
SAVEPER = TIME STEP ~~|
\\\\\\---/// Sketch information
///---\\\\\\
15:0,0,0,1,0,0
22:$,Dollar
"""
XML = b"""<?xml version="1.0"?><xmile xmlns="http://docs.oasis-open.org/xmile/ns/XMILE/v1.0"><sim_specs><start>0</start>
<stop>9</stop><dt>1</dt></sim_specs><dimensions><dim name="D"><elem name="a"/><elem name="b"/></dim></dimensions>
<model><variables>
<aux name="x"><dimensions><dim name="D"/></dimensions><eqn>1, 2</eqn></aux>
<aux name="y"><eqn>IF TIME &gt; 2 THEN SUM(x) ELSE
x[a] MOD 2</eqn><gf><xscale min="0" max="5"/><ypts>1,2,4</ypts></gf></aux>
<stock name="s"><eqn>3</eqn><inflow>y</inflow><non_negative/>
</stock></variables></model></xmile>"""
PIECES = st.sampled_from(
    [b"(", b")", b"[", b"]", b'"', b"~", b"|", b"{", b"}", b":", b"=", b"!", b",", b"\\", b"'", b"<",
     b">", b"-", b"^", b"\x00",
     b"\xff", b"1e999", b":NA:", b"(A1-A9)", b"&", b";", b":EXCEPT:", b"<->", b"->", b"INTEG(",
     b"GET DIRECT DATA(", b"\n", b"&lt;"]
)  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """A file with a few pieces put in, cut out, overwritten or copied, or cut short."""
    raw = whole
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(raw)))
        match draw(st.sampled_from("icocd")):
            case "i":
                raw = raw[:at] + draw(PIECES) + raw[at:]
            case "c":
                raw = raw[:at] + raw[at + draw(st.integers(1, 20)) :]
            case "o":
                raw = raw[:at] + draw(st.binary(min_size=1, max_size=3)) + raw[at + 1 :]
            case _:
                raw = raw[:at] if draw(st.booleans()) else raw[:at] + raw[max(at - 40, 0) :]
    return raw


def survives(read: Callable[[bytes, Path], sdmodel.Model], raw: bytes, name: str) -> None:
    with suppress(SdmodelError):
        lower(read(raw, Path(name)), fixed=True)


def test_the_undamaged_files_are_read() -> None:
    for read, raw in ((read_vensim, MDL), (read_xmile, XML)):
        lower(read(raw, Path("whole")), fixed=True)


@settings(max_examples=300)
@given(damaged(MDL))
def test_a_damaged_mdl_is_read_or_refused(raw: bytes) -> None:
    survives(read_vensim, raw, "damaged.mdl")


@pytest.mark.filterwarnings("ignore::sdmodel.core.errors.ReadWarning")
@settings(max_examples=200)
@given(damaged(XML))
def test_a_damaged_xmile_is_read_or_refused(raw: bytes) -> None:
    survives(read_xmile, raw, "damaged.xmile")


@settings(max_examples=100)
@given(st.binary(max_size=300))
def test_random_bytes_are_refused(raw: bytes) -> None:
    for read in (read_vensim, read_xmile):
        with pytest.raises(SdmodelError):
            read(raw, Path("random"))


def test_a_damaged_cache_is_only_a_miss(model_from: Make, cache_folder: Path, tmp_path: Path) -> None:
    model_from("x = 3 ~~|", name="kept")
    newest = max(cache_folder.glob("*.json"), key=lambda p: p.stat().st_mtime_ns)
    for text in ("", "{", "[]", '{"format": 0}', newest.read_text().replace('"n"', '"q"')):
        newest.write_text(text)
        assert sdmodel.load(tmp_path / "kept.mdl").run(method="euler")["x"].iloc[0] == 3


def test_a_number_that_is_needed_at_the_start_is_worked_out_once(model_from: Make) -> None:
    """Each doubling reads the one before twice: without memory 2 to the power of 60 readings."""
    doublings = "".join(f"x{i} = x{i - 1} + x{i - 1} ~~|\n" for i in range(1, 61))
    model = model_from(f"x0 = 1 ~~|\n{doublings}n = 2 + x60*0 ~~|\ny = SMOOTH N(Time, 3, 0, n) ~~|\n")
    start = time.process_time()
    model.run(method="euler")
    assert time.process_time() - start < 5
