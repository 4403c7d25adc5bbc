"""The layout of an XMILE file: its root, dimensions, behaviour and groups; what would be misread is refused here."""

from __future__ import annotations

from typing import Any

from sdmodel.core.errors import ReadError, UnsupportedError
from sdmodel.core.expression import key
from sdmodel.core.structure import SubscriptRange
from sdmodel.io.vensim.clean import MAX_BYTES
from sdmodel.io.vensim.ranges import MAX_RANGE
from sdmodel.io.xmile.dialects import plain

KINDS = ("stock", "flow", "aux", "gf")
_REFUSED = {
    "conveyor": "a conveyor", "queue": "a queue", "oven": "an oven", "leak": "the leak of a conveyor",
    "overflow": "the overflow of a queue or conveyor", "leak_integers": "the leak of a conveyor",
}  # fmt: skip


def root_of(raw: bytes, file: str) -> Any:
    """The <xmile> element of a file; document types, entities and broken XML are refused."""
    from lxml import etree

    if len(raw) > MAX_BYTES:
        raise ReadError(f"{file} has {len(raw):,} bytes; a model file has at most {MAX_BYTES:,}.")
    flat = raw.replace(b"\x00", b"").upper()
    if b"<!DOCTYPE" in flat or b"<!ENTITY" in flat:
        raise UnsupportedError(
            f"{file} declares a document type or entities, which a model does not need. It is not read."
        )
    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(raw, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise ReadError(f"{file} is no XML: {error}.") from error
    harmless = ("NS_ERR_UNDEFINED_NAMESPACE", "WAR_NS_URI_RELATIVE", "WAR_NS_URI")  # prefixes nobody declared well
    faults = [e for e in parser.error_log if e.type_name not in harmless]
    if root is None or faults:
        line = f":{faults[0].line}" if faults else ""
        raise ReadError(f"{file}{line} is no well-formed XML{': ' + faults[0].message if faults else ''}.")
    if tag_of(root) != "xmile":
        raise ReadError(f"{file} is no XMILE file: its root is <{tag_of(root)}>.")
    return root


def tag_of(node: Any) -> str:
    """Tag without its namespace; empty for a comment."""
    tag = node.tag if isinstance(node.tag, str) else ""
    return tag.rpartition("}")[2].rpartition(":")[2]


def every(node: Any, name: str) -> list[Any]:
    """Children of a tag."""
    return [child for child in node if tag_of(child) == name]


def text_of(node: Any, name: str) -> str | None:
    """Text of the first child of a tag; None if there is none."""
    found = every(node, name)
    return "".join(found[0].itertext()) if found else None


def refuse(root: Any, file: str) -> None:
    """Refuse by name what would be misread."""
    for node in root.iter():
        name = tag_of(node)
        inside = {tag_of(a) for a in node.iterancestors()}
        if "views" in inside or "style" in inside:
            continue
        owner = next((a.get("name") for a in (node, *node.iterancestors()) if a.get("name")), "")
        where = f"{file}:{node.sourceline}: '{owner}'"
        if name in _REFUSED and inside & set(KINDS):
            raise UnsupportedError(
                f"{where} is or has {_REFUSED[name]}, which is not read. Use stocks and DELAY functions."
            )
        if name == "module":
            raise UnsupportedError(f"{where} is a module, which is not read. Save one model a file and compose them.")
        if name == "macro":
            raise UnsupportedError(f"{where} is a macro, which is not read from XMILE. Write its equations out.")


def ranges_of(root: Any, model: Any, file: str) -> dict[str, SubscriptRange]:
    """Subscript ranges from <dimensions>."""
    out: dict[str, SubscriptRange] = {}
    for block in (*every(root, "dimensions"), *every(model, "dimensions")):
        for dim in every(block, "dim"):
            name = dim.get("name", "")
            elements = tuple(plain(e.get("name", "")) for e in every(dim, "elem"))
            size = dim.get("size", "").strip()
            if not elements and size.isdigit() and len(size) < 9 and 0 < int(size) <= MAX_RANGE:
                elements = tuple(str(i) for i in range(1, int(size) + 1))
            if not elements or not name:
                raise ReadError(f"{file}:{dim.sourceline}: the dimension '{name}' has no elements.")
            if len(elements) > MAX_RANGE:
                raise UnsupportedError(
                    f"{file}:{dim.sourceline}: the dimension '{name}' has more than {MAX_RANGE:,} elements."
                )
            out[key(name)] = SubscriptRange(plain(name), elements)
    return out


def behaviour(root: Any, model: Any) -> tuple[bool, bool]:
    """Whether all stocks and all flows are cut off at zero."""
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
