"""Labels of elements: split and joined in one place, so that a name with brackets of its own works everywhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sdmodel
from sdmodel.core.expression import key
from sdmodel.core.labels import join_label, split_label
from sdmodel.io.vensim.changes import to_cin

PACKAGE = Path(__file__).resolve().parents[2] / "sdmodel"


@pytest.mark.parametrize(("label", "known", "parts"), [
    ("trust", (), ("trust", ())),
    ("stock[a]", (), ("stock", ("a",))),
    ("stock[a, b ]", (), ("stock", ("a", "b"))),
    (" stock [a]", (), ("stock", ("a",))),
    ("cost [CNY]", ("cost [cny]",), ("cost [CNY]", ())),
    ("cost [CNY][a]", ("cost [cny]",), ("cost [CNY]", ("a",))),
    ("cost [CNY][a,b]", (), ("cost [CNY]", ("a", "b"))),
    ('"cost [CNY]"', (), ('"cost [CNY]"', ())),
    ('"cost [CNY]"[a]', ("cost [cny]",), ('"cost [CNY]"', ("a",))),
    ("cost[CNY]", ("cost", "cost [cny]"), ("cost", ("CNY",))),
    ("stock[a [1]]", ("stock",), ("stock", ("a [1]",))),
    ("[a]", (), ("[a]", ())),
    ("a]", (), ("a]", ())),
])  # fmt: skip
def test_a_label_is_split(label: str, known: tuple[str, ...], parts: tuple[str, tuple[str, ...]]) -> None:
    assert split_label(label, known) == parts


WORD = st.text("abc xyz%-", min_size=1).map(str.strip).filter(bool)
NAME = st.builds(lambda a, b: a + b, WORD, st.sampled_from(["", " [CNY]", " (x)", "[a]"]))


@given(NAME, st.lists(WORD, max_size=3))
def test_what_is_joined_comes_apart_again(name: str, elements: list[str]) -> None:
    assert split_label(join_label(name, elements), {key(name)}) == (name, tuple(elements))


def test_a_variable_beside_one_with_its_name_in_brackets(model_from: Callable[..., sdmodel.Model]) -> None:
    model = model_from(
        'd: a, b ~~|\ncost = 2 ~~|\n"cost [CNY]"[d] = 3, 5 ~~|\n"price [CNY]" = 7 ~~|\nprice[d] = 1 ~~|\n'
        'x = INTEG(cost+SUM("cost [CNY]"[d!])+"price [CNY]", 0) ~~|\n"y [CNY]"[d] = INTEG("cost [CNY]"[d], 0) ~~|\n'
        "y = x ~~|"
    )
    assert model.owner("cost [CNY][a]").name == "cost [CNY]"
    assert model.owner("price [CNY]").name == "price [CNY]"
    run = model.run({"cost [CNY][a]": 4, "price [CNY]": 0, "price": 9})
    assert run["x"].iloc[-1] == pytest.approx(10 * (2 + 4 + 5))
    found = model.sweep([{"cost [CNY][b]": 1.0, "cost": 0.0}], ["y", "y [CNY]"], every=10, progress=False)
    assert found["y"].dims == ("run", "time")
    assert found["y"][0, -1] == pytest.approx(10 * (3 + 1 + 7))
    assert found["y [CNY]"].sel(d="b")[0, -1] == pytest.approx(10)
    assert sdmodel.Outcome("y [CNY][b]").of(found).item() == pytest.approx(10)
    scenario = sdmodel.Scenario(values={"cost [CNY][b]": 1, "price [CNY]": 2})
    assert to_cin(scenario, model.equations) == '"cost [CNY]"[b] = 1\n"price [CNY]" = 2\n'


def test_nothing_else_cuts_labels() -> None:
    cuts = re.compile(r"""partition\(["']\[["']\)|split\(["']\[["']\)""")
    found = [p.relative_to(PACKAGE).as_posix() for p in PACKAGE.rglob("*.py") if cuts.search(p.read_text("utf-8"))]
    assert found == []
