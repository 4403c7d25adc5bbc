"""Findings: verdicts, a table of every arm and sample, figures and a record of the runs, written to files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from sdmodel.core import html
from sdmodel.core.errors import UnknownNameError
from sdmodel.core.text import shorten
from sdmodel.study.translation import Translation
from sdmodel.study.verdict import DEPENDS, MOSTLY, SUPPORTED, Verdict

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sdmodel.model import Model

SECTORS = 8
"""Sectors of the whole model; with fewer a finding is provisional."""


@dataclass(repr=False)
class Finding:
    """Result of an experiment: verdicts, a tidy table, figures and a run record."""

    name: str
    question: str
    verdicts: list[Verdict]
    table: pd.DataFrame
    figures: dict[str, Figure] = field(default_factory=dict)
    record: dict[str, Any] = field(default_factory=dict)
    status: str = ""
    """Why the finding is provisional, or empty."""
    notes: list[str] = field(default_factory=list)
    headline: str = ""
    """Main result in one sentence."""
    plan: str = ""
    """The plan written before the first run."""
    translation: Translation = field(default_factory=Translation)
    """Language of the figures."""

    def __repr__(self) -> str:
        return f"<Finding {self.name!r}: {shorten(self.sentence, 160)}>"

    def _repr_html_(self) -> str:
        rows = [(v.hypothesis, v.word, v.share, v.sentence) for v in self.verdicts]
        pictures = []
        for figure in self.figures.values():
            png = BytesIO()
            figure.savefig(png, format="png", dpi=160)
            pictures.append(html.picture(png.getvalue(), round(figure.get_figwidth() * 96)))
        return html.block(
            self.headline or self.sentence,
            html.paragraph(self.question),
            html.paragraph(f"Provisional: {self.status}" if self.status else ""),
            html.table(["hypothesis", "verdict", "share", "what was found"], rows),
            *pictures,
            html.folded(f"Table ({len(self.table):,} rows)", html.frame(self.table)),
            *map(html.paragraph, self.notes),
        )

    def verdict(self, hypothesis: str) -> Verdict:
        """The verdict on a hypothesis.

        Raises
        ------
        UnknownNameError
            If the finding has no verdict on it.
        """
        for verdict in self.verdicts:
            if verdict.hypothesis == hypothesis:
                return verdict
        raise UnknownNameError(hypothesis, [v.hypothesis for v in self.verdicts], "verdict")

    @property
    def sentence(self) -> str:
        """The finding in one plain sentence."""
        parts = "; ".join(v.sentence.rstrip(".") for v in self.verdicts) or self.headline
        return f"{'Provisional: ' if self.status else ''}{parts}."

    def save(self, folder: Path) -> list[Path]:
        """Write NAME.csv, NAME.json (run record and verdicts), NAME.txt (sentences) and each figure as PNG.

        Returns
        -------
        list of Path
            The files written.
        """
        folder.mkdir(parents=True, exist_ok=True)
        files = [folder / f"{self.name}.{ending}" for ending in ("csv", "json", "txt")]
        self.table.to_csv(files[0], index=False, float_format="%.8g")
        record = {
            "finding": self.sentence,
            "status": self.status,
            "question": self.question,
            "verdicts": [
                {**asdict(v), "share": v.share, "interval": v.interval, "word": v.word} for v in self.verdicts
            ],
            "notes": self.notes,
            "thresholds": {"supported": SUPPORTED, "mostly": MOSTLY, "depends": DEPENDS},
            "record": self.record,
        }
        files[1].write_text(json.dumps(record, indent=2, ensure_ascii=False, default=str) + "\n", encoding="utf-8")
        files[2].write_text(
            "\n".join([self.question, "", self.sentence, "", *(v.reasons for v in self.verdicts), "", *self.notes])
            + "\n",
            encoding="utf-8",
        )
        for name, figure in self.figures.items():
            path = folder / f"{name}.png"
            figure.savefig(path, dpi=160)
            files.append(path)
        return files


def stale(record: Mapping[str, Any], model: Model) -> str:
    """Reason why the record of a finding is not of the model as it is now; empty if it is.

    Parameters
    ----------
    record
        The run record of a finding, `Finding.record` or the key `record` of its JSON file.
    model
        The composition that stands.
    """
    made = str(record.get("composition") or record.get("model_hash") or "")
    if made == model.fingerprint:
        return ""
    which = "composition" if record.get("composition") else "changed model"
    return f"The finding is of another {which} ({made[:12] or 'not named'}; this one is {model.fingerprint[:12]})."


def status(model: Model) -> str:
    """Reason why a finding of this model is provisional; empty if it is not."""
    if len(model.sectors) >= SECTORS:
        return ""
    inputs = sorted({v.origin for v in model.equations.values() if v.role == "input"})
    return (
        f"The model has {len(model.sectors)} of {SECTORS} sectors ({_listed(model.sectors)}); what comes from "
        f"{_listed(inputs)} is constant."
    )


def _listed(sectors: Iterable[str]) -> str:
    """Names of sectors for readers."""
    return ", ".join(s.replace("rd_", "RnD ").replace("_", " ") for s in sectors)
