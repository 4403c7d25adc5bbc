"""Texts as they come: encodings, comments, groups, macros, line ends, and line numbers in every message."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import sdmodel
from sdmodel.core.errors import ReadError, SdmodelError, UnsupportedError
from sdmodel.io.vensim.clean import clean, decode

CONTROL = "INITIAL TIME = 0 ~ Year ~ |\nFINAL TIME = 1 ~ Year ~ |\nTIME STEP = 1 ~ Year ~ |\nSAVEPER = 1 ~ Year ~ |\n"
END = (
    "\\\\\\---/// Sketch information - do not modify anything except names\n"
    "V300  Do not put anything below this section - it will be ignored\n"
    "*View 1\n$192-192-192,0,Times New Roman|12\n10,1,x,1,2,3\n"
    "///---\\\\\\\n:L\x7f<%^E!@\n9:Base\n15:0,0,0,{method},0,0\n22:Year,Years\n22:Person,People,Persons\n22:\n"
)


# -- encodings --------------------------------------------------------------------------------------------------
CHINESE = "研发投入 = 3 ~ 万元 ~ 企业的研发投入。 |\n"


@pytest.mark.parametrize(
    "raw",
    [
        ("{UTF-8}\n" + CHINESE).encode(),
        b"\xef\xbb\xbf" + ("{UTF-8}\n" + CHINESE).encode(),
        b"\xef\xbb\xbf" + CHINESE.encode(),
        CHINESE.encode(),
        CHINESE.encode("gbk"),
        ("{GBK}\n" + CHINESE).encode("gbk"),
        ("{gb2312}\n" + CHINESE).encode("gbk"),
        ("{GB18030}\n" + CHINESE).encode("gb18030"),
    ],
    ids=["utf-8", "bom and label", "bom", "no label", "gbk guessed", "gbk", "gb2312", "gb18030"],
)
def test_chinese_text_in_any_encoding(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "m.mdl"
    path.write_bytes(raw + CONTROL.encode())
    model = sdmodel.load(path)
    assert model["研发投入"].unit == "万元"
    assert model["研发投入"].sentence == "企业的研发投入。"


def test_western_text_without_a_label_is_not_taken_for_chinese() -> None:
    text = "Überschuß = 3 ~ café ~ Größe, naïve, 5 £. |"
    assert decode(text.encode("cp1252"), "m.mdl") == text


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"{UTF-8}\n\xff\xfe\xfa = 3 ~~|", "says it is written in utf-8 but cannot be decoded as such"),
        (b"\xef\xbb\xbf\xff = 3 ~~|", "says it is written in UTF-8 but cannot be decoded as such"),
        (b"{KLINGON}\nx = 3 ~~|", "says it is written in klingon"),
        (b"x = 3 \x00\x01 ~~|", "binary data"),
        ("x = 3 ~~|".encode("utf-16"), "binary data"),
    ],
)
def test_what_cannot_be_decoded_is_refused(raw: bytes, message: str) -> None:
    with pytest.raises(ReadError, match=message):
        decode(raw, "m.mdl")


# -- layout -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_do_not_matter(tmp_path: Path, end: str) -> None:
    path = tmp_path / "m.mdl"
    path.write_bytes(("{UTF-8}\nx = 3\n\t~ Dmnl\n\t~ Words\nand more.\n\t|\n" + CONTROL).replace("\n", end).encode())
    model = sdmodel.load(path)
    assert model["x"].sentence == "Words and more."
    assert model["x"].line == 2


def test_comments_are_dropped_outside_documentation(model_from: Callable[..., sdmodel.Model]) -> None:
    model = model_from(
        "{one ~ two | three}\nx = 3 {not\nso} + {here} 4 ~ Dmnl {unit} ~ Kept {like this}. |\ny = x ~ Dmnl ~ |"
    )
    assert model.run()["x"].iloc[0] == 7
    assert model["x"].sentence == "Kept {like this}."
    assert model["x"].unit == "Dmnl"
    assert model["y"].line == 5
    with pytest.raises(ReadError, match=r":2: a comment is opened"):
        model_from("{never closed\nx = 3 ~~|", name="open")


GROUPED = """********************************************************
\t.Links
********************************************************~
\t\tWhat links do.
\t|

