"""The expression graph, constant folding and random words by hand."""

from __future__ import annotations

import math

import pytest

from sdmodel.compile.constants import constant_value
from sdmodel.compile.graph import Graph
from sdmodel.compile.program import TableData
from sdmodel.compile.random import draw, draws, mix, stream_word
from sdmodel.core.expression import Table


def test_equal_nodes_are_one_and_constants_are_folded() -> None:
    g = Graph()
    a, b = g.add("param", 0), g.add("param", 1)
    assert g.plus(a, b) == g.plus(b, a)
    assert g.times(a, b) == g.times(b, a)
    assert g.minus(a, b) != g.minus(b, a)
    assert g.over(a, b) != g.over(b, a)
    assert g.add("param", 0) == a
    assert g.const(0.0) != g.const(-0.0)
    assert g.value(g.op("min", g.const(3.0), g.const(2.0))) == 2
    assert g.value(g.over(g.const(1.0), g.const(0.0))) == math.inf
    assert g.value(g.plus(a, g.const(1.0))) is None
    assert (g.pick(g.const(2.0), a, b), g.pick(g.const(0.0), a, b)) == (a, b)
    assert g.nodes[g.pick(a, b, b)] == ("select", a, b, b)


def test_what_changes_in_a_run_and_inside_a_step() -> None:
    g = Graph()
    leaves = {name: g.add(name, 0) for name in ("param", "state", "memory", "draw", "first_draw")}
    leaves |= {"time": g.add("time"), "const": g.const(2.0)}
    leaves["data"] = g.add("data", 0, leaves["time"])
    changes = {
        "time": (True, True),
        "state": (True, True),
        "data": (True, True),
        "memory": (True, False),
        "draw": (True, False),
        "first_draw": (False, False),
        "param": (False, False),
        "const": (False, False),
    }
    for name, node in leaves.items():
        assert (g.varies(node), g.moves(node)) == changes[name], name
        more = g.op("sin", g.plus(node, leaves["param"]))
        assert (g.varies(more), g.moves(more)) == changes[name], name
    held = g.add("hold", leaves["time"])
    assert (g.varies(held), g.moves(held)) == (True, False)
    looked = [g.add("lookup", int(leaves["time"]), node) for node in (leaves["param"], leaves["state"])]
    assert [(g.varies(n), g.moves(n)) for n in looked] == [(False, False), (True, True)]


def test_the_value_of_a_node_follows_from_constants_and_parameters() -> None:
    g = Graph()
    a, b, state = g.add("param", 0), g.add("param", 2), g.add("state", 0)
    tables = [Table((0.0, 1.0), (5.0, 7.0)), Table((0.0, 2.0), (1.0, 9.0))]
    tables = [TableData(t.x, t.y, t.kind) for t in tables]
    given = {0: 4.0, 2: 0.5}
    used: set[int] = set()
    node = g.over(g.plus(a, g.const(2.0)), b)
    assert constant_value(node, g, tables, given.__getitem__, used) == 12
    assert used == {0, 2}
    assert constant_value(g.add("lookup", 1, b), g, tables, given.__getitem__, set()) == 3
    assert constant_value(g.plus(a, state), g, tables, given.__getitem__, set()) is None
    assert constant_value(g.add("time"), g, tables, given.__getitem__, set()) is None


def test_words_are_those_of_splitmix64() -> None:
    """First numbers of the generator with seed 0, as its authors' C code prints them."""
    golden = 0x9E3779B97F4A7C15
    want = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    assert [mix(i * golden & (2**64 - 1)) for i in range(3)] == want


def test_a_draw_is_the_hash_of_seed_run_stream_and_step() -> None:
    stream = stream_word("demand 1")
    assert 0 < stream < 2**64
    word = mix(mix(mix(mix(5) ^ 7) ^ stream) ^ 3)
    assert draw(5, 7, stream, 3) == (word // 2**11 + 0.5) / 2**53
    assert draw(-1, 7, stream, 3) == draw(2**64 - 1, 7, stream, 3)
    assert draw(5, -1, stream, 3) == draw(5, 2**64 - 1, stream, 3)
    assert len({draw(*args) for args in ((5, 7, stream, 3), (6, 7, stream, 3), (5, 8, stream, 3), (5, 7, 1, 3),
                                         (5, 7, stream, 4))}) == 5  # fmt: skip
    assert draws(["demand 1", "b"], 3, 5, 7) == [draw(5, 7, stream, 3), draw(5, 7, stream_word("b"), 3)]
    assert draws(["demand 1"], 3) == [draw(0, 0, stream, 3)]
    assert sum(draw(0, run, stream, 0) for run in range(1000)) / 1000 == pytest.approx(0.5, abs=0.03)
