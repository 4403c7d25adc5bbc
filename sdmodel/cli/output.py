"""What commands print: text safe for a terminal."""

from __future__ import annotations

import typer

from sdmodel.core.text import printable


def say(text: str, *, error: bool = False) -> None:
    """Print text, with control characters from names and messages written out."""
    typer.echo(printable(text), err=error)
