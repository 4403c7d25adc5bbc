"""Loading in threads: nothing that belongs to the whole process changes, ordinary and deeply nested files alike."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import sdmodel
from sdmodel.core.errors import UnsupportedError
from sdmodel.io.vensim.translate import read_vensim

CONTROL = "INITIAL TIME = 0 ~~|\nFINAL TIME = 4 ~~|\nTIME STEP = 1 ~~|\nSAVEPER = 1 ~~|\n"
ORDINARY = "s = INTEG(a - s/3, 1) ~~|\na = WITH LOOKUP(Time, ([(0,0)-(9,9)],(0,1),(4,3))) ~~|\n" + CONTROL
NESTED = "x = " + "(" * 190 + "1" + "+1)" * 190 + " ~~|\n" + CONTROL
TOO_DEEP = "x = " + "(" * 5000 + "1" + ")" * 5000 + " ~~|\n" + CONTROL


def test_eight_threads_leave_the_process_as_it_was() -> None:
    limit, filters = sys.getrecursionlimit(), list(warnings.filters)
    start = threading.Barrier(8)

    def work(number: int) -> list[float]:
        start.wait()
        found = []
        for round_ in range(12):
            text = (ORDINARY, NESTED, TOO_DEEP)[(number + round_) % 3]
            try:
                model = read_vensim(text.encode(), Path("m.mdl"))
            except UnsupportedError:
                assert text is TOO_DEEP
                continue
            found.append(len(model.equations))
            assert sys.getrecursionlimit() == limit
        return found

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(work, range(8)))
    assert all(found == [6 if n == 6 else 5 for n in found] and len(found) == 8 for found in results)
    assert sys.getrecursionlimit() == limit
    assert list(warnings.filters) == filters


def test_nested_formulas_need_no_deep_stack() -> None:
    """A thread with a small stack reads a file that is nested up to the limit."""
    found: list[int] = []
    before = threading.stack_size(256 * 1024)
    try:
        thread = threading.Thread(
            target=lambda: found.append(len(read_vensim(NESTED.encode(), Path("m.mdl")).equations))
        )
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    assert found == [5]


PYSD = """
import json, sys, warnings
warnings.simplefilter("ignore")
import pysd
if sys.argv[2] == "yes":
    import sdmodel
    sdmodel.load(sys.argv[3]).run(method="euler")
frame = pysd.read_vensim(sys.argv[1]).run()
print(json.dumps({c: list(map(float, frame[c])) for c in ("x", "y", "z")}))
"""


def test_pysd_gives_the_same_before_and_after(tmp_path: Path) -> None:
    """The formulas are those that a PySD changed by its user reads otherwise: folded signs and sums."""
    text = "{UTF-8}\nx = SMOOTHI(10.7, 4, 5 - 3) ~~|\ny = -2^2 + Time ~~|\nz = -Time^2 ~~|\n" + CONTROL
    results = []
    for loaded in ("no", "yes"):
        path = tmp_path / f"{loaded}.mdl"
        ours = tmp_path / "ours.mdl"
        for file in (path, ours):
            file.write_text(text, encoding="utf-8")
        here = {**os.environ, "PYTHONPATH": str(Path(sdmodel.__file__).parents[1])}
        command = [sys.executable, "-c", PYSD, str(path), loaded, str(ours)]
        done = subprocess.run(command, capture_output=True, text=True, env=here, timeout=300)
        assert done.returncode == 0, done.stderr
        results.append(json.loads(done.stdout.splitlines()[-1]))
    assert results[0] == results[1]


@pytest.mark.parametrize("text", [ORDINARY, NESTED])
def test_no_warning_is_given(text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_vensim(text.encode(), Path("m.mdl"))
