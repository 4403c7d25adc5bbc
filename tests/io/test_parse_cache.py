"""The cache of parsed models: what comes out is what went in, and nothing that lies there can break a run."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

import sdmodel
from sdmodel.core import version
from sdmodel.core.expression import NA, Array, Call, Expr, Number, Op, Ref, Table, Text
from sdmodel.core.resources import shipped_models
from sdmodel.io import parse_cache as cache
from sdmodel.io.vensim import translate as vensim

SUITE = Path(__file__).resolve().parents[3] / "shared" / "suite"


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "own cache"
    monkeypatch.setenv("SDMODEL_CACHE", str(place))
    return place


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Files that really were parsed."""
    names: list[str] = []
    read = vensim.read_vensim

    def counted(raw: bytes, path: Path) -> sdmodel.Model:
        names.append(path.name)
        return read(raw, path)

    monkeypatch.setattr(vensim, "read_vensim", counted)
    return names


def same(one: sdmodel.Model, other: sdmodel.Model) -> None:
    assert one.name == other.name
    assert dict(one.equations) == dict(other.equations)
    assert list(one.equations) == list(other.equations)
    assert dict(one.ranges) == dict(other.ranges)
    assert (one.synonyms, one.method, one.path) == (other.synonyms, other.method, other.path)


# -- round trip -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", [n for n, p in shipped_models().items() if p.suffix == ".mdl"])
def test_a_shipped_model_comes_back_equal(own: Path, parsed: list[str], name: str) -> None:
    path = shipped_models()[name]  # tests share one model of a name, but not of a path
    first, second = sdmodel.load(path), sdmodel.load(path)
    assert parsed == [f"{name}.mdl"]
    same(first, second)


@pytest.mark.skipif(not SUITE.is_dir(), reason="the conformance suite is not beside the checkout")
def test_foreign_models_come_back_equal() -> None:
    seen = 0
    for path in sorted(SUITE.glob("tests/[a-l]*/*.mdl")):
        try:
            model = vensim.read_vensim(path.read_bytes(), path)
        except sdmodel.SdmodelError:
            continue
        text = json.dumps(cache.to_json(model))
        same(cache.from_json(json.loads(text), path), model)
        seen += 1
    assert seen > 10


@pytest.mark.parametrize(
    "tree",
    [
        Number(0.1),
        Number(NA),
        Number(float("inf")),
        Ref("研发", ("a", "b!")),
        Op("neg", (Number(1.0),)),
        Call("max", (Ref("a"), Op("+", (Number(1.0), Ref("b")))), ("x",)),
        Table((0.0, 1.0), (2.0, 3.0), "extrapolate", (0.0, 1.0, 0.0, 5.0)),
        Array((1.0, 2.0, 3.0, 4.0), (2, 2)),
        Text("data.xls"),
    ],
)
def test_every_node_comes_back_equal(tree: Expr) -> None:
    assert cache.expr_from_json(json.loads(json.dumps(cache.expr_to_json(tree)))) == tree


def test_what_is_no_node_is_refused() -> None:
    with pytest.raises(TypeError):
        cache.expr_to_json("x")
    with pytest.raises(ValueError, match="unknown node"):
        cache.expr_from_json(["z", 1])


# -- when it is used --------------------------------------------------------------------------------------------
def test_another_content_or_name_is_another_entry(
    own: Path, parsed: list[str], write_model: Callable[..., Path]
) -> None:
    sdmodel.load(write_model("x = 1 ~~|"))
    sdmodel.load(write_model("x = 1 ~~|"))
    assert len(parsed) == 1
    assert sdmodel.load(write_model("x = 2 ~~|")).parameters().loc["x", "value"] == 2
    assert sdmodel.load(write_model("x = 1 ~~|", name="other")).name == "other"
    assert len(parsed) == 3
    assert len(list(own.glob("*.json"))) == 3
    assert not list(own.glob("*.part"))


def test_a_moved_file_knows_its_place(
    own: Path, parsed: list[str], write_model: Callable[..., Path], tmp_path: Path
) -> None:
    path = write_model("x = 1 ~~|")
    sdmodel.load(path)
    moved = tmp_path / "elsewhere" / path.name
    moved.parent.mkdir()
    path.rename(moved)
    assert sdmodel.load(moved).path == moved
    assert len(parsed) == 1


