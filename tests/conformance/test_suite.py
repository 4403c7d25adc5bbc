"""The public test models of the SDXorg project, where they lie beside the checkout: every case must pass."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import sdmodel

SUITE = Path(__file__).parents[2].parent / "shared" / "suite"


def _runner() -> ModuleType | None:
    spec = importlib.util.spec_from_file_location("run_suite", SUITE / "run_suite.py")
    if spec is None or spec.loader is None or not (SUITE / "run_suite.py").is_file():
        return None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


RUNNER = _runner()


def _cases() -> Iterator[Any]:
    if RUNNER is not None:
        for line in (SUITE / "open.txt").read_text("utf-8").splitlines():
            if line.strip() and not line.startswith("#"):
                yield pytest.param(line.split("\t"), id=line.split("\t")[0])


@pytest.mark.skipif(RUNNER is None, reason="the public suite does not lie beside this checkout")
@pytest.mark.filterwarnings("ignore")  # the runner leaves files open
@pytest.mark.parametrize("case", list(_cases()))
def test_a_public_model_gives_the_published_output(case: list[str]) -> None:
    assert RUNNER is not None
    _, _, model, output, rtol, atol, data = case
    path = SUITE / model
    files = [path.parent / name for name in data.split(";") if name != "-"]
    found = sdmodel.load(path, data_files=files).run(method="euler").to_dataframe()
    wrong = RUNNER.compare(found, RUNNER.load_expected(str(SUITE / output)), float(rtol), float(atol))
    assert wrong is None, wrong
