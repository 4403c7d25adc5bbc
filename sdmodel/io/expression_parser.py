"""Formulas as text to expression trees, for Vensim and XMILE.

Operator-precedence parsing with explicit stacks: linear in the length of the text, without recursion, so that depth is
bounded by `MAX_NESTING` and not by the interpreter. Nothing is evaluated. What differs between the two languages
stands in one `Dialect` each.
"""

from __future__ import annotations

import re

from sdmodel.core.errors import UnsupportedError
from sdmodel.core.expression import NA, Call, Expr, Number, Op, Ref, Text
from sdmodel.io.expression_tokens import BODY, QUOTED, VENSIM, Dialect, ExpressionError, finite, name_key, tokenize
from sdmodel.io.number_lists import lookup_points, parse_array

MAX_NESTING = 200
"""Brackets (and nested IFs) inside one another."""
MAX_DEPTH = 250
"""Operations inside one another: a sum of this many terms, for instance."""
MAX_ARGUMENTS = 250
"""Arguments of one call."""
INDEX = "[]"
"""Call name for an element chosen by an expression: `v[i + 1]` is `Call("[]", (Ref("v"), ...))`; `*` is `Text("*")`."""
SLICE = ":"
"""Call name for a part of a dimension inside an `INDEX`: `1:3` is `Call(":", (Number(1.0), Number(3.0)))`."""
OUTPUTS = ":outputs:"
"""Call name of the last argument of a macro that has further outputs: `M(a : b, c)` names b and c, as written."""

_SUBSCRIPT = re.compile(rf"({QUOTED}|{BODY}++(?:[\s\\]++{BODY}++)*+)\s*+(!?)")
_COMPARISONS = frozenset(("=", "<>", "<", "<=", ">", ">="))


def _plain(name: str) -> str:
    """A subscript of XMILE without quotes, underscores as blanks."""
    return " ".join(name.strip('"').replace("_", " ").split())


class _Frame:
    """An open bracket, call or IF on the operator stack."""

    __slots__ = ("base", "kind", "name", "position", "subs")

    def __init__(self, kind: str, position: int, base: int, name: str = "", subs: tuple[str, ...] = ()) -> None:
        self.kind = kind
        self.position = position
        self.base = base
        self.name = name
        self.subs = subs


Operator = tuple[int, str, int]
"""Precedence, operator, number of operands."""