def test_another_format_is_another_entry(
    own: Path, parsed: list[str], write_model: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_model("x = 1 ~~|")
    sdmodel.load(path)
    monkeypatch.setattr(cache, "FORMAT", cache.FORMAT + 1)
    sdmodel.load(path)
    assert len(parsed) == 2


# -- what can lie there -----------------------------------------------------------------------------------------
BROKEN = [
    b"", b"{", b"null", b"[]", b"3", b'"text"', b"\xff\xfe\x00", b'{"format": 1}', b"[" * 100_000,
]  # fmt: skip


@pytest.mark.parametrize("content", BROKEN, ids=lambda b: repr(b[:12]))
def test_a_broken_entry_is_only_a_miss(
    own: Path, parsed: list[str], write_model: Callable[..., Path], content: bytes
) -> None:
    path = write_model("x = INTEG(1, 0) ~ Dmnl ~ |")
    first = sdmodel.load(path)
    (entry,) = own.glob("*.json")
    whole = entry.read_bytes()
    entry.write_bytes(content)
    same(sdmodel.load(path), first)
    assert len(parsed) == 2
    assert entry.read_bytes() == whole  # written anew


def test_an_entry_with_any_part_gone_or_changed_is_only_a_miss(own: Path, write_model: Callable[..., Path]) -> None:
    path = write_model(
        "place: a, b ~~|\nx[place] = INTEG(y, 0) ~ Dmnl ~ [outcome] |\n"
        "y = WITH LOOKUP(Time, ((0,1),(2,3))) ~ Dmnl ~ [@guess] |"
    )
    first = sdmodel.load(path)
    (entry,) = own.glob("*.json")
    whole = json.loads(entry.read_text(encoding="utf-8"))
    model = whole["model"]
    for name in model:
        for value in (None, 3, "x", [], {}, [3], ["x"], {"a": 3}, [None]):
            changed = {**model, name: value}
            if changed == model:
                continue
            entry.write_text(json.dumps({**whole, "model": changed}), encoding="utf-8")
            same(sdmodel.load(path), first)
            body = json.dumps(changed).encode()
            entry.write_bytes(cache._head(body) + body + b"}")  # forged, with a checksum that fits
            assert isinstance(sdmodel.load(path), sdmodel.Model)
        entry.write_text(json.dumps({k: v for k, v in model.items() if k != name}), encoding="utf-8")
        same(sdmodel.load(path), first)


def test_a_changed_number_or_bit_is_not_believed(
    own: Path, parsed: list[str], write_model: Callable[..., Path]
) -> None:
    path = write_model("x = 1234 ~~|")
    sdmodel.load(path)
    (entry,) = own.glob("*.json")
    whole = entry.read_bytes()
    assert whole.count(b"1234.0") == 1
    damaged = [whole.replace(b"1234.0", b"1235.0"), whole[:-1], whole + b" ", whole.replace(b'"model"', b'"Model"')]
    damaged += [whole[:i] + bytes([whole[i] ^ 1]) + whole[i + 1 :] for i in range(0, len(whole), 37)]
    for content in damaged:
        entry.write_bytes(content)
        assert sdmodel.load(path).parameters().loc["x", "value"] == 1234
    assert len(parsed) == 1 + len(damaged)


def test_another_version_is_another_entry(
    own: Path, parsed: list[str], write_model: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_model("x = 1 ~~|")
    sdmodel.load(path)
    monkeypatch.setattr(version, "__version__", "0.0.0")
    sdmodel.load(path)
    assert len(parsed) == 2


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="files have no owner here")
def test_an_entry_of_another_user_is_not_believed(
    own: Path, parsed: list[str], write_model: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_model("x = 1 ~~|")
    sdmodel.load(path)
    (entry,) = own.glob("*.json")
    owner = entry.stat().st_uid
    if owner == 0:
        pytest.skip("files of the administrator are believed")
    monkeypatch.setattr(os, "getuid", lambda: owner + 1)
    sdmodel.load(path)
    assert len(parsed) == 2


def test_a_folder_that_cannot_be_written_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_model: Callable[..., Path]
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way", encoding="utf-8")
    for place in (blocked, blocked / "below"):
        monkeypatch.setenv("SDMODEL_CACHE", str(place))
        assert sdmodel.load(write_model("x = 1 ~~|"))["x"].kind == "constant"
    assert blocked.read_text(encoding="utf-8") == "in the way"


def test_the_platform_has_a_place_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SDMODEL_CACHE")
    assert "sdmodel" in cache.folder().parts[-1] or "sdmodel" in cache.folder().parts[-2]
    assert cache.folder().is_absolute()
