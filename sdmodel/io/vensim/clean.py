"""Text clean-up before the parser: what PySD's grammar refuses is put into a form it takes, what it drops is kept.

The equations of a `.mdl` are entries `equation ~ unit ~ documentation [~ flag] |`; this module splits them itself, so
that every later message can name a line, and hands PySD a text of the same entries.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from sdmodel.core.errors import ReadError, UnsupportedError
from sdmodel.core.expression import key

MAX_BYTES = 20_000_000
MAX_NESTING = 200
_SKETCH = re.compile(r"^\\{1,3}---///", re.MULTILINE)
_END_SKETCH = "///---\\\\\\"
_RANGE = re.compile(r'\s*("(?:\\.|[^"\\])*"|[^"\[=(:<]+):(?!=)')
_FLAT = re.compile(r'((?:"(?:\\.|[^"\\])*"|[^"\[=(:<]+)(?:\[[^\]]*\])?)\s*\(([-+\d.eE,\s\\]+)\)')
_MACRO = re.compile(r":MACRO:(.*?):END OF MACRO:", re.DOTALL | re.IGNORECASE)


@dataclass(slots=True)
class Entry:
    """One entry of the file: its fields, the line it starts on and the group it stands in."""

    equation: str
    unit: str
    documentation: str
    flag: str
    line: int
    group: str

    @property
    def name(self) -> str:
        """Left-hand side name as written (quotes kept)."""
        found = re.match(r'\s*("(?:\\.|[^"\\])*"|[^\[=(:<]*)', self.equation)
        return found.group(1).strip() if found else ""


@dataclass(slots=True)
class Tidy:
    """A `.mdl` made ready: the text for PySD, the entries as written, unit synonyms and integration method."""

    text: str
    entries: list[Entry] = field(default_factory=list)
    inside: dict[str, list[Entry]] = field(default_factory=dict)
    """Entries of each macro by its key."""
    _first: dict[str, Entry] = field(default_factory=dict)
    synonyms: tuple[tuple[str, ...], ...] = ()
    method: str = ""

    def entry(self, name: str) -> Entry | None:
        """The first entry whose left-hand side is `name`."""
        if len(self._first) == 0:
            for entry in self.entries:
                self._first.setdefault(key(entry.name), entry)
        return self._first.get(key(name))


def decode(raw: bytes, file: str) -> str:
    """The text of a model file: byte-order mark, declared encoding, UTF-8, GB18030 and Windows-1252, in that order.

    Raises
    ------
    ReadError
        If the declared encoding does not fit, or the file is too large or binary.
    """
    if len(raw) > MAX_BYTES:
        raise ReadError(f"{file} has {len(raw):,} bytes; a model file has at most {MAX_BYTES:,}.")
    if raw.startswith(b"\xef\xbb\xbf"):
        return raw[3:].decode("utf-8", errors="strict") if _decodes(raw[3:], "utf-8") else _refuse(file, "UTF-8")
    declared = re.match(rb"\s*\{([\w -]{2,20})\}", raw)
    if declared:
        label = declared.group(1).decode("ascii").strip().lower()
        codec = {"gbk": "gb18030", "gb2312": "gb18030"}.get(label, label)
        if not _decodes(raw, codec):
            _refuse(file, label)
        return raw.decode(codec)
    if b"\x00" in raw:
        raise ReadError(f"{file} holds binary data; it is not a model file in text form.")
    if _decodes(raw, "utf-8"):
        return raw.decode("utf-8")
    if _decodes(raw, "gb18030") and _mostly_chinese(raw.decode("gb18030")):
        return raw.decode("gb18030")
    return raw.decode("cp1252", errors="replace")


def _decodes(raw: bytes, codec: str) -> bool:
    try:
        raw.decode(codec)
    except (UnicodeDecodeError, LookupError):
        return False
    return True


def _refuse(file: str, label: str) -> str:
    raise ReadError(f"{file} says it is written in {label} but cannot be read so. Save it as UTF-8 and try again.")


def _mostly_chinese(text: str) -> bool:
    """Whether most characters beyond ASCII are Chinese; Windows-1252 text read as GB18030 gives odd pairs instead."""
    beyond = [c for c in text if ord(c) > 127]
    chinese = sum("\u4e00" <= c <= "\u9fff" or "\u3000" <= c <= "\u303f" or "\uff00" <= c <= "\uffef" for c in beyond)
    runs = re.findall("[\u4e00-\u9fff]{2,}", text)
    return chinese > 0.9 * len(beyond) and len(runs) > 0


def tidy(text: str, file: str) -> Tidy:
    """Split a `.mdl` into entries and rewrite it so that PySD's grammar takes it.

    Removes `{comments}` outside documentation, moves macros to the top, gives a bare data variable the
    keyword PySD needs (Vensim interpolates when there is none), and keeps groups, unit synonyms and the integration
    method, which PySD drops.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    head = re.match(r"\s*\{[^}]*\}", text)
    body = (" " * head.end() + text[head.end() :]) if head else text
    body, sketch = (*_SKETCH.split(body, maxsplit=1), "")[:2]
    macros: list[str] = []

    def lift(match: re.Match[str]) -> str:
        macros.append(match.group(0))
        return re.sub(r"[^\n]", " ", match.group(0))

    body = _MACRO.sub(lift, body)
    out = Tidy("")
    out.entries = _split(body, file)
    out.synonyms, out.method = _settings(sketch)
    kept = [e for e in out.entries if e.name and not e.name.startswith("*")]
    out.text = "{UTF-8}\n" + "\n".join(_macro_text(m, file, out) for m in macros)
    # Units and documentation stay here: PySD stumbles over some of them.
    out.text += "\n".join(f"{_unmapped(e.equation)}~~|" for e in kept) + "\n"
    return out


