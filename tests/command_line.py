"""Commands of sdmodel within this process: one of its own costs seconds of imports, and shows more only at its end."""

from __future__ import annotations

import io
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from sdmodel.cli.main import main


def run_command(*words: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """`sdmodel WORDS` in a folder: its status, and what it prints."""
    out, err, given = io.StringIO(), io.StringIO(), ["sdmodel", *map(str, words)]
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.chdir(cwd)
        patch.setattr(sys, "argv", given)
        with pytest.raises(SystemExit) as stop:
            main()
    return subprocess.CompletedProcess(given, stop.value.code or 0, out.getvalue(), err.getvalue())