class _Parser:
    """One formula: a stack of values, a stack of operators and open frames, and the tokens."""

    def __init__(self, text: str, dialect: Dialect, where: str) -> None:
        self.text = text
        self.dialect = dialect
        self.where = where
        self.values: list[Expr] = []
        self.stack: list[Operator | _Frame] = []
        self.frames: list[_Frame] = []
        self.kinds, self.tokens, self.starts = tokenize(text, dialect, where)
        self.at = 0
        self.external = ""
        """A function that reads another file, which must be the whole formula."""

    # -- errors ---------------------------------------------------------------------------------------------------
    def error(self, reason: str, position: int | None = None) -> ExpressionError:
        return ExpressionError(self.text, self.starts[self.at] if position is None else position, reason)

    def unexpected(self, wanted: str) -> ExpressionError:
        kind, token = self.kinds[self.at], self.tokens[self.at]
        found = "the end" if kind == "end" else f"'{token[:40]}'"
        return self.error(f"{wanted} is expected, not {found},")

    # -- main loop ----------------------------------------------------------------------------------------------
    def parse(self) -> Expr:
        kinds = self.kinds
        while True:
            self.operand()
            while True:
                kind = kinds[self.at]
                binary = self.dialect.binary.get(kind)
                if binary is not None:
                    self.push(*binary)
                    self.at += 1
                    break
                if kind == "end":
                    return self.finish()
                if kind == ")":
                    self.close()
                elif kind == "]" and self.frames and self.top(("index",)):
                    self.close_index()
                elif kind in (",", "THEN", "ELSE") or (kind == ":" and self.frames):
                    if self.separator(kind):
                        break
                else:
                    raise self.unexpected("an operator or the end")

    def push(self, precedence: int, op: str) -> None:
        """Put a binary operator on the stack, behind those before it that bind tighter."""
        right = op == "^"
        stack = self.stack
        while stack:
            last = stack[-1]
            if isinstance(last, _Frame) or last[0] < precedence or (last[0] == precedence and right):
                break
            if last[0] == precedence and op in _COMPARISONS:
                raise self.error("a comparison of a comparison is not defined; join them by a logical operator,")
            self.reduce()
        stack.append((precedence, op, 2))

    def reduce(self) -> None:
        """Apply the operator on top of the stack."""
        operator = self.stack.pop()
        assert not isinstance(operator, _Frame)
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

    def unwind(self) -> _Frame | None:
        """Apply operators down to the innermost open frame; an ELSE ends where its surroundings end."""
        stack = self.stack
        while stack:
            last = stack[-1]
            if not isinstance(last, _Frame):
                self.reduce()
            elif last.kind == "else":
                self.drop()
                test, first, second = self.values[last.base :]
                self.values[last.base :] = [Call("if then else", (test, first, second))]
            else:
                return last
        return None

    def top(self, kinds: tuple[str, ...]) -> bool:
        """Whether the innermost frame, once finished ELSEs are closed, is of one of the kinds."""
        frame = self.unwind()
        return frame is not None and frame.kind in kinds

    def open(self, kind: str, name: str = "", subs: tuple[str, ...] = ()) -> None:
        if len(self.frames) >= MAX_NESTING:
            raise UnsupportedError(f"{self.where}: brackets are nested more than {MAX_NESTING} deep.")
        frame = _Frame(kind, self.starts[self.at], len(self.values), name, subs)
        self.frames.append(frame)
        self.stack.append(frame)

    def drop(self) -> None:
        self.stack.pop()
        self.frames.pop()

    # -- operands -----------------------------------------------------------------------------------------------
    def operand(self) -> None:
        """Signs, opening brackets and IFs, up to one value."""
        kinds, dialect = self.kinds, self.dialect
        while True:
            kind = kinds[self.at]
            if kind == "number":
                self.values.append(Number(finite(self.tokens[self.at], self.text, self.starts[self.at])))
                self.at += 1
                return
            if kind in ("name", "quoted"):
                if self.name():
                    return
            elif kind in dialect.prefix:
                self.stack.append((*dialect.prefix[kind], 1))
                if len(self.stack) > MAX_NESTING + MAX_DEPTH:
                    raise self.deep()
                self.at += 1
            elif kind == "(":
                self.open("(")
                self.at += 1
            elif kind == ":NA:":
                self.values.append(Number(NA))
                self.at += 1
                return
            elif kind == "string" and kinds[self.at - 1] in ("(", ",") and kinds[self.at + 1] in (",", ")"):
                if not self.frames or self.frames[-1].kind != "call":
                    raise self.error("a text in quotes is an argument of a function only,")
                self.values.append(Text(self.tokens[self.at][1:-1]))
                self.at += 1
                return
            elif kind == "IF":
                self.open("if")
                self.at += 1
            elif kind == "*" and self.frames and self.frames[-1].kind == "index":
                self.values.append(Text("*"))
                self.at += 1
                return
            else:
                raise self.unexpected("a number, a name or '('")

    def name(self) -> bool:
        """A variable, or the head of a call; True if it is a whole value."""
        written = self.tokens[self.at]
        name = name_key(written)
        self.at += 1
        subs: tuple[str, ...] = ()
        if self.kinds[self.at] == "[":
            plain = self.subscripts()
            if plain is None:
                self.open("index", name)
                self.at += 1
                return False
            subs = plain
        if self.kinds[self.at] != "(":
            self.values.append(Ref(name, subs))
            return True
        if name in self.dialect.reserved:
            raise UnsupportedError(f"{self.where}: '{written}' is called, which is not the name of a function.")
        if name in self.dialect.rename:
            self.external, name = written, self.dialect.rename[name]
        self.open("with" if name == "with lookup" and self.dialect is VENSIM else "call", name, subs)
        self.at += 1
        if self.kinds[self.at] == ")":
            self.drop()
            self.values.append(Call(name, (), subs))
            self.at += 1
            return True
        return False

    def subscripts(self) -> tuple[str, ...] | None:
        """Subscripts that are plain names; None if they are expressions. Stands on `[`, goes behind `]`."""
        kinds, starts = self.kinds, self.starts
        end = self.at + 1
        pieces: list[tuple[int, int]] = []
        start = end
        while kinds[end] not in ("]", "end", "[", "("):
            if kinds[end] == ",":
                pieces.append((start, end))
                start = end + 1
            end += 1
        if kinds[end] != "]":
            if self.dialect.index_by_expression:
                return None
            self.at = end
            raise self.unexpected("']'")
        pieces.append((start, end))
        subs = []
        for first, last in pieces:
            if self.dialect.index_by_expression:
                if last - first != 1 or kinds[first] not in ("name", "quoted", "number", "*"):
                    return None
                subs.append(_plain(self.tokens[first]))
                continue
            found = _SUBSCRIPT.fullmatch(self.text[starts[first] : starts[last]].strip())
            if found is None:
                self.at = first
                raise self.unexpected("the name of a subscript")
            subs.append(" ".join(re.split(r"[\s\\]+", found.group(1))) + found.group(2))
        self.at = end + 1
        return tuple(subs)

    # -- separators and closing brackets --------------------------------------------------------------------------
    def separator(self, kind: str) -> bool:
        """A comma, THEN, ELSE or colon inside a frame; False if the formula goes on with an operator."""
        frame = self.unwind()
        if frame is None:
            raise self.unexpected("an operator or the end")
        count = len(self.values) - frame.base
        if kind == "," and frame.kind in ("call", "index"):
            if count >= MAX_ARGUMENTS:
                raise UnsupportedError(
                    f"{self.where}: '{frame.name}' has more than {MAX_ARGUMENTS} arguments or subscripts."
                )
            self.at += 1
            return True
        if kind == "," and frame.kind == "with" and count == 1:
            self.with_lookup(frame)
            return False
        if kind == "THEN" and frame.kind == "if":
            frame.kind = "then"
            self.at += 1
            return True
        if kind == "ELSE" and frame.kind == "then":
            frame.kind = "else"
            self.at += 1
            return True
        if kind == ":" and frame.kind == "index":
            if isinstance(self.values[-1], Call) and self.values[-1].name == SLICE:
                raise self.error("a slice has two ends")
            self.stack.append((0, SLICE, 2))
            self.at += 1
            return True
        if kind == ":" and frame.kind == "call" and not self.dialect.index_by_expression:
            self.outputs(frame)
            return False
        if frame.kind in ("if", "then"):
            raise self.unexpected("THEN" if frame.kind == "if" else "ELSE")
        raise self.unexpected("an operator or ')'")

    def close(self) -> None:
        frame = self.unwind()
        if frame is None:
            raise self.error("')' closes nothing")
        if frame.kind == "(":
            self.drop()
        elif frame.kind == "call":
            self.drop()
            args = tuple(self.values[frame.base :])
            self.values[frame.base :] = [Call(frame.name, args, frame.subs)]
        elif frame.kind in ("if", "then"):
            raise self.unexpected("THEN" if frame.kind == "if" else "ELSE")
        else:
            raise self.unexpected("the table of WITH LOOKUP" if frame.kind == "with" else "']'")
        self.at += 1

    def close_index(self) -> None:
        frame = self.frames[-1]
        self.drop()
        args = tuple(self.values[frame.base :])
        self.values[frame.base :] = [Call(INDEX, (Ref(frame.name), *args))]
        self.at += 1
        if self.kinds[self.at] == "(":
            raise self.error("a lookup chosen by an expression cannot be called,")

    def with_lookup(self, frame: _Frame) -> None:
        """The table that is the second argument of WITH LOOKUP. Stands on its comma, goes behind the last bracket."""
        if self.kinds[self.at + 1] != "(":
            self.at += 1
            raise self.unexpected("a table such as ((0,0),(1,1))")
        table, end = lookup_points(self.text, self.starts[self.at + 1] + 1)
        while self.starts[self.at] < end:
            self.at += 1
        for _ in range(2):
            if self.kinds[self.at] != ")":
                raise self.unexpected("a point or ')'")
            self.at += 1
        self.drop()
        self.values[frame.base :] = [Call("with lookup", (self.values[frame.base], table))]

    def outputs(self, frame: _Frame) -> None:
        """Names behind the colon in a call of a macro. Stands on the colon, goes up to the closing bracket."""
        names: list[Expr] = []
        while self.kinds[self.at] in (":", ","):
            self.at += 1
            if self.kinds[self.at] not in ("name", "quoted"):
                raise self.unexpected("the name of an output")
            if len(names) >= MAX_ARGUMENTS:
                raise UnsupportedError(f"{self.where}: '{frame.name}' has more than {MAX_ARGUMENTS} outputs.")
            written = self.tokens[self.at]
            self.at += 1
            subs = (self.subscripts() or ()) if self.kinds[self.at] == "[" else ()
            names.append(Ref(written[1:-1] if written[0] == '"' else " ".join(re.split(r"[\s\\]+", written)), subs))
        if self.kinds[self.at] != ")":
            raise self.unexpected("',' or ')'")
        self.values.append(Call(OUTPUTS, tuple(names)))

    def finish(self) -> Expr:
        frame = self.unwind()
        if frame is not None:
            if frame.kind in ("if", "then"):
                raise self.error(f"IF has no {'THEN' if frame.kind == 'if' else 'ELSE'}", frame.position)
            bracket = "[" if frame.kind == "index" else "("
            raise self.error(f"'{bracket}' is not closed", frame.position)
        (expr,) = self.values
        if self.external and not (isinstance(expr, Call) and expr.name in self.dialect.rename.values()):
            raise UnsupportedError(
                f"{self.where}: '{self.external}' stands inside a formula. Give it a variable of its own."
            )
        if len(self.kinds) > MAX_DEPTH and _deeper(expr, MAX_DEPTH):
            raise self.deep()
        return expr

    def deep(self) -> UnsupportedError:
        return UnsupportedError(
            f"{self.where}: the formula is more than {MAX_DEPTH} operations deep. Split it into variables."
        )


