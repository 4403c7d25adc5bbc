"""Stacks for operator-precedence parsing: values, and operators with the frames that are still open."""

from __future__ import annotations

from sdmodel.core.expression import Call, Expr, Number, Op

INDEX = "[]"
"""Call name for an element chosen by an expression: `v[i + 1]` is `Call("[]", (Ref("v"), ...))`; `*` is `Text("*")`."""
SLICE = ":"
"""Call name for a part of a dimension inside an `INDEX`: `1:3` is `Call(":", (Number(1.0), Number(3.0)))`."""
OUTPUTS = ":outputs:"
"""Call name of the last argument of a macro that has further outputs: `M(a : b, c)` names b and c, as written."""

_COMPARISONS = frozenset(("=", "<>", "<", "<=", ">", ">="))

Operator = tuple[int, str, int]
"""Precedence, operator of the tree, number of operands."""


class Frame:
    """An open bracket, call, index or IF: `kind` is one of (, call, with, index, if, then, else."""

    __slots__ = ("base", "kind", "name", "position", "subs")

    def __init__(self, kind: str, position: int, base: int, name: str = "", subs: tuple[str, ...] = ()) -> None:
        self.kind = kind
        self.position = position
        self.base = base
        """Number of values below those of the frame."""
        self.name = name
        self.subs = subs


class OperatorStack:
    """Values, and operators with open frames between them."""

    def __init__(self) -> None:
        self.values: list[Expr] = []
        self.entries: list[Operator | Frame] = []
        self.frames: list[Frame] = []

    def open(self, kind: str, position: int, name: str = "", subs: tuple[str, ...] = ()) -> None:
        """Open a frame."""
        frame = Frame(kind, position, len(self.values), name, subs)
        self.frames.append(frame)
        self.entries.append(frame)

    def close(self) -> list[Expr]:
        """Close the frame on top of the stack and return its values."""
        self.entries.pop()
        base = self.frames.pop().base
        values = self.values[base:]
        del self.values[base:]
        return values

    def push(self, precedence: int, op: str) -> bool:
        """Push a binary operator after applying those that bind tighter; return False if it would chain comparisons."""
        right = op == "^"
        entries = self.entries
        while entries:
            last = entries[-1]
            if isinstance(last, Frame) or last[0] < precedence or (last[0] == precedence and right):
                break
            if last[0] == precedence and op in _COMPARISONS:
                return False
            self._apply()
        entries.append((precedence, op, 2))
        return True

    def push_prefix(self, precedence: int, op: str) -> None:
        """Push a prefix operator."""
        self.entries.append((precedence, op, 1))

    def unwind(self) -> Frame | None:
        """Apply operators down to the innermost frame and return it; an ELSE ends where its surroundings end."""
        entries = self.entries
        while entries:
            last = entries[-1]
            if not isinstance(last, Frame):
                self._apply()
            elif last.kind == "else":
                self.values.append(Call("if then else", tuple(self.close())))
            else:
                return last
        return None

    def _apply(self) -> None:
        """Apply the operator on top."""
        operator = self.entries.pop()
        assert not isinstance(operator, Frame)
        _, op, count = operator
        values = self.values
        if count == 2:
            right = values.pop()
            operands = (values[-1], right)
            values[-1] = Call(SLICE, operands) if op == SLICE else Op(op, operands)
        elif op == "neg":
            inner = values[-1]
            values[-1] = Number(-inner.value) if isinstance(inner, Number) else Op("neg", (inner,))
        elif op != "+":
            values[-1] = Op(op, (values[-1],))
