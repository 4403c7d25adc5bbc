"""Progress bars, of sweeps and of analyses that sweep."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import Any


class _Silent:
    """No-op progress bar; creating a disabled one would take longer than a run."""

    disable = True

    def __enter__(self) -> _Silent:
        return self

    def __exit__(self, *what: object) -> None:
        return None

    def update(self, steps: int = 1) -> None:
        """Do nothing."""


def progress_bar(total: int, label: str, unit: str, progress: bool | str | None, done: int = 0) -> Any:
    """A progress bar, on a terminal or in a notebook unless `progress` says otherwise; a string is its label."""
    notebook = "ipykernel" in sys.modules
    if not progress if isinstance(progress, bool) else not (sys.stderr.isatty() or notebook):
        return _Silent()
    bar: Any
    if notebook and find_spec("ipywidgets"):
        from tqdm.notebook import tqdm as widget

        bar = widget
    else:
        from tqdm import tqdm

        bar = tqdm
    label = progress if isinstance(progress, str) else label
    return bar(total=total, initial=done, unit=unit, desc=label, leave=False, smoothing=0.1)
