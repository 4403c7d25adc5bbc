"""Damage data files, designs, scenarios and compositions at random: each is read or ends in a typed error.

Not collected by pytest. Run `python tests/faults/fuzz_tables.py SECONDS [SEED]`; it prints counts, and stops at the
first raw error with the file that caused it.
"""

from __future__ import annotations

import collections
import io
import random
import sys
import tempfile
import time
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd

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


def damaged(raw: bytes, rng: random.Random) -> bytes:
    """The bytes with a few pieces put in, cut out, overwritten or doubled."""
    for _ in range(rng.randint(1, 5)):
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
    uses: dict[str, list[Callable[[Path], object]]] = {suffix: [] for suffix in whole}
    for suffix in (".csv", ".tab", ".dat", ".xlsx", ".ods"):
        uses[suffix].append(lambda path: sdmodel.load(model, data_files=path))
    for suffix in (".csv", ".xlsx", ".ods"):
        uses[suffix] += [lambda path: read_design(path, ("sample",)), lambda path: sdmodel.compare(path, path)]
    uses[".toml"] = [sdmodel.load, sdmodel.load_scenarios]
    uses[".cin"] = [sdmodel.load_scenarios]
    counts: dict[str, collections.Counter[str]] = {suffix: collections.Counter() for suffix in whole}
    slowest = 0.0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        suffix = rng.choice(list(whole))
        parts = suffix in (".xlsx", ".ods") and rng.random() < 0.8
        raw = damaged_parts(whole[suffix], rng) if parts else damaged(whole[suffix], rng)
        path = folder / f"bad{suffix}"
        path.write_bytes(raw)
        begun = time.monotonic()
        try:
            rng.choice(uses[suffix])(path)
            counts[suffix]["read"] += 1
        except SdmodelError as error:
            counts[suffix][type(error).__name__] += 1
        except Exception:
            print(f"raw error from {path}, seed {seed}", file=sys.stderr)
            raise
        slowest = max(slowest, time.monotonic() - begun)
    for suffix, found in counts.items():
        print(f"{suffix:6}{sum(found.values()):>9,} files: {', '.join(f'{k} {n:,}' for k, n in found.most_common())}")
    print(f"slowest {slowest:.2f} s")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1)
