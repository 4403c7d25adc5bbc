"""Which tests touch which lines, and whether tests fail with a change in place.

Tests run in a copy of the checkout, in processes forked after the imports that take long.
"""

from __future__ import annotations

import compileall
import difflib
import hashlib
import importlib
import json
import os
import resource
import select
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Collection
from contextlib import suppress
from itertools import accumulate
from pathlib import Path
from typing import Any

import coverage
import pytest

from tests.mutation.changes import Mutant, places, readers

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / ".mutation"
COPY = HOME / "checkout"
RECORD = HOME / "record"
CODE = ("sdmodel", "models", "experiments")
PARTS = (
    *CODE,
    "tests",
    "docs",
    "pyproject.toml",
    "setup.py",
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
)
# Whole models asked, PySD beside them, builds, clusters and timings: they take minutes and are not aimed at one room.
LEFT_OUT = (
    *("experiments/", "benchmarks/", "mutation/", "test_packaging", "test_architecture", "faults/test_hostile"),
    *("faults/test_security", "models/test_parity", "models/test_published", "faults/fuzz"),
    *("test_docs", "test_import_time", "compile/test_scaling"),
    *("io/test_load_threads", "sweep/test_dask"),
)
WARM = ("coverage", "hypothesis", "llvmlite.binding", "llvmlite.ir", "lxml.etree", "matplotlib.pyplot", "networkx",
        "numpy", "openpyxl", "pandas", "pytest", "scipy.integrate", "scipy.optimize", "scipy.stats", "tqdm", "typer",
        "xarray", "zarr", "SALib", "pymoo", "sklearn.tree", "distributed")  # fmt: skip
MEMORY = 8 << 30
PASSED, FAILED, OUT_OF_TIME = "passed", "failed", "out of time"


def digest(root: Path) -> str:
    """Digest of all that the tests test."""
    whole = hashlib.sha256()
    for part in CODE:
        for path in sorted((root / part).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                whole.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return whole.hexdigest()


def refresh_copy() -> None:
    """Make the copy like the checkout, with its bytecode, which trials do not write."""
    RECORD.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        source, target = ROOT / part, COPY / part
        if source.is_dir():
            for gone in (p for p in target.rglob("*.*") if not (source / p.relative_to(target)).exists()):
                if gone.is_file() and "__pycache__" not in gone.parts:
                    gone.unlink()
            left_out = shutil.ignore_patterns("__pycache__", "_build", "generated")
            shutil.copytree(source, target, ignore=left_out, dirs_exist_ok=True)
        elif source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    compileall.compile_dir(COPY / "sdmodel", quiet=2)
    with suppress(FileExistsError):
        if (ROOT.parent / "shared").exists():
            (HOME / "shared").symlink_to((ROOT.parent / "shared").resolve())


def warm() -> None:
    """Import what takes long, and nothing of sdmodel."""
    os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", MPLBACKEND="Agg")
    for name in WARM:
        with suppress(ImportError):
            importlib.import_module(name)
    assert not any(name.partition(".")[0] == "sdmodel" for name in sys.modules)


def forked(work: Callable[[], int], processor: float, wall: float, writes_bytecode: bool = False) -> int | None:
    """Status of `work` in a process of its own, in the copy; None if it takes too long."""
    child = os.fork()
    if child == 0:
        status = 70
        try:
            os.setsid()
            null = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(null, stream)
            resource.setrlimit(resource.RLIMIT_CPU, (int(processor) + 1, int(processor) + 3))
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            os.chdir(COPY)
            sys.path.insert(0, str(COPY))
            os.environ["PYTHONPATH"] = str(COPY)
            for name in [name for name in sys.modules if name.partition(".")[0] == "tests"]:
                del sys.modules[name]
            if not writes_bytecode:
                sys.dont_write_bytecode = True
                os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
            status = work()
        except BaseException:  # a forked child must never go on as its parent
            (HOME / "error").write_text(traceback.format_exc(), encoding="utf-8")
        finally:
            os._exit(status)
    handle = os.pidfd_open(child)
    try:
        ended, _, _ = select.select([handle], [], [], wall)
    finally:
        os.close(handle)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child, signal.SIGKILL)  # what it has left behind as well
    _, status = os.waitpid(child, 0)
    if not ended or (os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL)):
        return None
    return os.waitstatus_to_exitcode(status)


def processor_time() -> float:
    return sum(os.times()[:4])


