"""Compose and parse labels of elements, `name[a,b]`."""

from __future__ import annotations

from collections.abc import Container, Sequence

from sdmodel.core.arguments import kind
from sdmodel.core.expression import key


def join_label(name: str, elements: Sequence[str] = ()) -> str:
    """The label of an element of a variable; the name itself where there are no subscripts.

    Examples
    --------
    >>> join_label("stock", ("north", "young")), join_label("trust")
    ('stock[north,young]', 'trust')
    """
    return f"{name}[{','.join(elements)}]" if elements else name


def split_label(label: str, known: Container[str] = ()) -> tuple[str, tuple[str, ...]]:
    """Name and elements of a label; no elements where the label is a whole name.

    Parameters
    ----------
    label
        A name, or ``name[a,b]``.
    known
        Keys (see `sdmodel.core.expression.key`) of existing variables, such as the mapping `Structure.equations`.
        A quoted name may contain brackets, as in ``cost [CNY]``; the longest known name is used.

    Examples
    --------
    >>> split_label("stock[north, young]")
    ('stock', ('north', 'young'))
    >>> split_label("cost [CNY]", {"cost [cny]"})
    ('cost [CNY]', ())
    >>> split_label("cost [CNY][north]", {"cost [cny]"})
    ('cost [CNY]', ('north',))
    """
    kind("name", label, types=(str,), need="the name of a variable, or name[a,b]")
    text = label.strip()
    if key(text) in known or not text.endswith("]"):
        return text, ()
    places = [i for i, c in enumerate(text) if c == "[" and i > 0]
    if not places:
        return text, ()
    at = next((i for i in reversed(places) if key(text[:i]) in known), places[-1])
    return text[:at].rstrip(), tuple(part.strip() for part in text[at + 1 : -1].split(","))
