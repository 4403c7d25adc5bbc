"""Splitting the text of a `.mdl` into entries: encodings, comments, macros, groups and settings.

An entry has the form `equation ~ unit ~ documentation [~ flag] |`. All scans are linear in the length of the file.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, field

from sdmodel.core.errors import ReadError
from sdmodel.core.expression import key
from sdmodel.io.vensim.definitions import NAME, written_name

_SKETCH = re.compile(r"^\\{1,3}---///", re.MULTILINE)
_END_SKETCH = "///---\\\\\\"
_EQUATION_MARKS = re.compile(r'[{"~|]')
_UNIT_MARKS = re.compile(r"[{~|]")
_TEXT_MARKS = re.compile(r"[~|]")
_BRACE = re.compile(r"[{}]")
_QUOTED = re.compile(r'"(?:\\"|[^"])*+"')
_CONTROL = dict.fromkeys((*range(32), *range(127, 160), *range(0x202A, 0x202F), *range(0x2066, 0x206A)), " ")
_MACRO = re.compile(r":MACRO:([^(]*+)\(([^()]*+)\)", re.IGNORECASE)
_END_OF_MACRO = re.compile(r":END OF MACRO:", re.IGNORECASE)
_NAME = re.compile(rf"\s*+{NAME}\s*+")
_ENCODING = re.compile(rb"\s*+\{([\w-]{2,20})\}")
_TEXT_CODECS = re.compile(
    r"utf-8|ascii|gb\w+|hz|big5\w*|cp\w*\d+|iso8859-\d+|iso2022\w*|latin\w*|koi8-\w|mac\w*|shift_jis\w*|euc_\w+|johab|"
    r"tis-620"
)
"""Names of text encodings, as the codec registry spells them."""


@dataclass(slots=True)
class Entry:
    """One entry of the file: its fields, the line where it starts and the group it belongs to."""

    equation: str
    unit: str
    documentation: str
    flag: str
    line: int
    group: str


@dataclass(slots=True)
class MacroText:
    """A macro definition: its name as written, the keys of its inputs and further outputs, and its entries."""

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    line: int
    entries: list[Entry] = field(default_factory=list)


@dataclass(slots=True)
class CleanText:
    """Contents of a `.mdl`: entries of the model and of its macros, unit synonyms and integration method."""

    entries: list[Entry] = field(default_factory=list)
    macros: list[MacroText] = field(default_factory=list)
    synonyms: tuple[tuple[str, ...], ...] = ()
    method: str = ""


def decode(raw: bytes, file: str) -> str:
    """Decode a model file by its byte-order mark or declared encoding, else as UTF-8, GB18030 or Windows-1252.

    Raises
    ------
    ReadError
        If the file is not in the declared encoding or in any of these, or is binary.
    """
    if raw.startswith(codecs.BOM_UTF8):
        return _declared(raw[3:], "utf-8", file, "UTF-8")
    if b"\x00" in raw:
        raise ReadError(f"{file} holds binary data; it is not a model file in text form.")
    declared = _ENCODING.match(raw)
    if declared:
        label = declared.group(1).decode("ascii", errors="replace").lower()
        return _declared(raw, {"gbk": "gb18030", "gb2312": "gb18030"}.get(label, label), file, label)
    text = _decoded(raw, "utf-8")
    if text is None:
        text = _decoded(raw, "gb18030")
        if text is None or not _mostly_chinese(text):
            text = _decoded(raw, "cp1252")
    if text is None:
        raise ReadError(
            f"{file} is not written in UTF-8, GB18030 or Windows-1252. Save it as UTF-8, or name its encoding in the "
            "first line, for instance {Shift_JIS}."
        )
    return text


def _declared(raw: bytes, codec: str, file: str, label: str) -> str:
    text = _decoded(raw, codec)
    if text is None:
        raise ReadError(
            f"{file} says it is written in {label} but cannot be decoded as such. Save it as UTF-8 and try again."
        )
    return text


def _decoded(raw: bytes, codec: str) -> str | None:
    """Decode, or return None if the bytes are not in that encoding or it is not a text encoding."""
    try:
        found = codecs.lookup(codec)
        return found.decode(raw)[0] if _TEXT_CODECS.fullmatch(found.name) else None
    except (ValueError, LookupError):  # UnicodeError is a ValueError
        return None


def _mostly_chinese(text: str) -> bool:
    """Whether most characters beyond ASCII are Chinese; Windows-1252 text decoded as GB18030 gives rare characters."""
    beyond = [c for c in text if ord(c) > 127]
    chinese = sum("\u4e00" <= c <= "\u9fff" or "\u3000" <= c <= "\u303f" or "\uff00" <= c <= "\uffef" for c in beyond)
    return chinese > 0.9 * len(beyond) and re.search("[\u4e00-\u9fff]{2}", text) is not None


def clean(text: str, file: str) -> CleanText:
    """Split a `.mdl` into entries.

    Comments, nested ones included, are removed outside documentation.

    Raises
    ------
    ReadError
        If a comment, a quoted name, an entry or a macro is not closed.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\ufeff", "")
    body, sketch = (*_SKETCH.split(text, maxsplit=1), "")[:2]
    out = CleanText()
    out.synonyms, out.method = _settings(sketch)
    _Splitter(_with_tagged_files(body, sketch), file, out).run()
    return out


