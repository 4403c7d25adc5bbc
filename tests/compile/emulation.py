"""AVX-512 instructions of the kernel in plain LLVM IR, from the processor manual, to test its functions anywhere."""

from __future__ import annotations

import re

import llvmlite.binding as llvm

V = "<8 x double>"
_NATIVE = bool(llvm.get_host_cpu_features().get("avx512f"))
_USED = """declare double @logb(double)
declare double @scalbn(double, i32)
declare i32 @llvm.fptosi.sat.i32.f64(double)
declare double @llvm.floor.f64(double)
"""
_PERMUTED = """  %i{n} = extractelement <8 x i64> %i, i64 {n}
  %j{n} = and i64 %i{n}, {most}
  %r{n} = extractelement <16 x double> %table, i64 %j{n}
"""
_SCALED = """  %x{n} = extractelement <8 x double> %a, i64 {n}
  %b{n} = extractelement <8 x double> %b, i64 {n}
  %f{n} = call double @llvm.floor.f64(double %b{n})
  %k{n} = call i32 @llvm.fptosi.sat.i32.f64(double %f{n})
  %r{n} = call double @scalbn(double %x{n}, i32 %k{n})
"""
_EXPONENT = """  %x{n} = extractelement <8 x double> %a, i64 {n}
  %r{n} = call double @logb(double %x{n})
"""
_FRACTION = """  %x{n} = extractelement <8 x double> %a, i64 {n}
  %e{n} = call double @logb(double %x{n})
  %k{n} = call i32 @llvm.fptosi.sat.i32.f64(double %e{n})
  %l{n} = sub i32 0, %k{n}
  %m{n} = call double @scalbn(double %x{n}, i32 %l{n})
  %h{n} = fmul double %m{n}, 0.5
  %c{n} = fcmp oge double %m{n}, 1.5
  %s{n} = select i1 %c{n}, double %h{n}, double %m{n}
  %z{n} = fcmp oeq double %x{n}, 0.0
  %g{n} = fcmp oeq double %x{n}, 0x7FF0000000000000
  %o{n} = or i1 %z{n}, %g{n}
  %t{n} = select i1 %o{n}, double 1.0, double %s{n}
  %q{n} = fcmp olt double %x{n}, 0.0
  %r{n} = select i1 %q{n}, double 0x7FF8000000000000, double %t{n}
"""
_INDICES = ", ".join(f"i32 {i}" for i in range(16))
_CODE = {
    "vpermi2var.pd.512": (f"{V} %a, <8 x i64> %i, {V} %b", "%b", 15, _PERMUTED),
    "permvar.df.512": (f"{V} %a, <8 x i64> %i", "%a", 7, _PERMUTED),
    "mask.scalef.pd.512": (f"{V} %a, {V} %b, {V} %old, i8 %mask, i32 %rounding", "", 0, _SCALED),
    "mask.getexp.pd.512": (f"{V} %a, {V} %old, i8 %mask, i32 %rounding", "", 0, _EXPONENT),
    "mask.getmant.pd.512": (f"{V} %a, i32 %interval, {V} %old, i8 %mask, i32 %rounding", "", 0, _FRACTION),
}


def emulated(text: str) -> str:
    """The text of a module with these instructions replaced, unless the processor has them."""
    if _NATIVE:
        return text
    text = re.sub(r"^declare .*@llvm\.x86\.avx512\..*$", "", text, flags=re.M)
    text = text.replace("@llvm.x86.avx512.", "@emulated.")
    return "\n".join([text, _USED, *(_function(name, *how) for name, how in _CODE.items())])


def _function(name: str, given: str, other: str, most: int, code: str) -> str:
    lines = [f"define {V} @emulated.{name}({given}) {{"]
    if other:
        lines.append(f"  %table = shufflevector {V} %a, {V} {other}, <16 x i32> <{_INDICES}>")
    before = "poison"
    for n in range(8):
        lines += [code.format(n=n, most=most), f"  %v{n} = insertelement {V} {before}, double %r{n}, i64 {n}"]
        before = f"%v{n}"
    return "\n".join([*lines, f"  ret {V} %v7", "}", ""])
