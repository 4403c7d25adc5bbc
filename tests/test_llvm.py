"""The kernel of sweeps against the Python engine, run by run."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import llvmlite.binding as llvm
import numpy as np
import pytest

import sdmodel
from sdmodel.asked import interpolant
from sdmodel.compile.llvm import Kernel, engine
from sdmodel.compile.llvm.emit import emit
from sdmodel.compile.llvm.text import Machine
from sdmodel.compile.python import Engine
from sdmodel.errors import SdmodelError, SolveError, UnsupportedError
from sdmodel.model import Model

METHODS = ("exact", "euler", "rk4")

ARITHMETIC = """
a = 1.5 ~ ~ |
b = 0.4 ~ ~ |
c = -2 ~ ~ |
start = 2.03 ~ ~ |
width = 1.9 ~ ~ |
mass = INTEG(inflow - outflow, a * 10) ~ ~ |
other = INTEG(MIN(mass, 12) * b - other / 3 + bent, 1) ~ ~ |
lagged = SMOOTH3(other, 2) ~ ~ |
piped = DELAY3(inflow, 1.5) ~ ~ |
inflow = IF THEN ELSE(other > 4 :AND: :NOT: mass < 3, a, a * b) * (1 + PULSE(start, width)) + STEP(b, start + 3) ~ ~ |
outflow = mass / MAX(other, 0.5) * b + ABS(c + b * Time) * 0.01 ~ ~ |
bent = RAMP(b / 10, start, start + 4) + MAX(c + Time, 0) * MIN(Time, 5) / 100 ~ ~ |
waves = IF THEN ELSE(MODULO(Time, 3) < b * 3, 1, 0) + PULSE TRAIN(start, 0.3, 1.1, 9) * a ~ ~ |
shaped = WITH LOOKUP(mass, ([(0,0)-(9,9)],(0,1),(5,2),(8,2.5),(12,7),(40,8))) ~ ~ |
even = WITH LOOKUP(other, ((0,1),(1,2),(2,2.5),(3,7),(4,8),(5,3),(6,1),(7,0.5),(8,9))) ~ ~ |
long = WITH LOOKUP(other + lagged, ((0,1),(1.1,2),(2,2.5),(3,7),(4,8),(5,3),(6,1),(7,0.5),(8,9),(9,1),(10,2),(11.5,3),
    (12,1),(13,7),(14,3),(15,4),(16,1),(17,8),(18,2))) ~ ~ |
dated = WITH LOOKUP(Time * a, ((0,1),(2,3),(5.5,1),(9,4))) ~ ~ |
kept = INTEGER(mass * 3.7) + QUANTUM(other, 0.3) + shaped * 0 + even * long + dated + waves ~ ~ |
power = (mass * 0.1) ^ 2 + SQRT(other) + (other > 2) * 0 ~ ~ |
"""


@pytest.mark.parametrize("method", METHODS)
def test_arithmetic_is_equal_to_the_last_bit(model_from: Callable[..., Model], method: str) -> None:
    """Sums, products, choices, lookups, dates and delays; vectors that are not full; several breaks a run."""
    equations = ARITHMETIC.replace("(other > 2)", "IF THEN ELSE(other > 2, 1, 0)")
    program, outputs = programs(model_from(equations, end=12), method)
    times = [0.0, 0.5, 1.0, 2.0, 2.125, 5.0, 11.875, 12.0]
    given = design(program, 19)
    values, status, first = Kernel(program, outputs, method=method).run(given, times)
    assert not status.any()
    assert (first == -1).all()
    for i, p in enumerate(given):
        np.testing.assert_array_equal(values[i], by_python(program, outputs, p, times, method), err_msg=str(i))


def test_reported_times_off_the_grid(model_from: Callable[..., Model]) -> None:
    equations = ARITHMETIC.replace("(other > 2)", "IF THEN ELSE(other > 2, 1, 0)")
    program, outputs = programs(model_from(equations, end=12, step=0.3), "exact")
    times = [0.0, 0.1, 2.03, 3.93, 3.95, 7.123, 11.0]
    given = design(program, 9)
    values, _, _ = Kernel(program, outputs, method="exact").run(given, times)
    for i, p in enumerate(given):
        np.testing.assert_array_equal(values[i], by_python(program, outputs, p, times, "exact"))
    fixed, nodes = programs(model_from(equations, end=12, step=0.3), "rk4")
    kernel = Kernel(fixed, nodes, method="rk4")
    with pytest.raises(SolveError, match=r"no whole number of TIME STEPs of 0\.3"):
        kernel.run(design(fixed, 2), times)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["network", "policy", "shandong"])
def test_shipped_models(name: str, method: str) -> None:
    """Own functions differ from the C library's in the last bits; the models do not blow that up."""
    program, outputs = programs(sdmodel.load(name), method)
    given = design(program, 10)
    times = [2009.0, 2014.0, 2019.0, 2034.0]
    values, status, _ = Kernel(program, outputs, method=method).run(given, times)
    assert (status == 0).sum() >= 7, "constants moved without regard to their ranges may spoil a run, but not many"
    for p, got, failed in zip(given, values, status, strict=True):
        if failed:
            with pytest.raises(SolveError, match="not finite|is nan|is inf|is -inf"):
                by_python(program, outputs, p, times, method)
        else:
            wanted = by_python(program, outputs, p, times, method)
            # a difference of two large amounts that nearly cancel keeps the rounding of the amounts
            np.testing.assert_allclose(got, wanted, rtol=1e-11, atol=1e-15 * np.abs(wanted).max())