class _Splitter:
    """Single pass over the text, from one delimiter to the next."""

    def __init__(self, body: str, file: str, out: CleanText) -> None:
        self.body = body
        self.file = file
        self.out = out
        self.entries = out.entries
        self.macro: MacroText | None = None
        self.group = ""
        self.fields: list[str] = []
        self.buffer: list[str] = []
        self.counted = 0
        self.line = 1

    def line_at(self, position: int) -> int:
        """Line number of a position; positions must be given in ascending order."""
        self.line += self.body.count("\n", self.counted, position)
        self.counted = position
        return self.line

    def run(self) -> None:
        body = self.body
        position = 0
        while True:
            marks = (_EQUATION_MARKS, _UNIT_MARKS, _TEXT_MARKS)[min(len(self.fields), 2)]
            found = marks.search(body, position)
            end = found.start() if found else len(body)
            self.buffer.append(body[position:end])
            if found is None:
                break
            mark = body[end]
            position = end + 1
            if mark == "{":
                position = self.comment(end)
            elif mark == '"':
                quoted = _QUOTED.match(body, end)
                if quoted is None:
                    raise ReadError(f"{self.file}:{self.line_at(end)}: a quoted name is opened and never closed.")
                self.buffer.append(quoted.group())
                position = quoted.end()
            else:
                self.fields.append("".join(self.buffer))
                self.buffer = []
                if mark == "|":
                    self.close(position)
        self.finish()

    def comment(self, start: int) -> int:
        """Skip the comment that starts here, keep its line breaks, and return its end."""
        depth = 0
        for brace in _BRACE.finditer(self.body, start):
            depth += 1 if brace.group() == "{" else -1
            if depth == 0:
                self.buffer.append(" " + "\n" * self.body.count("\n", start, brace.end()))
                return brace.end()
        raise ReadError(f"{self.file}:{self.line_at(start)}: a comment is opened by '{{' and never closed.")

    def close(self, end: int) -> None:
        """Store the entry that ends here."""
        equation, unit, documentation, flag = [*self.fields, "", "", ""][:4]
        line = self.line
        self.line_at(end)
        self.fields = []
        line, equation = _stripped(line, equation)
        while equation.startswith(":"):
            after = self.macro_mark(equation, line)
            if after == 0:
                break
            line, equation = _stripped(line, equation[:after].count("\n") * "\n" + equation[after:])
        if equation.startswith("*"):
            self.group = _words(equation.strip("* \t\n").lstrip("."))
            return
        if equation or unit.strip() or documentation.strip():
            self.entries.append(
                Entry(_joined(equation), _words(unit), _words(documentation), flag.strip(), line, self.group)
            )

    def macro_mark(self, equation: str, line: int) -> int:
        """Open or close a macro if the equation starts with a macro keyword; return the end of the keyword, or 0."""
        where = f"{self.file}:{line}"
        if (ending := _END_OF_MACRO.match(equation)) is not None:
            if self.macro is None:
                raise ReadError(f"{where}: ':END OF MACRO:' without ':MACRO:'.")
            self.macro, self.entries = None, self.out.entries
            return ending.end()
        if equation[:7].upper() != ":MACRO:":
            return 0
        head = _MACRO.match(equation)
        names = [] if head is None else [head.group(1), *_parameters(head.group(2))]
        if head is None or not all(map(_NAME.fullmatch, names)):
            raise ReadError(f"{where}: a macro needs a head such as ':MACRO: NAME(inputs : outputs)'.")
        name = written_name(head.group(1).strip(), where)
        if self.macro is not None:
            raise ReadError(f"{where}: the macro '{name}' starts inside the macro '{self.macro.name}'.")
        inputs, _, outputs = head.group(2).partition(":")
        self.macro = MacroText(name, _keys(inputs), _keys(outputs), line)
        self.out.macros.append(self.macro)
        self.entries = self.macro.entries
        return head.end()

    def finish(self) -> None:
        """Check that nothing but the end of a macro follows the last entry."""
        rest = "~".join([*self.fields, "".join(self.buffer)])
        line, rest = _stripped(self.line, rest)
        if not self.fields and (after := self.macro_mark(rest, line) if _END_OF_MACRO.match(rest) else 0):
            line, rest = _stripped(line, rest[after:])
        if rest:
            raise ReadError(
                f"{self.file}:{line}: the entry '{_words(rest[:200])[:60]}' does not end with '|'; "
                "the file may be cut short."
            )
        if self.macro is not None:
            raise ReadError(f"{self.file}:{self.macro.line}: the macro '{self.macro.name}' has no ':END OF MACRO:'.")