def _deeper(expr: Expr, limit: int) -> bool:
    level: list[Expr] = [expr]
    for _ in range(limit):
        level = [a for node in level if isinstance(node, (Op, Call)) for a in node.args]
        if not level:
            return False
    return True


def parse_formula(text: str, dialect: Dialect, where: str = "the formula") -> Expr:
    """Parse one formula.

    Parameters
    ----------
    text
        The right-hand side of an equation, without comments.
    dialect
        `VENSIM` or `XMILE`.
    where
        File, line and variable for messages of limits.

    Returns
    -------
    Expr
        Names of variables and functions are keys (see `sdmodel.core.expression.key`), subscripts as written.

    Raises
    ------
    ExpressionError
        If the text is not a formula of the language; it says why and where in the text.
    UnsupportedError
        If it exceeds a limit on nesting, arguments or names.

    Examples
    --------
    >>> from sdmodel.core.expression import to_text
    >>> to_text(parse_formula("-Rate^2 * IF THEN ELSE(Time > 5, 1, 0)", VENSIM))
    '-rate^2*IF THEN ELSE(time > 5, 1, 0)'
    """
    return _Parser(text, dialect, where).parse()


def parse_equation(text: str, where: str = "the formula") -> Expr:
    """Parse the right-hand side of a Vensim equation: a formula, or the numbers of an array.

    Raises
    ------
    ExpressionError
        If the text is neither; it says why and where in the text.
    UnsupportedError
        If it exceeds a limit on nesting, arguments or names.

    Examples
    --------
    >>> parse_equation("3, 4, 5")
    Array(values=(3.0, 4.0, 5.0), shape=(3,))
    """
    array = parse_array(text)
    return parse_formula(text, VENSIM, where) if array is None else array
