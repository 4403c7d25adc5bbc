"""A model as one HTML file that runs it in the browser, without a server and without a network."""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdmodel.core.arguments import as_path
from sdmodel.core.structure import Structure
from sdmodel.explorer.contents import contents
from sdmodel.explorer.kernel import PageKernels

if TYPE_CHECKING:
    import pandas as pd

_HERE = Path(__file__).with_name("page")
_SCRIPTS = (
    *("uplot/uPlot.iife.min.js", "dates.js", "kernel.js", "band.js", "view.js", "chart.js"),
    *("controls.js", "results.js", "picture.js", "app.js"),
)
_STYLES = ("uplot/uPlot.min.css", "style.css")
_BYTES = '<script type="application/octet-stream" id="{id}">{bytes}</script>'


@dataclass(frozen=True, slots=True, repr=False)
class Explorer:
    """The page of a model; a notebook shows it as a frame.

    Examples
    --------
    >>> import sdmodel
    >>> page = sdmodel.load("adoption").explore()
    >>> page
    <Explorer of 'adoption'>
    >>> page.html[:15]
    '<!DOCTYPE html>'
    """

    name: str
    """Name of the model."""
    html: str
    """The HTML file."""

    def __repr__(self) -> str:
        return f"<Explorer of '{self.name}'>"

    def _repr_html_(self) -> str:
        frame = 'sandbox="allow-scripts allow-downloads allow-popups" style="width:100%;height:820px;border:0"'
        return f'<iframe title="{html.escape(self.name)}" {frame} srcdoc="{html.escape(self.html)}"></iframe>'

    def write(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the HTML file.

        Parameters
        ----------
        path
            Path of the new file.
        overwrite
            Replace an existing file.

        Returns
        -------
        pathlib.Path
            The file.

        Raises
        ------
        FileExistsError
            If the file exists and `overwrite` is False.
        """
        target = as_path("path", path)
        with target.open("w" if overwrite else "x", encoding="utf-8") as file:
            file.write(self.html)
        return target


def explore(
    model: Structure,
    *,
    data: Mapping[str, Any] | pd.DataFrame | None = None,
    findings: Mapping[str, tuple[str, str]] | None = None,
) -> Explorer:
    """Make a page with sliders for the constants of a model, which runs it in the browser at every move.

    The file needs no server and no network. It computes with Runge-Kutta steps of TIME STEP that land on every date,
    as sweeps do, or by the method of the file where the model needs the TIME STEP grid. Levers, uncertainties and
    switches can be moved; a model without such roles shows all constants. The file `NAME.explorer.toml` beside the
    model chooses what comes first: `levers`, `outcomes`, the outcome `money`, `scenarios` (name, values, paths, text,
    the question and what it asks, finding, link) and Chinese words for all of these, `zh`.

    Parameters
    ----------
    model
        The model.
    data
        Series of its data variables by name, as for `Model.run`.
    findings
        Text and address of findings by the name of a question; they stand with the scenarios that name the question.

    Returns
    -------
    Explorer
        With `write(path)`, and shown in a notebook.

    Raises
    ------
    UnsupportedError
        If the model cannot go into a page; the message names what stands in the way.
    OverrideError
        If a data variable has no series.
    DesignError
        If `findings` are not texts with addresses.
    ReadError
        If the `.explorer.toml` names what the model does not have, or is not well formed.

    Examples
    --------
    >>> import sdmodel
    >>> len(sdmodel.load("budworm").explore().html) < 150_000
    True
    """
    kernels = PageKernels(model, data)
    shown = contents(kernels, findings) | {"words": json.loads(_text("words.json"))}
    payload = json.dumps(shown, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    scripts = "\n".join(_text(name) for name in _SCRIPTS)
    parts = {
        "name": html.escape(model.name),
        "style": "\n".join(_text(name) for name in _STYLES),
        "licence": html.escape(_text("uplot/LICENSE")),
        "hash": base64.b64encode(hashlib.sha256(scripts.encode()).digest()).decode(),
        "payload": _BYTES.format(id="payload", bytes=_packed(payload.encode())),
        "codes": "\n".join(_BYTES.format(id=f"code{i}", bytes=_packed(k.code)) for i, k in enumerate(kernels.all)),
        "scripts": scripts,
    }
    page = _text("page.html")
    for name, value in parts.items():
        before, mark, after = page.partition("{{" + name + "}}")
        assert mark, name
        page = before + value + after if name != "name" else page.replace(mark, value)
    return Explorer(model.name, page)


def _packed(content: bytes) -> str:
    """Compressed and in base64: smaller, and no text of a model stands in the HTML."""
    return base64.b64encode(gzip.compress(content, 9, mtime=0)).decode()


def _text(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")
