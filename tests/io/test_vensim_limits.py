"""Hostile Vensim text: long, nested and unfinished input is read in linear time or refused by a typed limit."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import sdmodel
from sdmodel.core.errors import ReadError, SdmodelError, UnsupportedError
from sdmodel.io.vensim.clean import decode
from sdmodel.io.vensim.translate import read_vensim

CONTROL = "INITIAL TIME = 0 ~~|\nFINAL TIME = 2 ~~|\nTIME STEP = 1 ~~|\nSAVEPER = TIME STEP ~~|\n"
N = 40_000
SECONDS = 10.0
"""What takes more of the processor's time than this is quadratic: the slowest of these takes a second."""

LONG = {
    "macro heads": ":MACRO:" * N,
    "macro heads that end": ":MACRO:" * N + "~~|",
    "macro ends": ":END OF MACRO:" * N + "~~|",
    "blanks before the sign": "x" + " " * N + "= 1 ~~|",
    "blanks in a name": "x" + " " * N + "y" + " " * N + "= 1 ~~|",
    "a name of a megabyte": "a" * 25 * N + " = 1 ~~|",
    "a quoted name of a megabyte": '"' + "a" * 25 * N + '" = 1 ~~|',
    "a formula that is one name": "x = " + "a" * 25 * N + " ~~|",
    "arguments": "x = MIN(" + ",".join(["1"] * N) + ") ~~|",
    "open brackets": "x = " + "(" * N + " ~~|",
    "open subscripts": "x[" * N + " ~~|",
    "open comments": "{" * N,
    "nested comments": "{" * N + "}" * N + "x = 1 ~~|",
    "comments in a row": "{}" * N + "x = 1 ~~|",
    "quotes": '"' * (N + 1),
    "escaped quotes": '"' + '\\"' * N,
    "field ends": "~" * N,
    "entry ends": "|" * N,
    "stars": "*" * N + "~~|" * N,
    "subscripts": "x[" + ",".join(["a"] * N) + "] = 1 ~~|",
    "exceptions": "x[a] :EXCEPT: " + "[b] , " * N + " ~~|",
    "elements": "r: " + ",".join(f"e{i}" for i in range(N)) + " ~~|",
    "numbered elements": "r: (A1-A" + "9" * 5000 + ") ~~|",
    "many numbered elements": "r: " + "(A1-A9999)," * N + "b ~~|",
    "mappings": "r: a -> " + "(s: b)," * N + "q ~~|",
    "arrows": "r: a" + " -> " * N + " ~~|",
    "a chain of ranges": "".join(f"r{i}: r{i + 1} ~~|\n" for i in range(2000)) + "r2000: r0 ~~|",
    "copies of a range": "r: (A1-A9000) ~~|\n" + "".join(f"s{i} <-> r ~~|\n" for i in range(N // 4)),
    "subranges of a range": "r: (A1-A9000) ~~|\n" + "".join(f"s{i}: r ~~|\n" for i in range(200)),
    "rows of an array": "x = " + "1;" * N + ", ~~|",
    "points": "x(" + "(0,0)," * N + " ~~|",
    "corners": "x(" + "[(0,0)-(1,1)," * N + " ~~|",
    "flat points": "x(" + "0," * N + "1) ~~|",
    "points in a formula": "x = WITH LOOKUP(Time, (" + "(1,1)," * N + " ~~|",
    "nested lookups": "x = " + "WITH LOOKUP(" * N + " ~~|",
    "digits": "x = 1e" + "9" * N + " ~~|",
    "signs": "x = " + "-" * N + "1 ~~|",
    "terms": "x = " + "a+" * N + "a ~~|",
    "brackets in a unit": "x = 1 ~ " + " [" * N + "1,2] ~ |",
    "brackets in a text": "x = 1 ~~ " + "[a]" * N + "|",
    "continued lines": "x = 1" + "\\\n" * N + " ~~|",
    "colons": "x " + ": a " * N + " ~~|",
    "words of logic": "x = " + ":AND:" * N + " ~~|",
    "outputs": "x = M(1 : " + "a," * N + "b) ~~|",
    "equations of one name": "x = 1 ~~|" * (N // 4),
    "sketches": "x = 1 ~~|\n" + "\\\\\\---///\n" * N,
    "synonyms": "x = 1 ~~|\n\\\\\\---///\n///---\\\\\\\n22:" + "a," * N,
}  # fmt: skip


@functools.cache
def reading(what: str) -> tuple[SdmodelError | None, float]:
    """What a reading of the text is refused with, and its processor time."""
    start = time.process_time()
    refused = None
    try:
        read_vensim(("{UTF-8}\n" + LONG[what] + "\n" + CONTROL).encode(), Path("m.mdl"))
    except ReadError as error:
        refused = error
    return refused, time.process_time() - start


@pytest.mark.parametrize("what", LONG)
def test_long_text_is_read_in_linear_time_or_refused(what: str) -> None:
    refused, seconds = reading(what)
    assert refused is None or len(str(refused)) < 1000
    assert seconds < SECONDS


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("a name of a megabyte", "m.mdl:2: the name has 1,000,000 characters"),
        ("arguments", "m.mdl:2: 'x': 'min' has more than 250 arguments"),
        ("elements", "m.mdl:2: the range 'r' has more than 10,000 elements"),
        ("subscripts", "m.mdl:2: 'x' has more than 20 subscripts"),
        ("terms", "m.mdl:2: 'x': the formula is more than 250 operations deep"),
        ("subranges of a range", "the ranges have more than 1,000,000 elements in all"),
    ],
)  # fmt: skip
def test_a_limit_names_file_line_and_variable(what: str, message: str) -> None:
    refused, _ = reading(what)
    assert isinstance(refused, UnsupportedError)
    assert message in str(refused)


@pytest.mark.parametrize("label", ["undefined", "idna", "unicode_escape", "utf-7", "rot13", "hex", "punycode", "mbcs"])
def test_an_encoding_that_is_not_one_of_texts_is_refused(label: str) -> None:
    with pytest.raises(ReadError, match=f"says it is written in {label}"):
        decode(b"{%s}\nx = 1 ~~|" % label.encode(), "m.mdl")


def test_text_in_no_known_encoding_is_refused() -> None:
    """Bytes that Windows-1252 leaves open would be replaced without a word."""
    with pytest.raises(ReadError, match="Save it as UTF-8"):
        decode("x = 1 ~ 人 ~ データ |".encode("shift_jis") + b"\x81\x8d\x9d", "m.mdl")


def test_a_comment_in_the_first_line_is_not_an_encoding() -> None:
    structure = read_vensim(b"{a model of {something}, 2020}\nx = 1 ~~|\n" + CONTROL.encode(), Path("m.mdl"))
    assert structure["x"].line == 2


@pytest.mark.parametrize("name", ['"a\x1b[31mb"', "a\x1bb", '"a\u202eb"', "a\x85\x9bb"])
def test_names_hold_no_control_characters(name: str) -> None:
    with pytest.raises(ReadError, match=r"m\.mdl:1") as caught:
        read_vensim(f"{name} = 1 ~~|\n{CONTROL}".encode(), Path("m.mdl"))
    assert str(caught.value).replace("\n", "").isprintable()


def test_units_and_texts_lose_control_characters() -> None:
    text = f"x = 1 ~ m\x1b[2J ~ A\x07 text.\u202e |\n***\n\t.Gro\x1bup\n***~~|\ny = 1 ~~|\n{CONTROL}"
    structure = read_vensim(text.encode(), Path("m.mdl"))
    assert (structure["x"].unit, structure["x"].sentence, structure["y"].group) == ("m [2J", "A text.", "Gro up")


def test_formulas_up_to_the_limits_run(write_model: Callable[..., Path]) -> None:
    """Sums of 200 terms and 190 nested brackets, on the default recursion limit."""
    nested = "(" * 190 + "Time" + "+1)" * 190
    path = write_model(f"x = {'+'.join(['Time'] * 200)} ~~|\ny = {nested} ~~|\nz = MIN({','.join(['Time'] * 250)}) ~~|")
    last = sdmodel.load(path).run(method="euler").to_dataframe().iloc[-1]
    assert (last["x"], last["y"], last["z"]) == (200 * last.name, last.name + 190, last.name)