class Recorder:
    """Plug-in that writes the processor time of each test that passes, and which lines it runs."""

    def __init__(self, data: Path) -> None:
        self.seconds: dict[str, float] = {}
        self.failed: set[str] = set()
        self.cov = coverage.Coverage(
            data_file=str(data), source=[str(COPY / "sdmodel"), str(COPY / "experiments")], config_file=False
        )
        self.cov.start()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Any:
        self.cov.switch_context(item.nodeid)
        begun = processor_time()
        try:
            return (yield)
        finally:
            self.seconds[item.nodeid] = processor_time() - begun
            self.cov.switch_context("")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.outcome != PASSED:
            self.failed.add(report.nodeid)

    def save(self, target: Path, code: str) -> None:
        self.cov.stop()
        self.cov.save()
        passed = {name: round(s, 4) for name, s in self.seconds.items() if name not in self.failed}
        target.write_text(
            json.dumps({"passed": passed, "left": sorted(self.failed), "code": code}, indent=0), encoding="utf-8"
        )


def arguments(folder: str, files: Collection[str]) -> list[str]:
    quiet = ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # what is imported before the fork
    return [
        "-q",
        "-n0",
        *quiet,
        "-p",
        "no:cacheprovider",
        "-p",
        "no:randomly",
        f"--basetemp={folder}/t",
        *sorted(files),
    ]


def record(paths: Collection[str], report: Callable[[str], None]) -> None:
    """Run each test file once and keep which test runs which lines of which code, and how long it takes."""
    code = digest(COPY)
    if not (RECORD / code).exists():
        shutil.copytree(COPY / "sdmodel", RECORD / code / "sdmodel", ignore=shutil.ignore_patterns("__pycache__"))
    for file in sorted((COPY / "tests").rglob("test_*.py")):
        name = file.relative_to(COPY).as_posix()
        below = name.removeprefix("tests/")
        if below.startswith(LEFT_OUT) or (paths and not name.startswith(tuple(paths))):
            continue
        data, target = (RECORD / (below.replace("/", "-") + end) for end in (".coverage", ".json"))
        text = hashlib.sha256(file.read_bytes()).hexdigest()
        mark = RECORD / (below.replace("/", "-") + ".sha256")
        if mark.exists() and mark.read_text() == text:
            continue
        data.unlink(missing_ok=True)
        target.unlink(missing_ok=True)
        with tempfile.TemporaryDirectory() as folder:

            def work(name: str = name, data: Path = data, target: Path = target, folder: str = folder) -> int:
                plugin = Recorder(data)
                try:
                    return int(pytest.main(arguments(folder, [name]), plugins=[plugin]))
                finally:  # what the end of a session complains about does not undo what was recorded
                    plugin.save(target, code)

            status = forked(work, 1200, 3600, writes_bytecode=True)
        if target.exists():
            mark.write_text(text)
            kept = json.loads(target.read_text())
            took = sum(kept["passed"].values())
            report(f"{name}: {len(kept['passed'])} tests, {took:.1f} s, left out {len(kept['left'])}")
        else:
            report(f"{name}: NOT RECORDED, status {status}")


