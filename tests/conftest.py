"""Shared by all tests: a cache folder of their own, and small models from text."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import matplotlib
import pytest
from hypothesis import settings
from model_file import TEMPLATE

import sdmodel
from sdmodel.compile.llvm import target
from sdmodel.core.resources import named_models as shipped_names
from sdmodel.model import Model

matplotlib.use("Agg")
# The same examples on every machine, and few of them.
settings.register_profile("sdmodel", derandomize=True, deadline=None, max_examples=30, database=None)
settings.load_profile("sdmodel")


# What these folders and files test is composed, swept, built, drawn or run as a process of its own, which takes long.
NOT_QUICK = (
    *("analysis/", "benchmarks/", "cli/", "experiments/", "faults/", "models/", "plot/", "study/"),
    *("compile/test_llvm_machines", "compile/test_llvm_math", "compile/test_scaling", "conformance/test_suite"),
    *("core/test_pickling", "sweep/test_dask", "sweep/test_store", "validation/test_confidence"),
    *("test_docs", "test_packaging"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the quick tests: `python -m pytest -m quick`."""
    here = Path(__file__).parent
    for item in items:
        below = item.path.relative_to(here).as_posix()
        if below.startswith(NOT_QUICK) or "shandong" in item.name:  # the composed model takes long to compile
            continue
        if not any(item.get_closest_marker(name) for name in ("slow", "long")):
            item.add_marker(pytest.mark.quick)


@pytest.fixture(autouse=True, scope="session")
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Cache of parsed models, one for all processes of this run, never the user's.

    What tests start in a process of its own keeps its bytecode, also where Python is told to keep none: hundreds of
    files would be compiled each time.
    """
    base = tmp_path_factory.getbasetemp()
    place = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "sdmodel-cache"
    place.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SDMODEL_CACHE", str(place))
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        yield place


@pytest.fixture(autouse=True, scope="session")
def shipped_models() -> Iterator[None]:
    """A shipped model is loaded once for all tests of a process: models never change, and kernels are made for one."""
    read, names = sdmodel.load, frozenset(shipped_names())
    shared = functools.cache(read)

    def load(name: object, **options: object) -> Model:
        return shared(name) if isinstance(name, str) and name in names and not options else read(name, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sdmodel, "load", load)
        yield


@pytest.fixture(autouse=True, scope="module")
def quick_compilation(request: pytest.FixtureRequest) -> Iterator[None]:
    """Kernels are compiled in half of the time, to the same values, where their code is not what is tested."""
    tested = request.path.relative_to(Path(__file__).parent).as_posix().startswith(("benchmarks/", "compile/"))
    with pytest.MonkeyPatch.context() as patch:
        if not tested:
            patch.setattr(target, "OPTIMIZATION", 0)
        yield


@pytest.fixture(scope="session")
def ema_workbench() -> ModuleType:
    """Imported in a thread: each of its decorators reads the source of all that is being called, pytest as well.

    The package is an extra; tests of it skip where it is not installed.
    """
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(pytest.importorskip, "ema_workbench").result()


@pytest.fixture
def write_model(tmp_path: Path) -> Callable[..., Path]:
    """`write_model(equations, name="mini", start=0, end=10, step=0.125, saveper=1)` -> path of a .mdl."""

    def write(
        equations: str, name: str = "mini", start: float = 0, end: float = 10, step: float = 0.125, saveper: float = 1
    ) -> Path:
        path = tmp_path / f"{name}.mdl"
        text = TEMPLATE.format(equations=equations, start=start, end=end, step=step, saveper=saveper)
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def model_from(write_model: Callable[..., Path]) -> Callable[..., Model]:
    """`model_from(equations, ...)` -> Model, written and loaded; arguments as of `write_model`."""

    def make(equations: str, **given: object) -> Model:
        return sdmodel.load(write_model(equations, **given))

    return make