# -- a run is a run ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("method", METHODS)
def test_neighbours_order_and_threads_do_not_matter(model_from: Callable[..., Model], method: str) -> None:
    equations = ARITHMETIC.replace("(other > 2)", "EXP(-other)")
    program, outputs = programs(model_from(equations, end=12), method)
    times = list(np.arange(0.0, 12.5, 1.5))
    given = design(program, 333, spread=0.3)
    kernel = Kernel(program, outputs, method=method)
    values, status, first = kernel.run(given, times)
    order = np.random.default_rng(3).permutation(len(given))
    mixed, mixed_status, mixed_first = kernel.run(given[order], times, threads=2)
    np.testing.assert_array_equal(mixed, values[order])
    np.testing.assert_array_equal(mixed_status, status[order])
    np.testing.assert_array_equal(mixed_first, first[order])
    for i in (0, 7, 100, 332):
        np.testing.assert_array_equal(kernel.run(given[i : i + 1], times)[0][0], values[i])
        np.testing.assert_array_equal(kernel.run(given[i : i + 11], times)[0][0], values[i])


def test_time_steps_that_differ_between_runs(model_from: Callable[..., Model]) -> None:
    program, outputs = programs(model_from(ARITHMETIC.replace("(other > 2)", "0"), end=12), "exact")
    given = design(program, 12)
    step = list(program.parameters).index("TIME STEP")
    given[::3, step] = 0.25
    times = [0.0, 4.0, 12.0]
    values, _, _ = Kernel(program, outputs, method="exact").run(given, times, threads=2)
    for p, got in zip(given, values, strict=True):
        np.testing.assert_array_equal(got, by_python(program, outputs, p, times, "exact"))


# -- failures ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("method", METHODS)
def test_runs_that_fail_are_marked_and_the_rest_stand(model_from: Callable[..., Model], method: str) -> None:
    model = model_from(
        "rate = 0.1 ~ ~ |\nlevel = INTEG(level * rate * level, 1) ~ ~ |\nroot = SQRT(level) ~ ~ |", end=9
    )
    program, outputs = programs(model, method)
    given = np.tile(np.array(program.defaults), (17, 1))
    given[5, list(program.parameters).index("rate")] = 3.0
    given[11, list(program.parameters).index("rate")] = np.nan
    times = list(np.arange(0.0, 10.0))
    values, status, first = Kernel(program, outputs, method=method).run(given, times)
    assert [i for i, s in enumerate(status) if s] == [5, 11]
    assert first[5] > 0
    assert first[11] == 1
    assert np.isfinite(values[5, :, : first[5]]).all()
    assert not np.isfinite(values[5, 0, first[5]])
    fine = np.delete(np.arange(17), [5, 11])
    assert (values[fine] == values[0]).all()
    assert (first[fine] == -1).all()


def test_the_other_arm_of_a_choice_leaks_nothing(model_from: Callable[..., Model]) -> None:
    equations = """
x = 0 ~ ~ |
safe = IF THEN ELSE(x > 0, LN(x) / x, 5) + XIDZ(1, x, 2) + IF THEN ELSE(x < 0, SQRT(x), 1) ~ ~ |
level = INTEG(safe, 0) ~ ~ |
"""
    program, outputs = programs(model_from(equations, end=2), "euler")
    with np.errstate(all="raise"):
        values, status, _ = Kernel(program, outputs, method="euler").run([program.defaults], [0.0, 2.0])
    assert status[0] == 0
    assert values[0, 1, 1] == 16.0


