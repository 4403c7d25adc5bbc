"""What is loaded when: no clock, only which modules are there afterwards."""

from __future__ import annotations

import subprocess
import sys

import pytest

LISTED = ("sdmodel.io.expression_parser", "pysd", "parsimonious", "pandas", "scipy", "xarray", "matplotlib", "llvmlite")


def loaded_after(code: str) -> set[str]:
    whole = f"import sys\n{code}\nprint('loaded', *(n for n in {LISTED!r} if n in sys.modules))\n"
    done = subprocess.run([sys.executable, "-c", whole], capture_output=True, text=True, check=True, timeout=120)
    return set(done.stdout.splitlines()[-1].split()[1:])


@pytest.mark.parametrize(
    ("code", "allowed"),
    [
        ("import sdmodel", set()),
        ("import sdmodel.cli.main", set()),
        ("import sdmodel\nsdmodel.errors.nearest('a', ['b'])", set()),
        ("from sdmodel.errors import SolveError, ResultWarning\nimport sdmodel.errors", set()),
        ("import sdmodel\nsdmodel.load('intervention')", set()),  # from the cache
        ("import sdmodel\nsdmodel.load('intervention').run(method='euler')", set()),
        ("import sdmodel\nsdmodel.load('intervention').run()", {"scipy"}),
        ("import sdmodel\nsdmodel.load('intervention').uncertainties", {"pandas"}),
    ],
)
def test_only_what_is_needed_is_loaded(code: str, allowed: set[str]) -> None:
    import sdmodel

    sdmodel.load("intervention")  # into the cache
    assert loaded_after(code) <= allowed


def test_the_parser_is_loaded_by_a_file_that_is_not_in_the_cache(tmp_path: object) -> None:
    """Else the tests above would show nothing."""
    code = f"import os\nos.environ['SDMODEL_CACHE'] = {str(tmp_path)!r}\nimport sdmodel\nsdmodel.load('intervention')"
    assert "sdmodel.io.expression_parser" in loaded_after(code)