class Touched:
    """Tests that touch a line, from the record."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.data: list[tuple[coverage.CoverageData, Path]] = []
        for file in sorted(RECORD.glob("*.json")):
            kept = json.loads(file.read_text(encoding="utf-8"))
            self.seconds |= kept["passed"]
            data = coverage.CoverageData(str(file.with_suffix(".coverage")))
            data.read()
            self.data.append((data, RECORD / kept["code"]))

    def by_line(self, path: Path) -> dict[int, set[str]]:
        """Tests by the lines of a file as it is now; lines that are new since the record have none."""
        lines: dict[int, set[str]] = {}
        now = (COPY / path).read_text("utf-8").splitlines()
        moved: dict[Path, dict[int, int]] = {}
        for data, code in self.data:
            if code not in moved:
                moved[code] = (
                    _moved((code / path).read_text("utf-8").splitlines(), now) if (code / path).exists() else {}
                )
            file = next((f for f in data.measured_files() if f.endswith(path.as_posix())), "")  # of any checkout
            for line, contexts in data.contexts_by_lineno(file).items():
                if line in moved[code]:
                    lines.setdefault(moved[code][line], set()).update(c for c in contexts if c in self.seconds)
        return lines

    def order(self, mutant: Mutant, text: str, seconds: float) -> list[str]:
        """Tests in the order in which they are tried, as many as take so long.

        First those that run what the changed condition guards, then those that run the changed statement, then its
        function (or file), then the others of the first ones' files, whose shared fixtures may have run it; of each
        those of the room before the others, the quickest first.
        Of a constant, which is assigned at import, those that run its readers come first. What else runs at import, or
        in processes of its own, is run by no test: the quickest of all that use the file, of its room and of the whole
        package come first. A model gets all tests of its room.
        """
        if mutant.path.suffix == ".mdl":
            rank = {name: 0 for name in self.seconds if name.startswith("tests/models/")}
            own: tuple[str, ...] = ()
        else:
            room = mutant.path.parts[1].removesuffix(".py")
            own = (f"tests/{room}/", f"tests/test_{room}.")
            lines = self.by_line(mutant.path)
            guarded, statement, around = (
                set().union(*(lines.get(line, ()) for line in place)) for place in places(text, mutant.number(text))
            )
            if not statement:
                statement = set().union(*(lines.get(line, ()) for line in readers(text, mutant.number(text))))
            rank = dict.fromkeys(around, 2) | dict.fromkeys(statement, 1) | dict.fromkeys(guarded, 0)
            files = {name.partition("::")[0] for name in statement or rank}
            for name in self.seconds:
                if name.partition("::")[0] in files or (not statement and name.startswith((*own, "tests/test_"))):
                    rank.setdefault(name, 3 if statement else 2)
        rank |= {name: 0 for name in self.seconds if name.startswith("tests/test_data_classes.")}  # it reads the source
        order = sorted(rank, key=lambda name: (rank[name], not name.startswith(own), self.seconds[name]))
        before = accumulate((self.seconds[name] for name in order), initial=0.0)
        return [name for name, spent in zip(order, before, strict=False) if spent <= seconds]


def _moved(before: list[str], now: list[str]) -> dict[int, int]:
    """Number of each line that is the same, before and now."""
    blocks = difflib.SequenceMatcher(None, before, now, autojunk=False).get_matching_blocks()
    return {block.a + i + 1: block.b + i + 1 for block in blocks for i in range(block.size)}


class Chosen:
    """Plug-in that runs the chosen tests in their order, until one fails or their time is used up."""

    def __init__(self, order: list[str], seconds: float) -> None:
        self.rank = {name: i for i, name in enumerate(order)}
        self.seconds = seconds
        self.out_of_time = False

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted((i for i in items if i.nodeid in self.rank), key=lambda item: self.rank[item.nodeid])

    def pytest_runtest_logfinish(self) -> None:
        self.out_of_time = processor_time() > self.seconds

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> None:
        if self.out_of_time:
            item.session.shouldstop = "the time for one change is used up"


def same_mark() -> None:
    """Let the stored ensemble fit any model: by its mark every change would be noticed, whatever it does."""
    from sdmodel.study import history_matching

    history_matching.mark = lambda model: history_matching.record()["mark"]


def failed_with(mutant: Mutant, order: list[str], seconds: float, report: Path) -> str:
    """Name of the first test that fails with the change in place, or '' if none does."""
    if not order:
        return ""
    place = COPY / mutant.path
    text, times = place.read_text("utf-8"), place.stat()
    report.unlink(missing_ok=True)

    class First:
        def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
            if report.failed and not path.exists():
                path.write_text(report.nodeid, encoding="utf-8")

    path = report
    place.write_text(mutant.applied(text), encoding="utf-8")
    try:
        with tempfile.TemporaryDirectory() as folder:

            def work() -> int:
                if mutant.path.suffix == ".mdl":
                    same_mark()
                files = {name.partition("::")[0] for name in order}
                plugins = [Chosen(order, seconds), First()]
                status = int(pytest.main(["-x", *arguments(folder, files)], plugins=plugins))
                return 0 if status in (2, 5) and not report.exists() and plugins[0].out_of_time else status

            status = forked(work, 2 * seconds + 60, 20 * seconds + 240)
    finally:
        place.write_text(text, encoding="utf-8")
        os.utime(place, ns=(times.st_atime_ns, times.st_mtime_ns))
    if report.exists():
        return report.read_text(encoding="utf-8")
    if status is None:
        return OUT_OF_TIME
    return "" if status in (0, 5) else f"collection, status {status}"
