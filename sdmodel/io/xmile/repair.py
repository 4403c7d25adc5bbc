"""Repair of XML that is not well formed, so that nothing in the file is lost: unbalanced tags, bare `&` and `<`.

Other readers recover from such files and drop what they do not understand. Here a repair keeps all text: an end tag of
XMILE that is missing is added, a duplicate is removed, `&` and `<` in text are escaped. Each is reported, and
XML that is still not well formed is refused.
"""

from __future__ import annotations

import re

KINDS = ("stock", "flow", "aux", "gf")
"""Tags of variables."""
_BARE = r"&(?!#\d{1,7};|#x[0-9A-Fa-f]{1,6};|(?:amp|lt|gt|quot|apos);)"
_TOKEN = re.compile(
    r"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>"
    r"|<(?P<end>/?)(?P<tag>[A-Za-z_][\w.:-]*+)(?P<rest>(?:\"[^\"<]*+\"|'[^'<]*+'|[^\"'<>])*+)>"
    rf"|{_BARE}|<",
    re.DOTALL,
)
_APART = frozenset({"views", "view", "style", "macro"})
"""Inside these a variable's tag is something else (a symbol in a diagram)."""
_CLOSED = frozenset((
    *KINDS, "eqn", "doc", "units", "inflow", "outflow", "element", "dimensions", "dim", "elem", "init_eqn", "range",
    "scale", "format", "group", "xpts", "ypts", "xscale", "yscale", "variables", "model", "start", "stop", "dt",
    "sim_specs", "header", "event_poster", "non_negative", "view", "views",
))  # fmt: skip
"""Tags that get an end tag where it is missing; what looks like another tag may be a formula such as `a<b>c`."""
MAX_REPAIRS = 20
MAX_DEPTH = 200


def repair_xml(text: str) -> tuple[str, list[str]]:
    """The text of an XML file with its tags balanced, and one sentence for each repair.

    Parameters
    ----------
    text
        A file that is not well formed.

    Returns
    -------
    tuple of str and list of str
        The text with a missing end tag added, a surplus one removed, `&` and `<` in text escaped; and what was done,
        each with its line. The text may still not be well formed.
    """
    out: list[str] = []
    repairs: list[str] = []
    open_tags: list[str] = []
    place = 0
    line = 1
    ended = ""

    def close(count: int, before: str) -> None:
        for _ in range(count):
            tag = open_tags.pop()
            if _name(tag) not in _CLOSED:
                continue
            out.append(f"</{tag}>")
            repairs.append(f"line {line}: </{tag}> was missing before {before}")

    for found in _TOKEN.finditer(text):
        between = text[place : found.start()]
        out.append(between)
        line += between.count("\n")
        token, place = found.group(), found.end()
        tag = found.group("tag")
        if token in ("&", "<"):
            out.append("&amp;" if token == "&" else "&lt;")
            repairs.append(f"line {line}: a '{token}' in text stood for itself")
        elif tag is None:
            out.append(token)
        elif found.group("end"):
            if tag not in open_tags:
                if ended == tag and not between.strip():
                    repairs.append(f"line {line}: </{tag}> stood twice")
                else:
                    out.append(token)
            else:
                depth = len(open_tags) - 1 - open_tags[::-1].index(tag)
                close(len(open_tags) - 1 - depth, token)
                open_tags.pop()
                out.append(token)
        else:
            if _name(tag) in KINDS and "name=" in found.group("rest"):
                unclosed = _open_variable(open_tags)
                if unclosed is not None:
                    close(len(open_tags) - unclosed, f"<{tag}>")
            whole = re.sub(_BARE, "&amp;", token)
            if whole != token:
                repairs.append(f"line {line}: a '&' in a <{tag}> stood for itself")
            out.append(whole)
            if not found.group("rest").rstrip().endswith("/"):
                open_tags.append(tag)
        ended = tag if tag is not None and found.group("end") else ""
        line += token.count("\n")
        if len(repairs) > MAX_REPAIRS or len(open_tags) > MAX_DEPTH:
            break
    out.append(text[place:])
    close(len(open_tags), "the end of the file")
    return "".join(out), repairs


def _name(tag: str) -> str:
    return tag.rpartition(":")[2]


def _open_variable(open_tags: list[str]) -> int | None:
    """Depth of the variable that is still open, which another variable cannot stand in; None if there is none."""
    names = [_name(t) for t in open_tags]
    if _APART.intersection(names):
        return None
    return next((i for i, n in enumerate(names) if n in ("stock", "flow", "aux")), None)
