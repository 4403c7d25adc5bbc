"""Loading in threads: nothing that belongs to the whole process changes, ordinary and deeply nested files alike."""

from __future__ import annotations

import datetime as dt
import io
import json
import os
import re
import subprocess
import sys
import threading
import warnings
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import openpyxl
import pytest

import sdmodel
from sdmodel.compile.constants import room_for_recursion
from sdmodel.compile.programs import lower
from sdmodel.core.errors import EquationError, UnsupportedError
from sdmodel.io.vensim.translate import read_vensim
from sdmodel.io.workbooks import NOT_CALCULATED, read_rows

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


def chain(length: int) -> str:
    return "".join(f"a{i} = a{i + 1} + 1 ~~|\n" for i in range(length)) + f"a{length} = Time ~~|\n" + CONTROL


def test_the_last_that_lowers_puts_the_recursion_limit_back() -> None:
    limit = sys.getrecursionlimit()
    first, second = room_for_recursion(), room_for_recursion()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert sys.getrecursionlimit() > limit
    second.__exit__(None, None, None)
    assert sys.getrecursionlimit() == limit


def test_a_chain_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sdmodel.compile.constants.LIMIT", 3000)
    with pytest.raises(EquationError, match="chain"):
        lower(read_vensim(chain(2000).encode(), Path("m.mdl")), fixed=True)


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


def workbook_that_openpyxl_warns_of() -> bytes:
    """A workbook with a validation that openpyxl drops, and without a default style."""
    book = openpyxl.Workbook()
    for row in (["t", "x"], [0, 1.5], [1, "=B2*2"], [2, dt.datetime(2020, 1, 2)]):
        book.active.append(row)
    plain, changed = io.BytesIO(), io.BytesIO()
    book.save(plain)
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(changed, "w") as target:
        for item in source.infolist():
            content = source.read(item)
            if item.filename == "xl/worksheets/sheet1.xml":
                more = b'<extLst><ext uri="{CCE6A557-97BC-4b89-ADB6-D9C93CAA4A2D}"/></extLst></worksheet>'
                content = content.replace(b"</worksheet>", more)
            if item.filename == "xl/styles.xml":
                content = re.sub(rb"<cellStyles.*</cellStyles>", b"", content)
            target.writestr(item, content)
    return changed.getvalue()


def test_workbooks_are_read_without_a_change_of_the_warnings(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = workbook_that_openpyxl_warns_of()
    with pytest.warns(UserWarning, match="no default style|extension is not supported"):
        for _ in openpyxl.load_workbook(io.BytesIO(raw), read_only=True).active.iter_rows():
            pass
    filters = warnings.filters

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a filter of warnings holds for all threads")

    for name in ("catch_warnings", "simplefilter", "filterwarnings"):
        monkeypatch.setattr(warnings, name, refuse)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: read_rows(raw, "a.xlsx", None), range(16)))
    monkeypatch.undo()
    assert warnings.filters is filters
    rows = [["t", "x"], [0, 1.5], [1, NOT_CALCULATED], [2, dt.datetime(2020, 1, 2)]]
    assert found == [("Sheet", rows)] * 16


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
