"""The processor to compile for, and LLVM modules as machine code."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import llvmlite.binding as llvm

from sdmodel.compile.llvm.ir import Machine

OPTIMIZATION = 2
"""Level of LLVM's code generator. Values do not depend on it; level 0 compiles in half of the time and runs slower."""


@dataclass(frozen=True, slots=True)
class Target:
    """The processor to compile for."""

    triple: str
    cpu: str
    features: str
    machine: Machine


@lru_cache(maxsize=1)
def host() -> Target:
    """The processor of this machine."""
    features = llvm.get_host_cpu_features()
    triple = llvm.get_process_triple()
    arm = triple.startswith(("aarch64", "arm64"))
    # Eight lanes also where registers hold fewer: independent operations hide the latency of one another. Measured for
    # shandong, eight lanes against as many as a register holds: AVX2 2.4 and 3.2 ms a run, SSE2 4.3 and 6.1 ms.
    machine = Machine(fma=arm or bool(features.get("fma")), permute=bool(features.get("avx512f")))
    return Target(triple, llvm.get_host_cpu_name(), features.flatten(), machine)


def assembled(text: str, target: Target) -> tuple[Any, Any]:
    """Parse LLVM IR; return the module and the target machine that generates its code."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    module = llvm.parse_assembly(text)
    module.triple = target.triple
    builder = llvm.Target.from_triple(target.triple)
    machine = builder.create_target_machine(cpu=target.cpu, features=target.features, opt=OPTIMIZATION, jit=True)
    module.data_layout = str(machine.target_data)
    return module, machine


@lru_cache(maxsize=16)
def compiled(text: str, target: Target) -> Any:
    """Execution engine with the compiled module; models with the same equations share it."""
    engine = llvm.create_mcjit_compiler(*assembled(text, target))
    engine.finalize_object()
    return engine
