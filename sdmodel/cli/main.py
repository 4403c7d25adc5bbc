"""Entry point of the command line."""

from __future__ import annotations

from sdmodel.cli import models, runs, studies  # noqa: F401 (each adds its commands to the application)
from sdmodel.cli.application import app


def main() -> None:
    """Run the command that `sys.argv` gives."""
    app()