def test_nan_is_not_lost_in_minimum_maximum_and_lookups(model_from: Callable[..., Model]) -> None:
    table = "((0,1),(1,2),(2,1),(3,4),(4,5),(5,6),(6,7))"
    equations = f"""
x = 1 ~ ~ |
a = MIN(x, 2) ~ ~ |
b = MIN(2, x) ~ ~ |
c = MAX(x * 1, 0) ~ ~ |
d = MAX(x * 1, x * 2) ~ ~ |
e = WITH LOOKUP(x * 2, {table}) ~ ~ |
f = WITH LOOKUP(x * 2, ((0,1),(1,2),(2.5,3))) ~ ~ |
g = INTEGER(x * 1) ~ ~ |
h = IF THEN ELSE(x > 1, 1, 2) ~ ~ |
level = INTEG(1, 0) ~ ~ |
"""
    program, outputs = programs(model_from(equations, end=1), "euler")
    given = np.tile(np.array(program.defaults), (5, 1))
    given[:, list(program.parameters).index("x")] = [np.nan, np.inf, -np.inf, -0.0, 2.0]
    values, _, _ = Kernel(program, outputs, method="euler").run(given, [0.0, 1.0])
    names = list(program.outputs)
    for p, got in zip(given, values, strict=True):
        one = Engine(program, outputs).bind(p.tolist())
        wanted = np.array(one.outs(0.0, list(one.start), ()))
        np.testing.assert_array_equal(got[:, 0], wanted, err_msg=str(names))
        number = ~np.isnan(wanted)
        np.testing.assert_array_equal(np.signbit(got[number, 0]), np.signbit(wanted[number]), err_msg=str(names))


# -- the TIME STEP grid -----------------------------------------------------------------------------------------
STEPPED = """
delay = 1.5 ~ ~ |
gain = 1.1 ~ ~ |
noise = RANDOM UNIFORM(0, gain, 1) ~ ~ |
bell = RANDOM NORMAL(-3, 3, 0, gain, 2) ~ ~ |
wait = RANDOM EXPONENTIAL(0, 9, 0, gain, 3) ~ ~ |
chance = INITIAL(RANDOM 0 1() * gain) ~ ~ |
flow = noise * gain + bell / 10 ~ ~ |
stock = INTEG(flow - out, 5) ~ ~ |
out = DELAY FIXED(flow * stock / 5, delay, 0.5) ~ ~ |
again = DELAY FIXED(out, delay * 2, 0) ~ ~ |
peak = SAMPLE IF TRUE(stock > 5.5, stock, gain) ~ ~ |
total = INTEG(peak + again + wait + chance, 0) ~ ~ |
"""


@pytest.mark.parametrize("method", ["euler", "rk4"])
def test_memories_and_draws(model_from: Callable[..., Model], method: str) -> None:
    """Each lane has rings of its own length and draws of its own."""
    program, outputs = programs(model_from(STEPPED, end=20), method)
    assert program.memories
    assert program.streams
    given = design(program, 13)
    given[:, list(program.parameters).index("delay")] = np.linspace(0.05, 3, 13)
    times = [0.0, 0.125, 1.0, 7.0, 20.0]
    kernel = Kernel(program, outputs, method=method)
    values, status, _ = kernel.run(given, times, seed=42, threads=2)
    assert not status.any()
    for i, p in enumerate(given):
        wanted = by_python(program, outputs, p, times, method, seed=42, run=i)
        np.testing.assert_allclose(values[i], wanted, rtol=1e-12)
    numbers = np.array([12, 3, 5])
    some, _, _ = kernel.run(given[numbers], times, seed=42, numbers=numbers)
    np.testing.assert_array_equal(some, values[numbers])
    assert (kernel.run(given[:1], times, seed=43)[0] != values[:1]).any()


def test_delay_fixed_alone_is_equal_to_the_last_bit(model_from: Callable[..., Model]) -> None:
    equations = "lag = 1 ~ ~ |\nx = INTEG(1 - y / 2, 1) ~ ~ |\ny = DELAY FIXED(x, lag, 3) ~ ~ |"
    program, outputs = programs(model_from(equations, end=8), "euler")
    given = np.tile(np.array(program.defaults), (16, 1))
    given[:, list(program.parameters).index("lag")] = np.arange(16) / 4
    times = list(np.arange(0, 8.25, 0.25))
    values, _, _ = Kernel(program, outputs, method="euler").run(given, times)
    for p, got in zip(given, values, strict=True):
        np.testing.assert_array_equal(got, by_python(program, outputs, p, times, "euler"))


