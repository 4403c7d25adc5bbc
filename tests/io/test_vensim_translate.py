"""What a `.mdl` may look like: encodings, comments, groups, settings, old forms of lookups, and what is kept of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import sdmodel
from sdmodel.core.errors import ReadError, SdmodelError, UnsupportedError

Make = Callable[..., sdmodel.Model]
CONTROL = "INITIAL TIME = 0 ~~|\nFINAL TIME = 4 ~~|\nTIME STEP = 1 ~~|\nSAVEPER = 1 ~~|\n"
CHINESE = "信任 = 存量*2 ~ 人 ~ 多少人信任这个网络, 以及为什么。 |\n存量 = INTEG(1, 3) ~ 人 ~ 一个存量。 |\n"


def first(model: sdmodel.Model, name: str = "x") -> float:
    return float(model.run(method="euler")[name].iloc[0])


@pytest.mark.parametrize(
    ("head", "codec"),
    [
        ("{UTF-8}\n", "utf-8"),
        ("", "utf-8"),
        ("", "utf-8-sig"),
        ("{GBK}\n", "gbk"),
        ("", "gbk"),
        ("{GB2312}\n", "gb2312"),
    ],
)
def test_chinese_in_every_encoding(tmp_path: Path, head: str, codec: str) -> None:
    path = tmp_path / "模型.mdl"
    path.write_bytes((head + CHINESE + CONTROL).encode(codec))
    model = sdmodel.load(path)
    assert first(model, "信任") == 6
    assert (model["信任"].unit, model["存量"].sentence) == ("人", "一个存量。")


def test_an_encoding_that_does_not_fit_is_said(tmp_path: Path) -> None:
    path = tmp_path / "x.mdl"
    path.write_bytes(b"{UTF-8}\n" + CHINESE.encode("gbk"))
    with pytest.raises(ReadError, match="says it is written in utf-8"):
        sdmodel.load(path)


def test_windows_text_and_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "x.mdl"
    path.write_bytes(("größe = 3 ~ m ~ Maß. |\n" + CONTROL).replace("\n", "\r\n").encode("cp1252"))
    assert first(sdmodel.load(path), "größe") == 3


@pytest.mark.parametrize(
    ("equations", "value"),
    [
        ("{before} x {in} = {a} 2 {b} + 3 ~~|\n{after}", 5),
        ("l(0,1,2,10,20,40) ~~|\nx = l(1.5) ~~|", 30),
        ("l[A](0,1, \\\n\t10,20) ~~|\nr: A ~~|\nx = l[A](0.5) ~~|", 15),
        ("x = 1 + \\\n\t\t2 ~~|", 3),
        ("x == 4 ~~|", 4),
        ('"a = b ~ c | d" = 2 ~~|\nx = "a = b ~ c | d"*2 ~~|', 4),
        ("X_y  z=2 ~~|\nx = x Y_Z*2 ~~|", 4),
        ("x = if then else(TIME>=0, max(1, 2), 3) ~~|", 2),
        ("x = M(2) ~~|\n:MACRO: M(a)\nM = a*a ~~|\n:END OF MACRO:\n", 4),
        ("x = 1 ~ firm ~ doc |\nc:THE CONDITION: x=0:IMPLIES: x=1 ~~|\nt:TEST INPUT: x = RC STEP(x, 0) ~~|", 1),
        ("********\n\t.Group\n********~\n\t\tText\n\t|\nx = 1 ~ firm ~ doc ~ :SUPPLEMENTARY |", 1),
    ],
)
def test_forms_that_files_have(model_from: Make, equations: str, value: float) -> None:
    assert first(model_from(equations)) == value


def test_groups_lines_units_limits_and_settings_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "x.mdl"
    path.write_text(
        "{UTF-8}\n***\n\t.Firms\n***~\n\t\tAbout firms.\n\t|\nx=\n\t1\n"
        "\t~\t$[2010]/Year [0,?,0.5]\n\t~\tTwo\\\n\t\tlines. [fixed]\n\t|\n"
        "r: A, B ~~|\ny[A] = 1 ~~|\ny[B] = 2 ~ firm [?,5] ~ Of both. |\n***\n\t.Control\n***~\n\t\t.|\n" + CONTROL +
        "\\\\\\---/// Sketch information - do not modify\nV300\n*View 1\n"
        "///---\\\\\\\n:L<%^E!@\n15:0,0,0,1,0,0\n22:$,Dollar,Dollars\n"
    )  # fmt: skip
    model = sdmodel.load(path)
    x, y = model["x"], model["y"]
    assert (x.unit, x.limits, x.group, x.line, x.sentence) == ("$[2010]/Year", (0, None, 0.5), "Firms", 7, "Two lines.")
    assert (y.unit, y.limits, y.documentation) == ("firm", (None, 5), "Of both.")
    assert (model.method, model.synonyms, model["TIME STEP"].group) == ("rk4", (("$", "Dollar", "Dollars"),), "Control")


@pytest.mark.parametrize(
    ("equations", "message"),
    [
        ("a = 1 ~~|\nx = 3 + ~~|", "mini.mdl:3: the equation of 'x' cannot be read"),
        ("x = 1 ~ firm [0,b] ~ |", "is not a range"),
        ("x = 1 ~ firm [0,1,2,3] ~ |", "can have 2 or 3"),
        ("l(0,1,2) ~~|", "as many x as y"),
        ("x = 1 ~~|\nX = 2 ~~|", "'x' is defined twice"),
        ("r: A, B ~~|\nx[A] = 1 ~~|\nx[B] = 1 ~~|\nx[a] = 2 ~~|", "'x' is defined twice"),
        ("x = 'text", "equation of 'x' cannot be read"),
        ("x = :NOT ~~|", "cannot be read"),
        ("s :IS: 'text' ~~|\nx = s + 1 ~~|", "mini.mdl:3: 'x' reads the string variable 's'"),
        ('x = "open ~~|', "opened and never closed"),
        ("r: (A5-A1) ~~|\nx[r] = 1 ~~|", "lower than the second|cannot be read"),
        ("r: A, B -> (t: T1) ~~|\nt: T1, T2 ~~|\nx[r] = 1 ~~|", "lists 1 of 2 elements"),
        ("r: A, B -> t ~~|\nt: T1, T2, T3 ~~|\nx[r] = 1 ~~|", "mini.mdl:2: .*maps 2 elements to the 3 of 't'"),
        ("d: A, B -> e ~~|\ne: C, D ~~|\nx[e, d] = 1 ~~|\ny[e] = x[e, A] ~~|", "maps 2 elements to the 3 of 'e'"),
        (":MACRO: M(a : b)\nM = a ~~|\nb = a ~~|\n:END OF MACRO:\nx = M(1 : y, z) ~~|", "has 1 further outputs, 2 are"),
    ],
)
def test_what_cannot_be_read_is_said_with_file_line_and_variable(
    model_from: Make, equations: str, message: str
) -> None:
    with pytest.raises(SdmodelError, match=message):
        model_from(equations).run(method="euler")


def test_a_second_load_needs_no_parser(model_from: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_from("x = 3 ~ firm [0,5] ~ Sentence. [lever P01] |\nr: A, B -> s ~~|\ns: S1, S2 ~~|\ny[r] = 1, 2 ~~|")

    def refuse(*_: object) -> None:
        raise AssertionError("parsed again")

    monkeypatch.setattr("sdmodel.io.vensim.translate.parse_equation", refuse)
    again = sdmodel.load(tmp_path / "mini.mdl")
    assert dict(again.equations) == dict(model.equations)
    assert dict(again.ranges) == dict(model.ranges)


MACRO = """:MACRO: SPREAD(x, y : middle, gap)
SPREAD = x + y ~~|
middle = (x + y) / 2 ~ m ~ |
gap = x - y ~~|
:END OF MACRO:
"""


@pytest.mark.parametrize(
    ("equations", "name", "value"),
    [
        (MACRO + "x = SPREAD(7, 3 : centre, width) ~~|", "x", 10),
        (MACRO + "x = SPREAD(7, 3 : centre, width) ~~|", "centre", 5),
        (MACRO + "x = 2 * SPREAD(7, 3 : centre, width) + centre ~~|", "x", 25),
        (MACRO + "x = SPREAD(7, 3 : centre) ~~|", "centre", 5),
        (MACRO + "x = SPREAD(7, 3) ~~|", "x", 10),
        (MACRO + "r: A, B ~~|\nk[r] = 1, 2 ~~|\nx[r] = SPREAD(k[r], 3 : c[r], w[r]) ~~|", "w[B]", -1),
        (MACRO + "r: A, B ~~|\nx[A] = SPREAD(7, 3 : c, w) ~~|\nx[B] = SPREAD(9, 3 : c, w) ~~|", "c[B]", 6),
        (MACRO + ":MACRO: TWICE(a : far)\nTWICE = 2 * SPREAD(a, 1 : m, far) + m ~~|\n:END OF MACRO:\n"
         "x = TWICE(5 : y) ~~|", "x", 15),
        (MACRO + ":MACRO: TWICE(a : far)\nTWICE = 2 * SPREAD(a, 1 : m, far) + m ~~|\n:END OF MACRO:\n"
         "x = TWICE(5 : y) ~~|", "y", 4),
        (":MACRO: HOLD(u : level)\nHOLD = level * 2 ~~|\nlevel = INTEG(u, 3) ~~|\n:END OF MACRO:\n"
         "x = HOLD(0 : stock) ~~|", "stock", 3),
        ("hours = 8760\n  { plain; a { leap } year has more }\n ~ hours ~ |\nx = {a{b{c}}}hours / 24 ~~|", "x", 365),
        ("label :IS: 'north' ~~|\nx = 3 ~~|", "x", 3),
    ],
)  # fmt: skip
def test_outputs_of_macros_comments_in_comments_and_texts(
    model_from: Make, equations: str, name: str, value: float
) -> None:
    assert first(model_from(equations), name) == value


@pytest.mark.parametrize(
    ("equations", "message"),
    [
        (MACRO + "x = SPREAD(7, 3 : a, b, c) ~~|", "has 2 further outputs, 3 are named"),
        (MACRO + "x = SPREAD(7, 3 : c) ~~|\nc = 2 ~~|", "'c' is the output of a macro and is defined elsewhere"),
        (MACRO + "x = SPREAD(7, 3 : c) ~~|\ny = SPREAD(7, 3 : c) ~~|", "'c' is the output of a macro and is defined"),
        ("x = MIN(7, 3 : c) ~~|", "'min', which is not a macro"),
        (":MACRO: M(a : b)\nM = a ~~|\n:END OF MACRO:\nx = M(1 : y) ~~|", "does not define what it returns, 'b'"),
        (MACRO + MACRO + "x = 1 ~~|", "the macro 'SPREAD' is defined twice"),
        (":MACRO: M(a)\nM = a ~~|\n:MACRO: N(a)\nN = a ~~|\n:END OF MACRO:\n", "starts inside the macro 'M'"),
        (":MACRO: M(a)\nM = a ~~|\n", "the macro 'M' has no ':END OF MACRO:'"),
        ("x = 1 ~~|\n:END OF MACRO:\n", "without ':MACRO:'"),
        ("x = POISSON(3) ~~|", "mini.mdl:2: 'x': 'POISSON' is called"),
        ("x = GET DATA('a') ~~|", "'GET DATA' is called"),
        ("Time = 3 ~~|", "'Time' is the simulation time"),
        ("a-b = 3 ~~|", "(?s)mini.mdl:2: the equation of 'a-b'.*needs quotes"),
        ("r: A, B, a ~~|\nx[r] = 1 ~~|", "mini.mdl:2: the range 'r' has the element 'a' twice"),
        ("s: A ~~|\nr: s, A ~~|\nx[r] = 1 ~~|", "mini.mdl:3: the range 'r' has the element 'A' twice"),
        ("r: A, B -> q ~~|\nx[r] = 1 ~~|", "is mapped to 'q', which is not a range"),
        ("r: A ~~|\nR: B ~~|\nx[r] = 1 ~~|", "is defined twice as a range"),
        ("x = 1e999 ~~|", "'1e999' is too large"),
        ("x :SOMEHOW: ~~|", "':SOMEHOW:' is not a known keyword"),
        ("l((0,1),(2,3),(0,5)) ~~|\nx = l(1) ~~|", "the lookup has 2 different values at x = 0"),
        ("x = 研发（投入） ~~|", "write '\\('"),
    ],
)
def test_more_that_cannot_be_read(model_from: Make, equations: str, message: str) -> None:
    with pytest.raises(SdmodelError, match=message):
        model_from(equations)


@pytest.mark.parametrize("name", ["SAVEPER", "TIME STEP"])
def test_a_control_variable_that_names_itself_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "x.mdl"
    path.write_text("x = 1 ~~|\n" + CONTROL.replace(f"{name} = 1", f"{name} = {name}"))
    with pytest.raises(ReadError, match=rf"x\.mdl:\d: '{name}' is defined by itself"):
        sdmodel.load(path)


def test_a_macro_may_define_a_control_variable_of_its_own(model_from: Make) -> None:
    text = ":MACRO: M(a)\nTIME STEP = TIME STEP$ / 2 ~~|\nM = a * TIME STEP ~~|\n:END OF MACRO:\nx = M(6) ~~|"
    assert first(model_from(text)) == 6 * 0.125 / 2


def test_lookups_out_of_order_run_in_the_order_of_x_and_check_says_so(model_from: Make) -> None:
    model = model_from(
        "falls((0,1),(2,3),(1,5)) ~~|\nx = falls(1) + Time*0 ~~|\nstep((0,1),(1,2),(1,4),(2,4)) ~~|\n"
        "y = step(1) ~~|\ntwice((0,1),(0,1),(1,2)) ~~|\nz = WITH LOOKUP(1, ((0,1),(1,7))) + twice(0) ~~|"
    )
    assert (first(model), first(model, "y"), first(model, "z")) == (5, 4, 8)
    found = model.check()
    found = found[found["kind"] == "lookup"].set_index("variable")["message"]
    assert sorted(found.index) == ["falls", "step", "twice"]
    assert "out of order at x = 1" in found["falls"]
    assert "a vertical step" in found["step"]
    assert "the point at x = 0 twice" in found["twice"]


def test_reading_gives_no_warning_even_where_warnings_are_errors(
    write_model: Callable[..., Path], tmp_path: Path
) -> None:
    path = write_model("x = Time ~~|")
    code = f"import sdmodel; sdmodel.load({str(path)!r})"
    here = {**os.environ, "SDMODEL_CACHE": str(tmp_path / "own"), "PYTHONPATH": str(Path(sdmodel.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], env=here, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_reading_needs_no_other_parser(write_model: Callable[..., Path], tmp_path: Path) -> None:
    path = write_model("x = WITH LOOKUP(Time, ([(0,0)-(1,1)],(0,0),(1,1))) ~~|")
    code = (
        f"import sys, sdmodel; sdmodel.load({str(path)!r})\n"
        "found = {'pysd', 'parsimonious', 'chardet'} & set(sys.modules)\nassert not found, found"
    )
    here = {**os.environ, "SDMODEL_CACHE": str(tmp_path / "own"), "PYTHONPATH": str(Path(sdmodel.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", code], env=here, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_macros_that_call_each_other_are_named_in_order(write_model: Callable[..., Path]) -> None:
    path = write_model(
        ":MACRO: FIRST(x)\nFIRST = SECOND(x) + 1 ~~|\n:END OF MACRO:\n"
        ":MACRO: SECOND(x)\nSECOND = FIRST(x) ~~|\n:END OF MACRO:\ny = FIRST(1) ~~|"
    )
    with pytest.raises(UnsupportedError, match=r"'y': macros call each other, .*: FIRST -> SECOND -> FIRST -> SECOND"):
        sdmodel.load(path)


def test_a_delay_with_its_pipeline(model_from: Callable[..., sdmodel.Model]) -> None:
    """The equations that https://vensim.com/documentation/fn_delayp.html gives, also over a range."""
    text = (
        "place: a, b ~~|\nbase[place] = 5, 2 ~~|\nsent[place] = base[place] + STEP(3, 1) ~~|\n"
        "time under way = 2 + STEP(1, 3) ~~|\n"
        "came[place] = DELAYP(sent[place], time under way : under way[place]) ~~|\n"
        "third[place] = INTEG(second[place]/part - third[place]/part, part*sent[place]) ~~|\n"
        "second[place] = INTEG(first[place]/part - second[place]/part, third[place]) ~~|\n"
        "first[place] = INTEG(sent[place] - first[place]/part, third[place]) ~~|\npart = time under way/3 ~~|\n"
    )
    run = model_from(text, step=0.125).run(method="euler").to_dataframe()
    for place in "ab":
        stocks = run[[f"first[{place}]", f"second[{place}]", f"third[{place}]"]]
        np.testing.assert_allclose(run[f"under way[{place}]"], stocks.sum(axis=1), rtol=1e-14)
        np.testing.assert_allclose(run[f"came[{place}]"], stocks.iloc[:, 2] / run["part"], rtol=1e-14)
    plain = model_from("x = DELAYP(5, 2) ~~|")
    with pytest.raises(UnsupportedError, match="name it: DELAYP"):
        plain.run()
    with pytest.raises(ReadError, match="'x' names outputs of 'delay1', which is not a macro of this file"):
        model_from("x = DELAY1(5, 2 : y) ~~|")
