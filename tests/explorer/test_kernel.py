"""The kernel of the page in node against the kernel of sweeps on this machine."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import tempfile
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from browser import CHROMIUM, Browser
from model_file import TEMPLATE

import sdmodel
from sdmodel.compile.llvm.engine import Kernel
from sdmodel.compile.llvm.ir import Machine
from sdmodel.compile.llvm.target import host
from sdmodel.core.errors import OverrideError, UnsupportedError
from sdmodel.core.expression import NA
from sdmodel.core.resources import named_models
from sdmodel.core.scenario import Scenario
from sdmodel.core.schedule import Schedule
from sdmodel.explorer.kernel import PageKernel, PageKernels, page_kernel
from sdmodel.model import Model
from sdmodel.solve.inputs import program_and_solver
from sdmodel.solve.registry import MANY_RUNS

NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="node is not installed; the kernel of the page runs in it")

HERE = Path(__file__).parent
PAGE = Path(sdmodel.__file__).with_name("explorer") / "page"
RUN = (HERE / "run_jobs.js").read_text(encoding="utf-8")
needs_browser = pytest.mark.skipif(
    CHROMIUM is None, reason="Chromium is not installed; the kernel of the page runs in it"
)
SMALL = {
    name: (" ~ ~ |\n".join([*model["equations"].split("\n"), ""]), model["change"])
    for name, model in tomllib.loads((HERE / "small_models.toml").read_text(encoding="utf-8")).items()
}


Job = tuple[PageKernel, np.ndarray]
Engine = Callable[[list[Job]], list[dict[str, Any]]]


def sent(jobs: list[Job]) -> str:
    return json.dumps(
        [{"spec": k.spec, "code": base64.b64encode(k.code).decode(), "rows": rows.tolist()} for k, rows in jobs]
    )


def taken(jobs: list[Job], text: str) -> list[dict[str, Any]]:
    """Results of runs of the page's kernels: values (runs, outputs, times), status, first."""
    out = list[dict[str, Any]](json.loads(text))
    for (kernel, rows), found in zip(jobs, out, strict=True):
        shape = len(rows), kernel.spec["outputs"], len(kernel.spec["times"])
        found["values"] = np.array(found["values"], dtype=float).reshape(shape)
    return out


def in_node(jobs: list[Job]) -> list[dict[str, Any]]:
    assert NODE is not None
    script = HERE / "run_kernel.js"
    done = subprocess.run(
        [NODE, str(script)], input=sent(jobs), capture_output=True, text=True, timeout=300, check=False
    )
    assert not done.returncode, done.stderr
    return taken(jobs, done.stdout)


def in_browser(jobs: list[Job]) -> list[dict[str, Any]]:
    scripts = "".join((PAGE / name).read_text(encoding="utf-8") for name in ("dates.js", "kernel.js"))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "page.html"
        path.write_text(f"<html data-ready=yes><script>{scripts}{RUN}</script>", encoding="utf-8")
        browser = Browser(Path(folder) / "profile")
        try:
            browser.open(path)
            return taken(jobs, browser.evaluate(f"runJobs({sent(jobs)})"))
        finally:
            browser.close()


def rows_of(kernel: PageKernel, *changes: Mapping[str, float]) -> np.ndarray:
    """Parameters of the base run and of each change, (runs, parameters)."""
    rows = np.array([kernel.program.defaults] * (1 + len(changes)))
    for row, change in zip(rows[1:], changes, strict=True):
        for name, value in change.items():
            row[kernel.program.parameters.index(name)] = value
    return rows


def same(model: Model, kernel: PageKernel, rows: np.ndarray, found: dict[str, Any], rtol: float = 0.0) -> None:
    """Compare with the kernel of this machine: bit by bit where neither fuses multiply and add."""
    program, chosen, _ = program_and_solver(model, None, MANY_RUNS)
    plain = replace(host(), machine=Machine(fma=False, permute=False, lanes=2))
    nodes = [program.outputs[label] for label in kernel.labels]
    native, _, _ = Kernel(program, nodes, tableau=chosen.steps, target=plain).run(rows, kernel.spec["times"])
    native[native == NA] = np.nan
    np.testing.assert_allclose(found["values"][:, : len(nodes)], native, rtol=rtol, atol=0, err_msg=model.name)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Model, PageKernel, np.ndarray]]:
    """Twenty models in the manner of public ones: the model, its kernel, and two rows of parameters."""
    folder, out = tmp_path_factory.mktemp("small"), []
    for name, (text, change) in SMALL.items():
        path = folder / f"{name}.mdl"
        path.write_text(TEMPLATE.format(equations=text, start=0, end=10, step=0.125, saveper=1), encoding="utf-8")
        model = sdmodel.load(path)
        kernel = page_kernel(model)
        out.append((model, kernel, rows_of(kernel, change)))
    assert len(out) >= 20
    return out


@pytest.mark.parametrize(
    "engine",
    [pytest.param(in_node, marks=needs_node), pytest.param(in_browser, marks=[needs_browser, pytest.mark.long])],
)
def test_small_models_run_as_on_this_machine(small: list[tuple[Model, PageKernel, np.ndarray]], engine: Engine) -> None:
    for (model, kernel, rows), found in zip(small, engine([(k, rows) for _, k, rows in small]), strict=True):
        assert found["status"] == [0, 0], model.name
        same(model, kernel, rows, found, rtol=1e-12 if kernel.spec["library"] else 0.0)
        assert (found["values"][0] != found["values"][1]).any()