@pytest.mark.parametrize("method", METHODS)
def test_data_series_common_and_per_run(model_from: Callable[..., Model], method: str) -> None:
    model = model_from("price ~ ~ |\ndemand ~ ~ |\nk = 2 ~ ~ |\nlevel = INTEG(price * k - demand, 0) ~ ~ |", end=10)
    program, outputs = programs(model, method)
    assert set(program.data) == {"price", "demand"}
    rng = np.random.default_rng(5)
    at = {"price": np.array([1.0, 2.0, 4.5, 8.0]), "demand": np.array([0.0, 10.0])}
    x = {"price": rng.normal(size=4), "demand": rng.normal(size=(11, 2))}
    given = design(program, 11)
    times = [0.0, 3.0, 10.0]
    series = [(at[name], x[name]) for name in program.data]
    values, _, _ = Kernel(program, outputs, method=method).run(given, times, series=series, threads=2)
    for i, p in enumerate(given):
        own = [interpolant(at[n].tolist(), (x[n] if x[n].ndim == 1 else x[n][i]).tolist()) for n in program.data]
        np.testing.assert_array_equal(values[i], by_python(program, outputs, p, times, method, own))
    with pytest.raises(SolveError, match="2 data variables; 0 series"):
        Kernel(program, outputs, method=method).run(given, times)


# -- text and machines ------------------------------------------------------------------------------------------
def test_the_text_holds_numbers_and_no_names(model_from: Callable[..., Model]) -> None:
    model = model_from('"call @system(rm)" = 3 ~ ~ |\nhostile = INTEG(EXP(-"call @system(rm)"), 1) ~ ~ |')
    program, outputs = programs(model, "euler")
    text = Kernel(program, outputs, method="euler").text
    assert "system" not in text
    assert "hostile" not in text
    words = set(re.findall(r"@([\w.]+)", text))
    known = {"runs", "run", "report", "spans", "first", "segment", "watch", "numbers"}
    assert all(w in known or re.fullmatch(r"llvm\.[\w.]+|(rates|outs|nexts|init|clock|watched)_\d+", w) for w in words)


def test_what_is_not_needed_is_left_out(model_from: Callable[..., Model]) -> None:
    model = model_from("a = INTEG(1, 0) ~ ~ |\nb = INTEG(EXP(a) + b, 0) ~ ~ |\nc = INTEG(a - c, 0) ~ ~ |", end=4)
    program, _ = programs(model, "rk4")
    kernel = Kernel(program, [program.outputs["c"]], method="rk4")
    assert [program.states[i].name for i in kernel.plan.states] == ["a", "c"]
    values, _, _ = kernel.run([program.defaults], [0.0, 4.0])
    whole, _, _ = Kernel(program, list(program.outputs.values()), method="rk4").run([program.defaults], [0.0, 4.0])
    assert values[0, 0, 1] == whole[0, 2, 1]


def test_operations_that_are_not_known_are_refused_by_name(model_from: Callable[..., Model]) -> None:
    program, outputs = programs(model_from("a = INTEG(-a, 1) ~ ~ |"), "euler")
    strange = replace(program, nodes=(*program.nodes, ("teleport", 0)))
    with pytest.raises(UnsupportedError, match="'teleport'"):
        Kernel(strange, [len(program.nodes)], method="euler")
    leaf = replace(program, nodes=(*program.nodes, ("oracle",)))
    with pytest.raises(UnsupportedError, match="'oracle'"):
        Kernel(leaf, [len(program.nodes)], method="euler")
    table = replace(program, tables=(sdmodel.compile.program.TableData((0.0, 1.0), (0.0, 1.0), "curved"),))
    curved = replace(table, nodes=(*program.nodes, ("time",), ("lookup", 0, len(program.nodes))))
    with pytest.raises(UnsupportedError, match="'curved'"):
        Kernel(curved, [len(program.nodes) + 1], method="euler")
    with pytest.raises(SolveError, match="other meaning of time functions"):
        Kernel(program, outputs, method="exact")
    with pytest.raises(SolveError, match="exact, euler, rk4"):
        Kernel(program, outputs, method="LSODA")


