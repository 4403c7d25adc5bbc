"""The layout of an XMILE file: its root, dimensions, behaviour and groups; unsupported elements are refused here."""

from __future__ import annotations

import re
import warnings
from typing import Any

from sdmodel.core.errors import ReadError, ReadWarning, UnsupportedError
from sdmodel.core.expression import NA, key
from sdmodel.core.structure import SubscriptRange
from sdmodel.io.vensim.ranges import MAX_RANGE
from sdmodel.io.xmile.dialects import plain
from sdmodel.io.xmile.repair import KINDS, MAX_REPAIRS, repair_xml

_REFUSED = {
    "conveyor": "a conveyor", "queue": "a queue", "oven": "an oven", "leak": "the leak of a conveyor",
    "overflow": "the overflow of a queue or conveyor", "leak_integers": "the leak of a conveyor",
}  # fmt: skip
_HARMLESS = ("NS_ERR_UNDEFINED_NAMESPACE", "WAR_NS_URI_RELATIVE", "WAR_NS_URI")
"""Error types of wrongly declared namespace prefixes, which are harmless."""


def root_of(raw: bytes, file: str) -> Any:
    """The <xmile> element of a file.

    XML that is not well formed is repaired, with a warning, where this loses no content. Document types and entities
    are refused.
    """
    flat = raw.replace(b"\x00", b"").upper()
    if b"<!DOCTYPE" in flat or b"<!ENTITY" in flat:
        raise UnsupportedError(
            f"{file} declares a document type or entities, which a model does not need. It is not read."
        )
    root, fault = _parsed(raw, file)
    if fault and not is_well_formed(raw):
        text, repairs = _repaired(raw, file, fault)
        root, still = _parsed(text.encode(), file)
        if still:
            raise ReadError(f"{file} is not well-formed XML: {fault}")
        done = "; ".join(repairs[:5]) + ("; ..." if len(repairs) > 5 else "")
        warnings.warn(
            f"{file} is not well-formed XML and was repaired: {done}. Save it again in the program it comes from.",
            ReadWarning,
            stacklevel=2,
        )
    if root is None:
        raise ReadError(f"{file} is not XML.")
    if tag_of(root) != "xmile":
        raise ReadError(f"{file} is not an XMILE file: its root is <{tag_of(root)}>.")
    return root


def is_well_formed(raw: bytes) -> bool:
    """Whether a file is read without repairs."""
    return not _parsed(raw, "")[1]