def _unmapped(equation: str) -> str:
    """The equation without the mappings of a range, whose elements PySD would add to the range's own."""
    if "->" in equation and _RANGE.match(equation) and "<->" not in equation:
        return equation.split("->", 1)[0]
    return equation


def _macro_text(macro: str, file: str, out: Tidy) -> str:
    inner = re.fullmatch(r":MACRO:\s*([^(]*\([^)]*\))(.*):END OF MACRO:", macro, re.DOTALL | re.IGNORECASE)
    if inner is None:
        raise ReadError(f"{file}: a macro has no head such as ':MACRO: NAME(inputs : outputs)'.")
    name, _, inputs = inner.group(1).partition("(")
    if ":" in inputs:
        raise UnsupportedError(
            f"{file}: the macro {name.strip()} has several outputs ({inputs.rstrip(')').strip()}), which is not read. "
            "Make a macro for each output."
        )
    entries = _split(inner.group(2), file)
    out.inside[key(name)] = entries
    lines = "\n".join(f"{e.equation}~~|" for e in entries if e.name)
    return f":MACRO: {inner.group(1).strip()}\n{lines}\n:END OF MACRO:\n"


def _split(body: str, file: str) -> list[Entry]:
    """Entries of a text without sketch and macros."""
    entries: list[Entry] = []
    fields: list[str] = []
    buffer: list[str] = []
    group = ""
    line = start = 1
    depth = 0
    i, n = 0, len(body)
    while i < n:
        c = body[i]
        in_text = len(fields) >= 2
        if c == "\n":
            line += 1
        if not buffer and not fields:
            start = line
            if c.isspace():
                i += 1
                continue
        if c == "{" and not in_text:
            end = body.find("}", i)
            if end < 0:
                raise ReadError(f"{file}:{line}: a comment is opened by '{{' and not closed by '}}'.")
            line += body.count("\n", i, end)
            buffer.append(" ")
            i = end + 1
            continue
        if c == '"' and not in_text:
            end = _closing_quote(body, i)
            if end < 0:
                raise ReadError(f"{file}:{line}: a quoted name is opened and not closed.")
            buffer.append(body[i : end + 1])
            line += body.count("\n", i, end)
            i = end + 1
            continue
        if c in "([" and not in_text:
            depth += 1
            if depth > MAX_NESTING:
                raise UnsupportedError(f"{file}:{line}: brackets are nested more than {MAX_NESTING} deep.")
        elif c in ")]" and not in_text:
            depth -= 1
        if c == "~":
            fields.append("".join(buffer))
            buffer, depth = [], 0
        elif c == "|":
            fields.append("".join(buffer))
            group = _close(fields, start, group, entries)
            fields, buffer, depth = [], [], 0
        else:
            buffer.append(c)
        i += 1
    if fields or "".join(buffer).strip():
        rest = " ".join(("~".join([*fields, "".join(buffer)])).split())
        raise ReadError(f"{file}:{start}: the entry '{rest[:60]}' does not end with '|'; the file may be cut short.")
    return entries


def _closing_quote(body: str, start: int) -> int:
    i = start + 1
    while i < len(body):
        if body[i] == "\\" and body[i + 1 : i + 2] == '"':
            i += 2
            continue
        if body[i] == '"':
            return i
        i += 1
    return -1


def _close(fields: list[str], line: int, group: str, entries: list[Entry]) -> str:
    """Enter a finished entry; returns the group that the next one stands in."""
    first = fields[0].strip()
    if first.startswith("*"):
        return first.strip("* \t\n").lstrip(".")
    fields = [*fields, "", "", ""][:4]
    equation, unit, doc, flag = (re.sub(r"\\\n\t", " ", f).strip() for f in fields)
    if re.fullmatch(r'("(?:\\.|[^"\\])*"|[^\[=(:<]+)(\s*\[[^\]]*\])?', equation):
        equation += " :INTERPOLATE:"
    elif (flat := _FLAT.fullmatch(equation)) is not None:
        equation = flat.group(1) + _pairs(flat.group(2), equation)
    entries.append(Entry(equation, " ".join(unit.split()), " ".join(doc.split()), flag, line, group))
    return group


def _pairs(flat: str, equation: str) -> str:
    """A lookup written as all x, then all y, in the form of points."""
    numbers = [n for n in re.split(r"[\s,\\]+", flat) if n]
    half = len(numbers) // 2
    if not half or len(numbers) % 2:
        raise ReadError(
            f"The lookup '{' '.join(equation.split())[:60]}' has {len(numbers)} numbers; it needs as many x as y."
        )
    return "(" + ",".join(f"({x},{y})" for x, y in zip(numbers[:half], numbers[half:], strict=True)) + ")"


def _settings(sketch: str) -> tuple[tuple[tuple[str, ...], ...], str]:
    """Unit synonyms (`22:` lines) and integration method (`15:` line) from the settings block behind the sketch."""
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