def test_bad_calls(model_from: Callable[..., Model]) -> None:
    program, outputs = programs(model_from("a = INTEG(-a, 1) ~ ~ |"), "euler")
    kernel = Kernel(program, outputs, method="euler")
    good = [program.defaults]
    for given, times, message in (
        ([[1.0]], [0.0, 1.0], "Parameters must be"),
        (good, [0.0, 0.0], "must be finite and rise"),
        (good, [1.0, 2.0], "a run begins at 0"),
        (good, [0.0, 0.01], "no whole number of TIME STEPs"),
    ):
        with pytest.raises(SdmodelError, match=message):
            kernel.run(given, times)
    values, status, _ = kernel.run(np.empty((0, len(program.parameters))), [0.0, 1.0])
    assert values.shape == (0, len(outputs), 2)
    assert status.shape == (0,)


def _x86(cpu: str, features: str, fma: bool) -> engine.Target:
    return engine.Target(llvm.get_process_triple(), cpu, features, Machine(fma=fma, permute=False))


@pytest.mark.skipif("x86_64" not in llvm.get_process_triple(), reason="compiles for older processors of this family")
@pytest.mark.parametrize("method", METHODS)
def test_older_processors_give_the_same_bits(model_from: Callable[..., Model], method: str) -> None:
    """Without AVX-512, and without AVX and fused operations at all."""
    program, outputs = programs(model_from(ARITHMETIC.replace("(other > 2)", "0"), end=12), method)
    given, times = design(program, 11), [0.0, 5.0, 12.0]
    wanted, _, _ = Kernel(program, outputs, method=method).run(given, times)
    targets = [_x86("x86-64", "", fma=False)]
    if llvm.get_host_cpu_features().get("avx2"):
        targets.append(_x86("haswell", "", fma=True))
    for target in targets:
        got, _, _ = Kernel(program, outputs, method=method, target=target).run(given, times)
        np.testing.assert_array_equal(got, wanted)


def test_arm_code_can_be_written() -> None:
    """Emitted, not run: the text is legal for processors with vectors of two doubles."""
    program, outputs = programs(sdmodel.load("shandong"), "exact")
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    text = emit(program, outputs, "exact", Machine(fma=True, permute=False)).text
    target = engine.Target("aarch64-unknown-linux-gnu", "generic", "", Machine(fma=True, permute=False))
    module, machine = engine.assembled(text, target)
    code = machine.emit_assembly(module)
    assert "fmla\tv" in code or "fmla\t v" in code
    assert re.search(r"fmul\tv\d+\.2d", code)


def test_large_programs_are_cut_into_functions(tmp_path: Path) -> None:
    """Several functions a phase, values passed between them through the work buffer."""
    lines = ["k = 0.9 ~ ~ |", "s0 = INTEG(a699 - s0, 1) ~ ~ |", "a0 = s0 * k ~ ~ |"]
    lines += [
        f"a{i} = a{i - 1} * 0.5 + a{max(i - 40, 0)} / (1 + s{i // 25 if i % 25 else 0} ^ 2) * k"
        f" + MAX(a{i // 2}, 0.1) ~ ~ |"
        for i in range(1, 700)
    ]
    lines += [f"s{i} = INTEG((a{i * 20} - s{i}) / {i + 2}, {i / 10}) ~ ~ |" for i in range(1, 28)]
    path = tmp_path / "large.mdl"
    control = "\n".join(f"{n} = {v} ~ ~ |" for n, v in zip(CONTROL, (0, 2, 0.25, 1), strict=True))
    path.write_text("{UTF-8}\n" + "\n".join(lines) + "\n" + control, encoding="utf-8")
    for method in METHODS:
        program, outputs = programs(sdmodel.load(path), method)
        kernel = Kernel(program, outputs, method=method)
        assert "@rates_2(" in kernel.text
        given = design(program, 3)
        values, _, _ = kernel.run(given, [0.0, 1.0, 2.0])
        for p, got in zip(given, values, strict=True):
            np.testing.assert_array_equal(got, by_python(program, outputs, p, [0.0, 1.0, 2.0], method))


def test_contraction_is_an_option(model_from: Callable[..., Model]) -> None:
    """Off by default; on, results differ in the last bits and no more."""
    program, outputs = programs(model_from(ARITHMETIC.replace("(other > 2)", "0"), end=12), "rk4")
    given, times = design(program, 8), [0.0, 12.0]
    plain = Kernel(program, outputs, method="rk4")
    fused = Kernel(program, outputs, method="rk4", contract=True)
    assert " contract " not in plain.text
    assert " contract " in fused.text
    np.testing.assert_allclose(fused.run(given, times)[0], plain.run(given, times)[0], rtol=1e-11)
