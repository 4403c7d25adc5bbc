"""Loops, conditions and addresses in LLVM IR."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sdmodel.compile.llvm.ir import Body, isplat


def each_lane(b: Body, factor: int = 1) -> str:
    """Vector literal: the number of each lane times `factor`."""
    return "<" + ", ".join(f"i64 {factor * i}" for i in range(b.lanes)) + ">"


def in_rows(b: Body, row: str) -> str:
    """Offset in bytes of each lane's double in the row with that lane's number."""
    return b.whole("add", b.whole("shl", row, isplat(b.width.bit_length() - 1)), each_lane(b, 8))


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
    return _reduced(b, "or", lanes)


def all_lanes(b: Body, lanes: str) -> str:
    """Whether every lane is set."""
    return _reduced(b, "and", lanes)


def _reduced(b: Body, op: str, lanes: str) -> str:
    name = f"@llvm.vector.reduce.{op}.v{b.lanes}i1"
    b.declared.add(f"declare i1 {name}({b.i1})")
    return b.put(f"call i1 {name}({b.i1} {lanes})")


def spread(b: Body, scalar: str) -> str:
    """Broadcast an integer to every lane."""
    first = b.put(f"insertelement {b.i64} poison, i64 {scalar}, i64 0")
    return b.put(f"shufflevector {b.i64} {first}, {b.i64} poison, {b.i32} zeroinitializer")
