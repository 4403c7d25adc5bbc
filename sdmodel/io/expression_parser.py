"""Parser of formulas in Vensim and XMILE.

Operator-precedence parsing with explicit stacks: linear in the length of the text and without recursion, so that the
depth is bounded by `MAX_NESTING` and not by the interpreter. Nothing is evaluated. A `Dialect` describes each language.
"""

from __future__ import annotations

import re

from sdmodel.core.errors import UnsupportedError
from sdmodel.core.expression import NA, Call, Expr, Number, Op, Ref, Text
from sdmodel.io.expression_tokens import BODY, QUOTED, VENSIM, Dialect, ExpressionError, finite, name_key, tokenize
from sdmodel.io.number_lists import lookup_points, parse_array
from sdmodel.io.operator_stack import INDEX, OUTPUTS, SLICE, Frame, OperatorStack

MAX_NESTING = 200
"""Largest depth of nested brackets and IFs."""
MAX_DEPTH = 250
"""Largest depth of an expression tree; a sum of n terms has depth n."""
MAX_ARGUMENTS = 250
"""Largest number of arguments of a call."""

_SUBSCRIPT = re.compile(rf"({QUOTED}|{BODY}++(?:[\s\\]++{BODY}++)*+)\s*+(!?)")


def _plain(name: str) -> str:
    """Normalise a subscript of XMILE: no quotes, blanks for underscores."""
    return " ".join(name.strip('"').replace("_", " ").split())


class _Parser:
    """Parser state for one formula: tokens, position, and stacks."""

    def __init__(self, text: str, dialect: Dialect, where: str) -> None:
        self.text = text
        self.dialect = dialect
        self.where = where
        self.stack = OperatorStack()
        self.values = self.stack.values
        self.frames = self.stack.frames
        self.kinds, self.tokens, self.starts = tokenize(text, dialect, where)
        self.at = 0
        self.external = ""
        """Name of a function that reads another file; such a call must be the whole formula."""

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
                    if not self.stack.push(*binary):
                        raise self.error("a comparison of a comparison needs a logical operator between them,")
                    self.at += 1
                    break
                if kind == "end":
                    return self.finish()
                if kind == ")":
                    self.close()
                elif kind == "]" and (frame := self.stack.unwind()) is not None and frame.kind == "index":
                    self.close_index(frame)
                elif kind in (",", "THEN", "ELSE") or (kind == ":" and self.frames):
                    if self.separator(kind):
                        break
                else:
                    raise self.unexpected("an operator or the end")

    def open(self, kind: str, name: str = "", subs: tuple[str, ...] = ()) -> None:
        """Open a frame at the current token and advance."""
        if len(self.frames) >= MAX_NESTING:
            raise UnsupportedError(f"{self.where}: brackets are nested more than {MAX_NESTING} deep.")
        self.stack.open(kind, self.starts[self.at], name, subs)
        self.at += 1

    # -- operands -----------------------------------------------------------------------------------------------
    def operand(self) -> None:
        """Parse signs, opening brackets and IFs, up to the first value."""
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
                self.stack.push_prefix(*dialect.prefix[kind])
                if len(self.stack.entries) > MAX_NESTING + MAX_DEPTH:
                    raise self.deep()
                self.at += 1
            elif kind == "(":
                self.open("(")
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
            elif kind == "*" and self.frames and self.frames[-1].kind == "index":
                self.values.append(Text("*"))
                self.at += 1
                return
            else:
                raise self.unexpected("a number, a name or '('")

    def name(self) -> bool:
        """Parse a variable or the head of a call; return True if the value is complete."""
        written = self.tokens[self.at]
        name = name_key(written)
        self.at += 1
        subs: tuple[str, ...] = ()
        if self.kinds[self.at] == "[":
            plain = self.subscripts()
            if plain is None:
                self.open("index", name)
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
        if self.kinds[self.at] == ")":
            self.stack.close()
            self.values.append(Call(name, (), subs))
            self.at += 1
            return True
        return False

    def subscripts(self) -> tuple[str, ...] | None:
        """Parse subscripts that are plain names, from `[` to after `]`; return None if they are expressions."""
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
        """Parse a comma, THEN, ELSE or colon inside a frame; return True if an operand must follow."""
        frame = self.stack.unwind()
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
            self.with_lookup()
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
            self.stack.push(0, SLICE)
            self.at += 1
            return True
        if kind == ":" and frame.kind == "call" and not self.dialect.index_by_expression:
            self.outputs(frame)
            return False
        if frame.kind in ("if", "then"):
            raise self.unexpected("THEN" if frame.kind == "if" else "ELSE")
        raise self.unexpected("an operator or ')'")

    def close(self) -> None:
        frame = self.stack.unwind()
        if frame is None:
            raise self.error("')' closes nothing")
        if frame.kind == "(":
            self.values += self.stack.close()
        elif frame.kind == "call":
            self.values.append(Call(frame.name, tuple(self.stack.close()), frame.subs))
        elif frame.kind in ("if", "then"):
            raise self.unexpected("THEN" if frame.kind == "if" else "ELSE")
        else:
            raise self.unexpected("the table of WITH LOOKUP" if frame.kind == "with" else "']'")
        self.at += 1

    def close_index(self, frame: Frame) -> None:
        self.values.append(Call(INDEX, (Ref(frame.name), *self.stack.close())))
        self.at += 1
        if self.kinds[self.at] == "(":
            raise self.error("a lookup chosen by an expression cannot be called,")

    def with_lookup(self) -> None:
        """Parse the second argument of WITH LOOKUP, from the comma to after the closing bracket of the call."""
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
        self.values.append(Call("with lookup", (*self.stack.close(), table)))

    def outputs(self, frame: Frame) -> None:
        """Parse the outputs after the colon in a macro call, up to the closing bracket."""
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
        frame = self.stack.unwind()
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