a = 1 ~ Dmnl ~ |
b = 2 ~ Dmnl ~ |
********************************************************
\t.Money
********************************************************~
|
c = 3 ~ Dmnl ~ |
"""


def test_groups_are_kept(model_from: Callable[..., sdmodel.Model]) -> None:
    model = model_from("z = 0 ~ Dmnl ~ |\n" + GROUPED)
    assert {v.name: v.group for v in model.equations.values() if v.kind == "constant"} == {
        "z": "", "a": "Links", "b": "Links", "c": "Money",
    }  # fmt: skip


def test_lines_are_those_of_the_file(model_from: Callable[..., sdmodel.Model]) -> None:
    model = model_from("z = 0 ~ Dmnl ~ |\n" + GROUPED + '\n\nd = {\n\n}1 ~ Dmnl ~ |\n"e\ne" = 1 ~~|\nf = 1 ~~|')
    assert [model[n].line for n in ("z", "a", "b", "c", "d", "f")] == [2, 9, 10, 15, 18, 23]


@pytest.mark.parametrize(("code", "method"), [("0", "euler"), ("1", "rk4"), ("5", "rk4"), ("3", "rk2")])
def test_synonyms_and_method_stand_behind_the_sketch(code: str, method: str) -> None:
    found = clean("x = 1 ~~|\n" + END.replace("{method}", code), "m.mdl")
    assert found.synonyms == (("Year", "Years"), ("Person", "People", "Persons"))
    assert found.method == method


def test_without_a_sketch_there_are_none() -> None:
    found = clean("x = 1 ~~|\n", "m.mdl")
    assert found.synonyms == ()
    assert found.method == ""


def test_signs_inside_quoted_names_end_nothing(model_from: Callable[..., sdmodel.Model]) -> None:
    model = model_from('"a | b ~ {c} [d]" = 3 ~ Dmnl ~ |\nx = "a | b ~ {c} [d]"*2 ~ Dmnl ~ |')
    assert model["a | b ~ {c} [d]"].kind == "constant"
    assert model.run()["x"].iloc[0] == 6


def test_a_data_variable_needs_no_keyword(model_from: Callable[..., sdmodel.Model]) -> None:
    assert model_from("given ~ Dmnl ~ Measured. |")["given"].kind == "data"


# -- what is wrong ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = 1 ~~|\nb = (1+2 ~~|\nc = 1 ~~|", r"m.mdl:3: the equation of 'b' cannot be read: b = \(1\+2"),
        ("a = 1 ~~|\nb = 1 +* 2 ~~|", r"m.mdl:3: the equation of 'b' cannot be read"),
        ("a = 1 ~~|\n\n\nb = 1 ~~|\nA = 2 ~~|", r"m.mdl:[26]: '[aA]' is defined twice"),
        ('a = 1 ~~|\n"b = 1 ~~|', r"m.mdl:3: a quoted name is opened and never closed"),
        ("a = 1 ~~|\nb = " + "(" * 300 + "1" + ")" * 300 + " ~~|", r"m.mdl:3: 'b': brackets are nested more than 200"),
        ("place: (A1-A20000) ~~|\na[place] = 1 ~~|", r"m.mdl:2: the range 'place' has more than 10,000 elements"),
    ],
)  # fmt: skip
def test_errors_name_file_line_and_variable(write_model: Callable[..., Path], text: str, message: str) -> None:
    with pytest.raises(SdmodelError, match=message):
        sdmodel.load(write_model(text, name="m"))


def test_a_file_cut_short_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "m.mdl"
    path.write_text("{UTF-8}\na = 1 ~~|\nb = INTEG(a, 3) ~ Dmnl ~ Wor", encoding="utf-8")
    with pytest.raises(ReadError, match=r"m.mdl:3: the entry 'b = INTEG.*does not end with"):
        sdmodel.load(path)


def test_an_empty_file_and_other_files(tmp_path: Path) -> None:
    (tmp_path / "m.mdl").write_text("{UTF-8}\n", encoding="utf-8")
    with pytest.raises(ReadError, match="holds no equations"):
        sdmodel.load(tmp_path / "m.mdl")
    (tmp_path / "m.vpm").write_text("", encoding="utf-8")
    with pytest.raises(UnsupportedError, match=r"'m\.vpm' ends with '\.vpm'"):
        sdmodel.load(tmp_path / "m.vpm")


def test_a_function_nobody_knows_is_refused_by_name(model_from: Callable[..., sdmodel.Model]) -> None:
    with pytest.raises(SdmodelError, match=r"(?i)A FUNCTION OF"):
        model_from("a = 1 ~~|\nx = A FUNCTION OF(a) ~~|").run()
    with pytest.raises(SdmodelError, match=r"'y'.*(?i:STEPP)"):
        model_from("y = STEPP(1, 2) ~~|", name="stepp").run()


@pytest.mark.parametrize("char", ["\x07", "\x1f", "\x7f", "\x9f", "\u202a", "\u202e", "\u2066", "\u2069"])
def test_characters_that_control_a_terminal_are_blanks_in_documentation(char: str) -> None:
    (entry,) = clean(f"x = 1 ~ ~ one{char}two |", "m.mdl").entries
    assert entry.documentation == "one two"


@pytest.mark.parametrize("char", ["\xa1", "\u2029", "\u202f", "\u2065", "\u206a"])
def test_their_neighbours_are_kept_or_blanks_by_themselves(char: str) -> None:
    (entry,) = clean(f"x = 1 ~ ~ one{char}two |", "m.mdl").entries
    assert entry.documentation == " ".join(f"one{char}two".split())