def levers(model: Model, kernel: PageKernel) -> list[dict[str, float]]:
    """Every lever, or every uncertain constant, moved to a quarter of its range; dates among them."""
    table = model.levers if len(model.levers) else model.uncertainties
    free = table[~table.index.isin(kernel.fixed_parameters)]
    return [{name: row.low + (row.high - row.low) / 4} for name, row in free.iterrows()]


QUICK = ("adoption", "budworm", "network")


@needs_node
@pytest.mark.parametrize("name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.long) for n in named_models()])
def test_shipped_models_run_as_on_this_machine(name: str) -> None:
    model = sdmodel.load(name)
    kernel = page_kernel(model)
    rows = rows_of(kernel, *levers(model, kernel), *(s.values for s in model.scenarios.values() if not s.paths))
    same(model, kernel, rows, in_node([(kernel, rows)])[0])


@needs_node
def test_schedules_have_kernels_of_their_own(model_from: Callable[..., Model]) -> None:
    """Rows are those of the main kernel; a schedule may stand in the place of a series."""
    model = model_from("x = INTEG(seen * k + STEP(1, when), 0) ~ ~ |\nseen ~ ~ |\nk = 2 ~ ~ |\nwhen = 3.3 ~ ~ |")
    data = {"seen": pd.Series([1.0, 3.0, 2.0], index=[0.0, 4.5, 10.0])}
    steps, line = Schedule((0, 2.7), (1, 4)), Schedule((1, 8), (0, 2), "linear")
    plans = [Scenario("k", paths={"k": steps}), Scenario("both", paths={"k": line, "seen": steps})]
    kernels = PageKernels(model, data)
    assert [kernels.place(s) for s in [*plans, plans[0], Scenario()]] == [1, 2, 1, 0]
    rows = rows_of(kernels.main, {"when": 6.1})
    for plan, found in zip(plans, in_node([(k, rows) for k in kernels.all[1:]]), strict=True):
        run = model.run({"when": 6.1}, scenario=plan, data=None if "seen" in plan.paths else data, method="exact")
        np.testing.assert_allclose(found["values"][1, kernels.main.labels.index("x")], run["x"], rtol=1e-12)


@needs_node
def test_data_series_are_given_to_the_page(model_from: Callable[..., Model]) -> None:
    model = model_from("x = INTEG(seen * k, 0) ~ ~ |\nseen ~ ~ |\nk = 2 ~ ~ |")
    series = pd.Series([1.0, 3.0, 2.0], index=[0.0, 4.5, 10.0])
    kernel = page_kernel(model, {"seen": series})
    found = in_node([(kernel, rows_of(kernel, {"k": 3.0}))])[0]
    run = model.run({"k": 3.0}, data={"seen": series}, method="exact")
    np.testing.assert_allclose(found["values"][1, kernel.labels.index("x")], run["x"], rtol=1e-12)
    assert PageKernels(model, series.to_frame("seen")).main.spec == kernel.spec
    with pytest.raises(OverrideError, match="'seen' has no series"):
        page_kernel(model)


@needs_node
def test_steps_are_halved_as_in_sweeps(model_from: Callable[..., Model]) -> None:
    model = model_from(SMALL["goal"][0])
    kernel = page_kernel(model)
    found = in_node([(kernel, rows_of(kernel, {"k": 30.0}))])[0]
    sweep = model.sweep(pd.DataFrame({"k": [4.0, 30.0]}), ["x"])
    assert sweep.attrs["solved_again_halved"] == 1
    np.testing.assert_allclose(found["values"][:, kernel.labels.index("x")], sweep["x"], rtol=1e-12)


@needs_node
def test_runs_that_the_page_cannot_solve_are_marked(model_from: Callable[..., Model]) -> None:
    """Steps that stay too long, a value that is not finite, and a delay that would need another order."""
    stiff = page_kernel(model_from("x = INTEG(-k * (x - 1), 0) ~ ~ |\nk = 4 ~ ~ |"))
    blown = page_kernel(model_from("x = INTEG(1 / (a - Time), 0) ~ ~ |\ny = LN(a - Time) ~ ~ |\na = 99 ~ ~ |"))
    short = page_kernel(model_from("x = DELAY N(d, d, 1, 4) + DELAY FIXED(1, 1, 1) ~ ~ |\nd = 4 ~ ~ |", step=1))
    jobs = [
        (stiff, rows_of(stiff, {"k": 1e6})), (blown, rows_of(blown, {"a": 5.5})), (short, rows_of(short, {"d": 2.0})),
    ]  # fmt: skip
    found = in_node(jobs)
    assert [f["status"] for f in found] == [[0, 3], [0, 1], [0, 4]]
    assert found[1]["first"][1] == 6


def test_what_cannot_go_into_a_page_is_refused_by_name(model_from: Callable[..., Model]) -> None:
    with pytest.raises(UnsupportedError, match="'still' has no variable that changes"):
        page_kernel(model_from("a = 3 ~ ~ |", name="still"))
    with pytest.raises(UnsupportedError, match="reports 1 variables at 3,000,001 times"):
        page_kernel(model_from("x = INTEG(1, 0) ~ ~ |", end=3_000_000, step=1))
    allocated = (
        "who: a, b ~ ~ |\nkind: ptype, ppriority, pwidth, pextra ~ ~ |\nwanted[who] = 3, 5 ~ ~ |\n"
        "x = INTEG(SUM(y[who!]), 0) ~ ~ |\nrule[who, kind] = 1, 1, 1, 0; 1, 2, 1, 0; ~ ~ |\n"
        "y[who] = ALLOCATE AVAILABLE(wanted[who], rule[who, ptype], 4) ~ ~ |"
    )
    with pytest.raises(UnsupportedError, match=r"'mini' cannot go into a page.*'allocate_available'.*model.replace"):
        page_kernel(model_from(allocated))
