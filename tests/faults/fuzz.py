"""Damage models, data files, designs, scenarios, compositions and stores at random.

Each is read or ends in a typed error within a minute; what is read from a damaged store equals what was written.
Not collected by pytest. Run `python tests/faults/fuzz.py SECONDS [SEED]`; it prints counts, and stops at the first raw
error with the file that caused it.
"""

from __future__ import annotations

import collections
import io
import random
import re
import shutil
import signal
import sys
import tempfile
import time
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from test_hostile import MDL, XML

import sdmodel
from sdmodel.core.errors import SdmodelError
from sdmodel.io.designs import read_design

MODEL = """{UTF-8}
d: a, b ~~|
rate = 0.1 ~ 1/Year [0,1] ~ Rate. [lever] |
x = INTEG(rate*x, 1) ~ Dmnl ~ [outcome] |
demand ~~|
price[d] ~~|
z[d] = demand*price[d] ~~|
INITIAL TIME = 0 ~ Year ~ |
FINAL TIME = 10 ~ Year ~ |
TIME STEP = 1 ~ Year ~ |
SAVEPER = 1 ~ Year ~ |
"""
ROWS = [["Time", "demand", "price[a]", "price[b]"], [0, 1, 2, 3], [5, None, 2.5, 4], [10, 3, 1e-3, -7]]
TOML = b"""title = "Both"
sectors = ["mini.mdl"]
stand_ins = ["bank"]
[scenarios."late exit"]
description = "Later."
values = { rate = 0.2 }
[scenarios.dated.paths]
rate = { at = [2.0, 2015-07-01], value = [0.1, 0.3], between = "linear" }
"""
PIECES = [b",", b";", b"\t", b'"', b"'", b"\n", b"\r", b"\x00", b"\xff", b"[", b"]", b"{", b"}", b"=", b".", b"1e999",
          b"nan", b"9" * 50, b"<", b">", b"-", b"%", b"\xef\xbb\xbf", b"2015-01-01", b"a.b.c", b"/", b"..", b"true",
          b"\\u0000", b'""']  # fmt: skip


def damaged(raw: bytes, rng: random.Random, most: int = 5) -> bytes:
    """The bytes with a few pieces put in, cut out, overwritten or doubled."""
    for _ in range(rng.randint(1, most)):
        at, size = rng.randint(0, len(raw)), rng.randint(1, 30)
        kind = rng.randint(0, 4)
        if kind == 0:
            raw = raw[:at] + rng.choice(PIECES) + raw[at:]
        elif kind == 1:
            raw = raw[:at] + raw[at + size :]
        elif kind == 2:
            raw = raw[:at] + rng.randbytes(rng.randint(1, 3)) + raw[at + 1 :]
        elif kind == 3:
            raw = raw[:at] + raw[max(at - size, 0) : at] * rng.randint(1, 3) + raw[at:]
        else:
            raw = raw[:at] if rng.random() < 0.2 else raw
    return raw


GRID = b"""
p1 = PULSE(2, 0.4) + PULSE TRAIN(1, 1, 3, 9) + STEP(2, 4) - RAMP(1, 2, 5) ~~|
held = SAMPLE IF TRUE(x[A] > held, y[S1], 2) ~~|
late = DELAY FIXED(p1, p1 + 2, 0) + DELAY N(p1, 3, 1, 2) ~~|
drawn = RANDOM NORMAL(0, 9, 5, 1, 1) + RANDOM POISSON(0, 9, 2, 0, 1, 0) + GAMMA LN(z) ~~|
level = INTEG(ZIDZ(p1, held) - level/2 + SMOOTH3I(z, 2, 1) + TREND(z, 2, 0), MAX(z, 1)) ~~|
order[r] = VECTOR SORT ORDER(x[r], 1) + VECTOR SELECT(x[r!], x[r!], 0, 0, 0) + POWER(x[r], 2) ~~|
share[r] = ALLOCATE BY PRIORITY(x[r], x[r], 3, 1, level) ~~|
"""
OTHERS = b"0 -1 0.5 1e308 1e-308 -9 1e9 :NA: x[A] level Time z y[r] s".split()


WORD, SIGN = rb"[\w.]*\w", rb"[-+*/^<>=]"


def altered(raw: bytes, rng: random.Random) -> bytes:
    """The bytes with a number, name or sign or two replaced by another, or damaged in a place or two."""
    if rng.random() < 0.2:
        return damaged(raw, rng, 2)
    for _ in range(rng.randint(1, 2)):
        kind = SIGN if rng.random() < 0.2 else WORD
        hit = rng.choice(list(re.finditer(kind, raw)))
        other = rng.choice(OTHERS if kind == WORD and rng.random() < 0.5 else re.findall(kind, raw))
        raw = raw[: hit.start()] + other + raw[hit.end() :]
    return raw


def damaged_parts(raw: bytes, rng: random.Random) -> bytes:
    """A workbook with one of its parts damaged, so that the archive around it is whole."""
    with zipfile.ZipFile(io.BytesIO(raw)) as whole:
        parts = {name: whole.read(name) for name in whole.namelist()}
    hit = rng.choice([n for n in parts if n.endswith(".xml")])
    parts[hit] = damaged(parts[hit], rng)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for name, content in parts.items():
            packed.writestr(name, content)
    return out.getvalue()


