"""Figures and tables in a notebook: every figure shows once, with and without the inline backend of matplotlib."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

pytest.importorskip("IPython", reason="IPython comes with the extra sdmodel[test]")

SHELL = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
for cell in json.load(sys.stdin):
    result = shell.run_cell("%%capture out\\n" + cell)
    assert result.success, cell
    outputs = shell.user_ns["out"].outputs
    print(json.dumps([sorted(one.data) for one in outputs]))
"""
START = "import sdmodel\nmodel = sdmodel.load('intervention')\nrun = model.run()\nname = model.outcomes[0]"
FIGURES = [
    ("fig, axes = sdmodel.plot.trajectories([run], name)", 0),
    ("fig", 1),
    ("sdmodel.plot.trajectories([run], name)", 1),
    ("sheet, panels = sdmodel.plot.mosaic([['a']], title='A sheet')\nsheet", 1),
]


def outputs(cells: list[str]) -> list[list[list[str]]]:
    """For each cell, the media types of each of its outputs, in a fresh process."""
    kernel = os.environ | {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}  # as Jupyter starts its kernels
    done = subprocess.run(
        [sys.executable, "-c", SHELL], input=json.dumps(cells), env=kernel, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]


def test_every_figure_shows_once() -> None:
    """In a fresh kernel, then with pyplot and its inline backend, and in axes of pyplot."""
    cells = [cell for cell, _ in FIGURES]
    inline = "import matplotlib.pyplot as plt"
    shared = "_, ax = plt.subplots()\nsdmodel.plot.trajectories([run], name, ax=ax)"
    shown = outputs([START, *cells, inline, *cells, shared])
    pictures = [sum("image/png" in types for types in cell) for cell in shown]
    expected = [number for _, number in FIGURES]
    assert pictures == [0, *expected, 0, *expected, 1]
