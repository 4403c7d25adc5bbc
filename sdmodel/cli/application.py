"""The application that the commands belong to, and how a command ends when something goes wrong."""

from __future__ import annotations

import functools
import os
import re
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from sdmodel.cli.output import say
from sdmodel.core.errors import SdmodelError
from sdmodel.core.version import __version__

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="""Run system-dynamics policy models, yours and ours.

    A MODEL is a shipped name (see 'sdmodel list') or a path to a Vensim file (.mdl), an XMILE file (.xmile, .stmx) or
    a composition (.toml).

    \b
    sdmodel list                                   what is shipped
    sdmodel describe shandong                      what a model holds
    sdmodel run shandong --scenario "late exit"    one run to a CSV file
    sdmodel sweep network --outcome "trust at 2034"   a thousand samples to a CSV file
    sdmodel experiment withdrawal                  a policy question, answered
    """,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        say(f"sdmodel {__version__}")
        raise typer.Exit(0)


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", is_eager=True, callback=_show_version)
    ] = False,
) -> None:
    pass  # the option is read by its callback; the help of the whole is given to `app`


ModelName = Annotated[
    str, typer.Argument(metavar="MODEL", help="Shipped name, or path to a .mdl, .xmile, .stmx or .toml file.")
]

FAILED, STOPPED = 2, 130
"""Exit statuses: an error reported in one line, and Ctrl-C."""
_IN_A_SHELL = (
    (r"method=(['\"])(\w+)\1", r"--method \2"),
    (r"\bevery=(?=[\d'\"])", "--every "),
    (r"\bevery=", "--every"),
    (r": model\.with_ranges\(.*\)\.$", " in the model file."),
    (r"make a new model: model\.replace\(.*\)\.$", "write it in the model file."),
)
"""Advice for users of Python, as patterns, and what is said instead to users of the commands."""


def command(name: str | None = None) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add a command to the application; its errors end in one line on standard error, never in a traceback."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def guarded(*args: Any, **given: Any) -> None:
            try:
                function(*args, **given)
                sys.stdout.flush()
            except SdmodelError as error:
                _fail(str(error))
            except KeyboardInterrupt:
                say("sdmodel: stopped.", error=True)
                raise typer.Exit(STOPPED) from None
            except BrokenPipeError:
                _drop_output()
                raise typer.Exit(0) from None
            except OSError as error:
                _drop_output()
                _fail(f"{error.filename or 'the output'}: {error.strerror}." if error.strerror else str(error))
            except MemoryError:
                _fail("there is not enough memory for this.")

        app.command(name)(guarded)
        return guarded

    return register


def _fail(message: str) -> None:
    for python, shell in _IN_A_SHELL:
        message = re.sub(python, shell, message)
    say(f"sdmodel: {message}", error=True)
    raise typer.Exit(FAILED) from None


def _drop_output() -> None:
    """If standard output cannot be written, send what is still buffered nowhere, so that Python can exit."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