def tampered(store: Path, rng: random.Random) -> None:
    """A store with a file or two damaged, emptied, removed or put in the place of another."""
    for _ in range(rng.randint(1, 2)):
        files = sorted(p for p in store.rglob("*") if p.is_file())
        hit = rng.choice(files)
        kind = rng.randint(0, 3)
        if kind == 0:
            hit.unlink()
        elif kind == 1:
            hit.write_bytes(rng.choice(files).read_bytes())
        else:
            hit.write_bytes(damaged(hit.read_bytes(), rng))


def same(found: object, whole: object) -> None:
    """What was read from a damaged store has the values that were written, or status 2 and NaN."""
    done = found["status"] != 2
    for name in ("x", "rate"):
        np.testing.assert_array_equal(found[name][done].values, whole[name][done].values)
    assert found["x"][~done].isnull().all()


def main(seconds: float, seed: int) -> None:
    rng = random.Random(seed)
    folder = Path(tempfile.mkdtemp())
    model = folder / "mini.mdl"
    model.write_text(MODEL, encoding="utf-8")
    frame = pd.DataFrame(ROWS[1:], columns=ROWS[0])
    whole: dict[str, bytes] = {".toml": TOML, ".cin": b'rate = 0.2\n0 <= "x [y]"[a,b] = 3 <= 5\n'}
    whole[".csv"] = frame.to_csv(index=False).encode()
    whole[".tab"] = frame.to_csv(index=False, sep="\t").encode()
    whole[".dat"] = b"demand\n0 1\n10 3\nprice[a]\n0 2 note\nprice[b] / note\n0\t3\n"
    for suffix, engine in ((".xlsx", "openpyxl"), (".ods", "odf")):
        frame.to_excel(folder / f"whole{suffix}", index=False, engine=engine)
        whole[suffix] = (folder / f"whole{suffix}").read_bytes()
    whole |= {".mdl": MDL.replace(b"INITIAL TIME", GRID + b"INITIAL TIME", 1), ".xmile": XML, ".zarr": b""}
    uses: dict[str, list[Callable[[Path], object]]] = {suffix: [] for suffix in whole}
    for suffix in (".csv", ".tab", ".dat", ".xlsx", ".ods"):
        uses[suffix].append(lambda path: sdmodel.load(model, data_files=path))
    for suffix in (".csv", ".xlsx", ".ods"):
        uses[suffix] += [lambda path: read_design(path, ("sample",)), lambda path: sdmodel.compare(path, path)]
    uses[".toml"] = [sdmodel.load, sdmodel.load_scenarios]
    uses[".cin"] = [sdmodel.load_scenarios]
    for suffix in (".mdl", ".xmile"):
        uses[suffix] = [lambda path: sdmodel.load(path).run(), lambda path: sdmodel.load(path).check()]
    uses[".mdl"].append(lambda path: sdmodel.load(path).sweep([{"INITIAL TIME": 0.0}, {"INITIAL TIME": 1.0}], ["y"]))
    small = sdmodel.load(model).replace("demand", 1.0).replace("price", 2.0)
    design = {"rate": np.linspace(0.1, 0.9, 9)}

    def swept(store: Path) -> object:
        return small.sweep(design, ["x"], every=1, store=store, progress=False, certificate=0)

    result = swept(folder / "whole.zarr").load()
    uses[".zarr"] = [lambda p: same(sdmodel.open_sweep(p), result), lambda p: same(swept(p), result)]
    counts: dict[str, collections.Counter[str]] = {suffix: collections.Counter() for suffix in whole}
    slowest = 0.0
    signal.signal(signal.SIGALRM, lambda *_: sys.exit(f"not done after a minute, seed {seed}: {path}"))
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        suffix = rng.choice(list(whole))
        path = folder / f"bad {suffix[1:]}{suffix}"  # a model reads the scenarios of a .toml of its name
        parts = suffix in (".xlsx", ".ods") and rng.random() < 0.8
        if suffix == ".zarr":
            shutil.rmtree(path, ignore_errors=True)
            shutil.copytree(folder / "whole.zarr", path)
            tampered(path, rng)
        else:
            harm = damaged_parts if parts else altered if suffix in (".mdl", ".xmile") else damaged
            path.write_bytes(harm(whole[suffix], rng))
        begun = time.monotonic()
        signal.alarm(60)
        try:
            rng.choice(uses[suffix])(path)
            counts[suffix]["read"] += 1
        except SdmodelError as error:
            counts[suffix][type(error).__name__] += 1
        except Exception:
            print(f"raw error from {path}, seed {seed}", file=sys.stderr)
            raise
        signal.alarm(0)
        slowest = max(slowest, time.monotonic() - begun)
    for suffix, found in counts.items():
        print(f"{suffix:6}{sum(found.values()):>9,} files: {', '.join(f'{k} {n:,}' for k, n in found.most_common())}")
    print(f"slowest {slowest:.2f} s")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1)
