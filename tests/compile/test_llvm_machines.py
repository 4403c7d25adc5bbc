"""The text of the kernel, and the processors it is made for."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import numpy as np
import pytest
from lanes import ARITHMETIC, CONTROL, METHODS, by_python, design, programs

import sdmodel
from sdmodel.compile.llvm import Kernel, phase
from sdmodel.compile.llvm import emit as emission
from sdmodel.compile.llvm import target as processor
from sdmodel.compile.llvm.emit import emit
from sdmodel.compile.llvm.ir import Machine
from sdmodel.compile.program import Program
from sdmodel.compile.programs import program_of
from sdmodel.compile.python.engine import evaluate
from sdmodel.core.errors import SdmodelError, UnsupportedError
from sdmodel.model import Model
from sdmodel.solve.registry import solver


def test_the_text_holds_numbers_and_no_names(model_from: Callable[..., Model]) -> None:
    model = model_from('"call @system(rm)" = 3 ~ ~ |\nhostile = INTEG(EXP(-"call @system(rm)"), 1) ~ ~ |')
    program, outputs = programs(model, "euler")
    text = Kernel(program, outputs, tableau=solver("euler").steps).text
    assert "system" not in text
    assert "hostile" not in text
    words = set(re.findall(r"@([\w.]+)", text))
    known = {"runs", "run", "report", "spans", "first", "segment", "watch", "numbers"}
    parts = r"llvm\.[\w.]+|(rates|holds|outs|nexts|init|clock|watched)_\d+"
    assert all(w in known or re.fullmatch(parts, w) for w in words)


def test_what_is_not_needed_is_left_out(model_from: Callable[..., Model]) -> None:
    model = model_from("a = INTEG(1, 0) ~ ~ |\nb = INTEG(EXP(a) + b, 0) ~ ~ |\nc = INTEG(a - c, 0) ~ ~ |", end=4)
    program, _ = programs(model, "rk4")
    kernel = Kernel(program, [program.outputs["c"]], tableau=solver("rk4").steps)
    assert [program.states[i].name for i in kernel.plan.states] == ["a", "c"]
    values, _, _ = kernel.run([program.defaults], [0.0, 4.0])
    whole, _, _ = Kernel(program, list(program.outputs.values()), tableau=solver("rk4").steps).run(
        [program.defaults], [0.0, 4.0]
    )
    assert values[0, 0, 1] == whole[0, 2, 1]


def test_operations_that_are_not_known_are_refused_by_name(model_from: Callable[..., Model]) -> None:
    program, _ = programs(model_from("a = INTEG(-a, 1) ~ ~ |"), "euler")
    strange = replace(program, nodes=(*program.nodes, ("teleport", 0)))
    with pytest.raises(UnsupportedError, match="'teleport'"):
        Kernel(strange, [len(program.nodes)], tableau=solver("euler").steps)
    leaf = replace(program, nodes=(*program.nodes, ("oracle",)))
    with pytest.raises(UnsupportedError, match="'oracle'"):
        Kernel(leaf, [len(program.nodes)], tableau=solver("euler").steps)
    table = replace(program, tables=(sdmodel.compile.program.TableData((0.0, 1.0), (0.0, 1.0), "curved"),))
    curved = replace(table, nodes=(*program.nodes, ("time",), ("lookup", 0, len(program.nodes))))
    with pytest.raises(UnsupportedError, match="'curved'"):
        Kernel(curved, [len(program.nodes) + 1], tableau=solver("euler").steps)


def test_bad_calls(model_from: Callable[..., Model]) -> None:
    program, outputs = programs(model_from("a = INTEG(-a, 1) ~ ~ |"), "euler")
    kernel = Kernel(program, outputs, tableau=solver("euler").steps)
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


def _x86(cpu: str, features: str, fma: bool, lanes: int) -> processor.Target:
    return processor.Target(llvm.get_process_triple(), cpu, features, Machine(fma, permute=False, lanes=lanes))


@pytest.mark.skipif("x86_64" not in llvm.get_process_triple(), reason="compiles for older processors of this family")
@pytest.mark.parametrize("method", METHODS)
def test_older_processors_give_the_same_bits(model_from: Callable[..., Model], method: str) -> None:
    """Without AVX-512, and without AVX and fused operations at all."""
    program, outputs = programs(model_from(ARITHMETIC.replace("(other > 2)", "0"), end=12), method)
    given, times = design(program, 11), [0.0, 5.0, 12.0]
    wanted, _, _ = Kernel(program, outputs, tableau=solver(method).steps).run(given, times)
    targets = [_x86("x86-64", "", fma=False, lanes=2)]
    if llvm.get_host_cpu_features().get("avx2"):
        targets.append(_x86("haswell", "", fma=True, lanes=4))
    for target in targets:
        got, _, _ = Kernel(program, outputs, tableau=solver(method).steps, target=target).run(given, times)
        np.testing.assert_array_equal(got, wanted)


@pytest.mark.skipif(not llvm.get_host_cpu_features().get("avx2"), reason="runs code for another processor")
def test_own_functions_on_older_processors(model_from: Callable[..., Model]) -> None:
    """Equal to the last bit with fused operations, whatever the registers; a few roundings apart otherwise."""
    equations = """
    rate = 0.3 ~ ~ |
    mass = INTEG(own - mass / 4, 2) ~ ~ |
    own = EXP(-mass) + LN(mass + 1) * rate + (mass + 0.5) ^ rate + SIN(Time * mass) + COS(rate) + LOG(mass, 10) ~ ~ |
    """
    program, outputs = programs(model_from(equations, end=12), "rk4")
    given, times = design(program, 11, spread=0.2), [0.0, 5.0, 12.0]

    def solved(target: processor.Target | None) -> np.ndarray:
        return Kernel(program, outputs, tableau=solver("rk4").steps, target=target).run(given, times)[0]

    wanted = solved(_x86("haswell", "", fma=True, lanes=4))
    plain_registers = replace(processor.host(), machine=Machine(fma=True, permute=False))
    np.testing.assert_array_equal(solved(plain_registers), wanted)
    for other in (None, _x86("x86-64", "", fma=False, lanes=2)):
        np.testing.assert_allclose(solved(other), wanted, rtol=1e-12)


def _for(triple: str, features: str, machine: Machine) -> tuple[Any, Any]:
    """The kernel of a shipped model as a module of another processor, and the target machine that writes its code."""
    program = program_of(sdmodel.load("network"), fixed=False)
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    text = emit(program, [program.outputs["trust"]], solver("exact").steps, machine).text
    return processor.assembled(text, processor.Target(triple, "generic", features, machine))


def test_arm_code_can_be_written() -> None:
    """Emitted, not run: the text is legal for processors with vectors of two doubles."""
    module, machine = _for("aarch64-unknown-linux-gnu", "", Machine(fma=True, permute=False, lanes=2))
    code = machine.emit_assembly(module)
    assert "fmla\tv" in code or "fmla\t v" in code
    assert re.search(r"fmul\tv\d+\.2d", code)


def test_code_for_browsers_can_be_written() -> None:
    """A WebAssembly object whose arithmetic is that of vectors of two doubles."""
    module, machine = _for("wasm32-unknown-unknown", "+simd128", Machine(fma=False, permute=False, lanes=2))
    code = machine.emit_assembly(module)
    assert code.count("f64x2.mul") > 5 * code.count("f64.mul")
    assert machine.emit_object(module)[:8] == b"\0asm\1\0\0\0"


WIDTHS = """
own = EXP(-mass) + LN(mass + 1) * b + (mass + 0.5) ^ b + SIN(Time * mass) + ARCTAN(mass) + 0 * LOG(other + 1, 10) ~ ~ |
drawn = INTEG(RANDOM UNIFORM(0, 1, 0) - drawn * b + DELAY FIXED(own, width * 2, 1), 1) ~ ~ |
"""


@pytest.mark.parametrize("method", METHODS)
def test_any_number_of_lanes_gives_the_same_bits(model_from: Callable[..., Model], method: str) -> None:
    text = ARITHMETIC + (WIDTHS if solver(method).on_grid else WIDTHS.splitlines()[1] + "\n")
    program, outputs = programs(model_from(text, end=12), method)
    given, times = design(program, 11), [0.0, 5.0, 12.0]
    _same_on_all_widths(program, outputs, method, given, times)


@pytest.mark.parametrize("name", ["talent", "network"])
def test_any_number_of_lanes_gives_the_same_bits_of_shipped_models(name: str) -> None:
    program = program_of(sdmodel.load(name), fixed=False)
    start = evaluate(program, program.control["initial time"], program.defaults)
    given, times = design(program, 9), [start, start + 3.0]
    _same_on_all_widths(program, list(program.outputs.values())[::4], "exact", given, times)


def _same_on_all_widths(program: Program, outputs: list[int], method: str, given: Any, times: list[float]) -> None:
    host, results = processor.host(), []
    for lanes in (1, 2, 4, 8):
        target = replace(host, machine=Machine(host.machine.fma, permute=False, lanes=lanes))
        kernel = Kernel(program, outputs, tableau=solver(method).steps, target=target)
        results.append(kernel.run(given, times, seed=3)[0])
        np.testing.assert_array_equal(results[-1], results[0])
    assert np.isfinite(results[0]).any()


def test_impossible_machines_are_refused() -> None:
    with pytest.raises(ValueError, match="1, 2, 4 or 8 lanes"):
        Machine(fma=True, permute=False, lanes=3)
    with pytest.raises(ValueError, match="8 with permutes"):
        Machine(fma=True, permute=True, lanes=4)


def test_large_programs_are_cut_into_functions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several functions a phase, values passed between them through the work buffer; large at a fourth of the size."""
    monkeypatch.setattr(phase, "CHUNK", 300)
    monkeypatch.setattr(emission, "INLINE", 1500)
    lines = ["k = 0.9 ~ ~ |", "s0 = INTEG(a174 - s0, 1) ~ ~ |", "a0 = s0 * k ~ ~ |"]
    lines += [
        f"a{i} = a{i - 1} * 0.5 + a{max(i - 10, 0)} / (1 + s{i // 6 if i % 6 else 0} ^ 2) * k"
        f" + MAX(a{i // 2}, 0.1) ~ ~ |"
        for i in range(1, 175)
    ]
    lines += [f"s{i} = INTEG((a{i * 5} - s{i}) / {i + 2}, {i / 10}) ~ ~ |" for i in range(1, 30)]
    path = tmp_path / "large.mdl"
    control = "\n".join(f"{n} = {v} ~ ~ |" for n, v in zip(CONTROL, (0, 2, 0.25, 1), strict=True))
    path.write_text("{UTF-8}\n" + "\n".join(lines) + "\n" + control, encoding="utf-8")
    for method in METHODS:
        program, outputs = programs(sdmodel.load(path), method)
        kernel = Kernel(program, outputs, tableau=solver(method).steps)
        assert "@rates_2(" in kernel.text
        given = design(program, 3)
        values, _, _ = kernel.run(given, [0.0, 1.0, 2.0])
        for p, got in zip(given, values, strict=True):
            np.testing.assert_array_equal(got, by_python(program, outputs, p, [0.0, 1.0, 2.0], method))


def test_contraction_is_an_option(model_from: Callable[..., Model]) -> None:
    """Off by default; on, results differ in the last bits and no more."""
    program, outputs = programs(model_from(ARITHMETIC.replace("(other > 2)", "0"), end=12), "rk4")
    given, times = design(program, 8), [0.0, 12.0]
    plain = Kernel(program, outputs, tableau=solver("rk4").steps)
    fused = Kernel(program, outputs, tableau=solver("rk4").steps, contract=True)
    assert " contract " not in plain.text
    assert " contract " in fused.text
    np.testing.assert_allclose(fused.run(given, times)[0], plain.run(given, times)[0], rtol=1e-11)
