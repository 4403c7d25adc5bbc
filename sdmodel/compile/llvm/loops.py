"""Loops, conditions and addresses in LLVM IR."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sdmodel.compile.llvm.ir import LANES, Body, W

ROW = LANES * 8
"""Size of a row in bytes."""
OFFSETS = "<" + ", ".join(f"i64 {8 * i}" for i in range(LANES)) + ">"
"""Offset of each lane in a row, in bytes."""


@contextmanager
def loop(b: Body, count: str, start: str = "0", step: int = 1) -> Iterator[str]:
    """Repeat the instructions of the `with` block; yields the counter."""
    enter, head, inside, again, leave = (b.label() for _ in range(5))
    i, following = b.name(), b.name()
    b.do(f"br label %{enter}")
    b.do(f"{enter}:")
    b.do(f"br label %{head}")
    b.do(f"{head}:")
    b.lines.append(f"  {i} = phi i64 [ {start}, %{enter} ], [ {following}, %{again} ]")
    more = b.put(f"icmp slt i64 {i}, {count}")
    b.do(f"br i1 {more}, label %{inside}, label %{leave}")
    b.do(f"{inside}:")
    yield i
    b.do(f"br label %{again}")
    b.do(f"{again}:")
    b.lines.append(f"  {following} = add i64 {i}, {step}")
    b.do(f"br label %{head}")
    b.do(f"{leave}:")


@contextmanager
def only_if(b: Body, condition: str) -> Iterator[None]:
    """Execute the instructions of the `with` block only if the condition holds."""
    then, after = b.label(), b.label()
    b.do(f"br i1 {condition}, label %{then}, label %{after}")
    b.do(f"{then}:")
    yield
    b.do(f"br label %{after}")
    b.do(f"{after}:")


def at(b: Body, base: str, offset: str) -> str:
    """Address `offset` bytes after `base`."""
    return b.put(f"getelementptr i8, ptr {base}, i64 {offset}")


def times(b: Body, i: str, factor: int | str) -> str:
    """Product of two integers."""
    return b.put(f"mul i64 {i}, {factor}")


def any_lane(b: Body, lanes: str) -> str:
    """Whether at least one lane is set."""
    b.declared.add("declare i1 @llvm.vector.reduce.or.v8i1(<8 x i1>)")
    return b.put(f"call i1 @llvm.vector.reduce.or.v8i1(<8 x i1> {lanes})")


def all_lanes(b: Body, lanes: str) -> str:
    """Whether every lane is set."""
    b.declared.add("declare i1 @llvm.vector.reduce.and.v8i1(<8 x i1>)")
    return b.put(f"call i1 @llvm.vector.reduce.and.v8i1(<8 x i1> {lanes})")


def spread(b: Body, scalar: str) -> str:
    """Broadcast an integer to every lane."""
    first = b.put(f"insertelement {W} poison, i64 {scalar}, i64 0")
    return b.put(f"shufflevector {W} {first}, {W} poison, <8 x i32> zeroinitializer")