def _stripped(line: int, text: str) -> tuple[int, str]:
    """Strip the text, and return the line where it then starts."""
    start = text.lstrip()
    return line + text.count("\n", 0, len(text) - len(start)), start.rstrip()


def _joined(text: str) -> str:
    """Join continued lines."""
    return re.sub(r"\\\n\t*+", " ", text) if "\\\n" in text else text


def _words(text: str) -> str:
    """Normalise blanks; control characters, which could act on a terminal, count as blanks."""
    return " ".join(_joined(text).translate(_CONTROL).split())


def _parameters(text: str) -> list[str]:
    """Names of inputs and outputs in the head of a macro."""
    return [name for name in re.split("[,:]", text) if name.strip()]


def _keys(names: str) -> tuple[str, ...]:
    return tuple(key(name) for name in _parameters(names))


def _settings(sketch: str) -> tuple[tuple[tuple[str, ...], ...], str]:
    """Unit synonyms (`22:` lines) and integration method (`15:` line) from the settings after the sketch."""
    _, _, settings = sketch.partition(_END_SKETCH)
    synonyms: list[tuple[str, ...]] = []
    method = ""
    for row in settings.splitlines():
        mark, _, rest = row.partition(":")
        if mark.strip() == "22" and rest.strip():
            synonyms.append(tuple(w.strip() for w in rest.split(",") if w.strip()))
        elif mark.strip() == "15":
            digits = rest.split(",")
            code = digits[3].strip() if len(digits) > 3 else "0"
            method = {"1": "rk4", "5": "rk4", "3": "rk2"}.get(code, "euler")
    return tuple(synonyms), method


_TAGGED = re.compile(r"""(\bGET[ _](?:XLS|DIRECT)[ _]\w+\s*\(\s*)(['"])(\?[^'"\n]*)\2""", re.IGNORECASE)


def _with_tagged_files(body: str, sketch: str) -> str:
    """Equations with names of files in place of tags, `'?tag'`, which the settings resolve (`30:?tag=name.xlsx`)."""
    rows = (row.partition(":") for row in sketch.partition(_END_SKETCH)[2].splitlines())
    named = (rest.partition("=") for mark, _, rest in rows if mark.strip() == "30")
    files = {tag.strip().lower(): file.strip() for tag, _, file in named if file.strip()}

    def resolved(found: re.Match[str]) -> str:
        head, quote, tag = found.groups()
        return f"{head}{quote}{files.get(tag.strip().lower(), tag)}{quote}"

    return _TAGGED.sub(resolved, body) if files else body