def _parsed(raw: bytes, file: str) -> tuple[Any, str]:
    """Root element and the first fault of the XML; an empty fault if there is none."""
    from lxml import etree

    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(raw, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise ReadError(f"{file} is not XML: {error}.") from error
    faults = [e for e in parser.error_log if e.type_name not in _HARMLESS]
    return root, f"line {faults[0].line}: {faults[0].message}." if faults else ""


def _repaired(raw: bytes, file: str, fault: str) -> tuple[str, list[str]]:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ReadError(f"{file} is not well-formed XML: {fault}") from None
    if not re.search(r"</(?:\w+:)?xmile\s*>\s*$", text[-1000:]):
        raise ReadError(f"{file} is not well-formed XML: it does not end with </xmile>. It may be cut off. ({fault})")
    lead = len(text) - len(text.lstrip())
    text, repairs = repair_xml(re.sub(r"^\s*<\?xml[^>]*\?>", "", text))
    if lead:
        repairs.insert(0, "line 1: blanks stood before the file began")
    if not repairs or len(repairs) > MAX_REPAIRS:
        raise ReadError(f"{file} is not well-formed XML: {fault}")
    return text, repairs


def tag_of(node: Any) -> str:
    """Tag without its namespace; empty for a comment."""
    tag = node.tag if isinstance(node.tag, str) else ""
    return tag.rpartition("}")[2].rpartition(":")[2]


def attribute(node: Any, name: str) -> str:
    """An attribute, whatever its namespace; empty if it is not there."""
    for k, value in node.attrib.items():
        if str(k).rpartition("}")[2].rpartition(":")[2] == name:
            return str(value)
    return ""


def every(node: Any, name: str) -> list[Any]:
    """Children of a tag."""
    return [child for child in node if tag_of(child) == name]


def text_of(node: Any, name: str) -> str | None:
    """Text of the first child of a tag; None if there is none."""
    found = every(node, name)
    return "".join(found[0].itertext()) if found else None


def variables_of(model: Any) -> list[Any]:
    """Nodes of the variables and modules of a <model>; those in groups as well."""
    blocks = every(model, "variables")
    # Before XMILE 1.0 the variables were children of <model> itself, beside views and other elements.
    nodes = [n for b in blocks for n in b] if blocks else [n for n in model if tag_of(n) in (*KINDS, "module")]
    nodes = [inner for n in nodes for inner in (n if tag_of(n) == "group" else [n]) if tag_of(inner) != "entity"]
    # Elements with neither a known tag nor a name are comments and vendor extensions, such as <dependencies>.
    return [n for n in nodes if isinstance(n.tag, str) and (tag_of(n) in (*KINDS, "module") or n.get("name"))]


def refuse(root: Any, file: str) -> None:
    """Raise for elements that would be read wrongly; the message names them."""
    for node in root.iter():
        name = tag_of(node)
        if name not in _REFUSED:
            continue
        inside = {tag_of(a) for a in node.iterancestors()}
        if "views" in inside or "style" in inside or not inside & set(KINDS):
            continue
        owner = next((a.get("name") for a in (node, *node.iterancestors()) if a.get("name")), "")
        raise UnsupportedError(
            f"{file}:{node.sourceline}: '{owner}' is or has {_REFUSED[name]}, which is not modelled. Use stocks and "
            "DELAY functions."
        )


def ranges_of(root: Any, models: list[Any], file: str) -> dict[str, SubscriptRange]:
    """Subscript ranges from <dimensions>, by key."""
    out: dict[str, SubscriptRange] = {}
    for block in (b for owner in (root, *models) for b in every(owner, "dimensions")):
        for dim in every(block, "dim"):
            name = plain(dim.get("name", ""))
            where = f"{file}:{dim.sourceline}: the dimension '{name}'"
            elements = tuple(plain(e.get("name", "")) for e in every(dim, "elem"))
            size = dim.get("size", "").strip()
            if not elements and size.isdecimal() and size.isascii() and len(size) < 9 and 0 < int(size) <= MAX_RANGE:
                elements = tuple(str(i) for i in range(1, int(size) + 1))
            if not elements or not name or "" in elements:
                raise ReadError(f"{where} has no elements.")
            if len(elements) > MAX_RANGE:
                raise UnsupportedError(f"{where} has more than {MAX_RANGE:,} elements.")
            if len(set(map(key, elements))) < len(elements):
                twice = next(e for i, e in enumerate(elements) if key(e) in map(key, elements[:i]))
                raise ReadError(f"{where} has the element '{twice}' twice.")
            if key(name) in out and out[key(name)].elements != elements:
                raise ReadError(f"{where} is defined twice.")
            out[key(name)] = SubscriptRange(name, elements)
    return out


def value_out_of_range(root: Any) -> float:
    """Value of an array for an index outside its dimension: 0, or the missing value if the header asks for NaN."""
    for node in root.iter():
        if tag_of(node) == "uses_arrays":
            return NA if attribute(node, "invalid_index_value").lower() == "nan" else 0.0
    return 0.0


def non_negative_defaults(root: Any, model: Any) -> tuple[bool, bool]:
    """Whether all stocks and all flows are non-negative unless they say otherwise."""
    stocks = flows = False
    for block in (*every(root, "behavior"), *every(model, "behavior")):
        everything = bool(every(block, "non_negative"))
        stocks |= everything or any(every(s, "non_negative") for s in every(block, "stock"))
        flows |= everything or any(every(f, "non_negative") for f in every(block, "flow"))
    return stocks, flows


def groups_of(model: Any) -> dict[str, str]:
    """Name of the group that each variable stands in, by key."""
    out: dict[str, str] = {}
    for group in (g for block in (model, *every(model, "variables")) for g in every(block, "group")):
        for entity in (e for e in group if tag_of(e) in ("entity", *KINDS)):
            out[key(plain(entity.get("name", "")))] = group.get("name", "")
    return out
