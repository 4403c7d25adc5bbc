"""Findings: headline, verdicts, outcomes of every pair of arms, and a record of the runs; saved and loaded again."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from sdmodel.core import html
from sdmodel.core.errors import DesignError, ReadError, UnknownNameError
from sdmodel.core.text import shorten
from sdmodel.plot.style import drawing_lock
from sdmodel.study.conditions import Condition, Region
from sdmodel.study.figures import figure
from sdmodel.study.phrases import shipped_phrases
from sdmodel.study.translation import Say, Translation
from sdmodel.study.verdict import Verdict

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sdmodel.model import Model

SECTORS = 8
"""Sectors of the whole model; with fewer a finding is provisional."""
FORMAT = 2
"""Format of the JSON file."""
_TABLES = ("outcomes", "regret", "paths")


@dataclass(repr=False)
class Finding:
    """Result of an experiment: headline, verdicts, standard outcomes by pair of arms, and a run record."""

    name: str
    question: str
    verdicts: list[Verdict]
    table: pd.DataFrame = field(default_factory=pd.DataFrame)
    """Measures by arm and sample; empty in a finding that was loaded."""
    outcomes: pd.DataFrame = field(default_factory=pd.DataFrame)
    """`sdmodel.study.judging.outcomes_table`"""
    regret: pd.DataFrame = field(default_factory=pd.DataFrame)
    """`sdmodel.study.judging.regret_table`"""
    paths: pd.DataFrame = field(default_factory=pd.DataFrame)
    """`sdmodel.study.judging.paths_table`"""
    figures: dict[str, Figure] = field(default_factory=dict)
    """Further figures, by the name of their file; not loaded again."""
    record: dict[str, Any] = field(default_factory=dict)
    status: str = ""
    """Why the finding is provisional, or empty."""
    notes: list[str] = field(default_factory=list)
    headline: str = ""
    """Main result in one sentence, without full stop."""
    plan: str = ""
    """The plan written before the first run."""

    def __repr__(self) -> str:
        return f"<Finding {self.name!r}: {shorten(self.sentence, 160)}>"

    def _repr_html_(self) -> str:
        rows = [(v.hypothesis, v.says, v.word, *(f"{share:.0%}" for share in v.shares)) for v in self.verdicts]
        heads = ["hypothesis", "prediction", "verdict", "right", "no difference", "the opposite"]
        pictures = []
        for one in self.drawn().values():
            png = BytesIO()
            one.savefig(png, format="png", dpi=160)
            pictures.append(html.picture(png.getvalue(), round(one.get_figwidth() * 96)))
        return html.block(
            self.headline,
            html.paragraph(self.question),
            html.paragraph(f"Provisional: {self.status}" if self.status else ""),
            html.table(heads, rows),
            *pictures,
            html.folded(f"Outcomes ({len(self.outcomes):,} rows)", html.frame(self.outcomes)),
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

    def compare(self, arm: str, against: str) -> pd.DataFrame:
        """The rows of `outcomes` of two arms, in either order, as of the first against the second.

        The other way round samples with more and with less change places, and so do the ends of intervals; gains per
        yuan, which are against the reference, are left out.

        Raises
        ------
        UnknownNameError
            If the finding has no such arm.
        DesignError
            If it does not compare the two.
        """
        rows = self.outcomes
        found = rows[(rows["arm"] == arm) & (rows["against"] == against)]
        if len(found):
            return found
        turned = rows[(rows["arm"] == against) & (rows["against"] == arm)]
        if not len(turned):
            known = sorted({*rows["arm"], *rows["against"]})
            for name in (arm, against):
                if name not in known:
                    raise UnknownNameError(name, known, "arm")
            raise DesignError(f"'{self.name}' does not compare '{arm}' with '{against}'.")
        names = {"arm": "against", "against": "arm", "favour": "opposite", "opposite": "favour", "low": "high",
                 "high": "low"}  # fmt: skip
        out = turned.rename(columns=names)[rows.columns]
        for name in ("median", "low", "high"):  # of percent the base is the other arm; the order of samples is turned
            percent = out[name].where(out[name] > -100)
            out[name] = (100 * (100 / (100 + percent) - 1)).where(out["unit"] == "%", -out[name])
        return out.assign(per_yuan=math.nan, per_yuan_low=math.nan, per_yuan_high=math.nan)

    @property
    def sentence(self) -> str:
        """The headline, and that the finding is provisional if it is."""
        return f"{'Provisional: ' if self.status else ''}{self.headline}."

    def drawn(self, translation: Translation | None = None) -> dict[str, Figure]:
        """The figure of the finding in a language, by its name, and further figures."""
        own = {self.name: figure(self, translation or Translation())} if self.verdicts else {}
        return {**own, **self.figures}

    # -- files --------------------------------------------------------------------------------------------------
    def save(self, folder: Path) -> list[Path]:
        """Write figures as PNG, NAME.csv, NAME.txt (headline, verdicts, reasons) and, last, NAME.json for `load`.

        Returns
        -------
        list of Path
            The files written, the figure of the finding first.
        """
        folder.mkdir(parents=True, exist_ok=True)
        files = []
        for name, one in self.drawn().items():
            files.append(folder / f"{name}.png")
            with drawing_lock:
                one.savefig(files[-1], dpi=160)
        table, text, data = (folder / f"{self.name}.{ending}" for ending in ("csv", "txt", "json"))
        self.table.to_csv(table, index=False, float_format="%.8g")
        text.write_text("\n".join(self._lines()) + "\n", encoding="utf-8")
        made = json.dumps(_saved(self._data()), indent=1, ensure_ascii=False, allow_nan=False)
        part = data.with_suffix(".part")
        part.write_text(made + "\n", encoding="utf-8")
        part.replace(data)  # a run that is cut off leaves no half of a finding
        return [*files, table, text, data]

    @classmethod
    def load(cls, path: Path) -> Finding:
        """Read a finding from its JSON file; it lacks the table of samples and further figures.

        Raises
        ------
        ReadError
            If the file is not one that `save` wrote, or of another format.
        """
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            if data.get("format") != FORMAT:
                raise ReadError(f"{path.name} has the format {data.get('format')}; this version reads {FORMAT}.")
            return cls(
                data["name"],
                data["question"],
                [_verdict(row) for row in data["verdicts"]],
                record=data["record"],
                status=data["status"],
                notes=[_text(note) for note in data["notes"]],
                headline=_text(data["headline"]),
                plan=data["plan"],
                outcomes=_frame(data["outcomes"]),
                regret=_frame(data["regret"]),
                paths=_frame(data["paths"]),
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ReadError(f"{path.name} is not a saved finding: {error}.") from None

    def _lines(self) -> list[str]:
        phrases = shipped_phrases()
        lines = [self.sentence, "", self.question, ""]
        for v in self.verdicts:
            lines += [str(v.sentence), *(f"  {reason}" for reason in v.reasons(phrases)), ""]
        return [*lines, *map(str, self.notes)]

    def _data(self) -> dict[str, Any]:
        verdicts = [
            {**asdict(v), "samples": v.samples, "shares": v.shares, "intervals": v.intervals, "word": v.word}
            for v in self.verdicts
        ]
        tables = {name: getattr(self, name).to_dict("list") for name in _TABLES}
        return {
            "format": FORMAT,
            "name": self.name,
            "headline": self.headline,
            "question": self.question,
            "status": self.status,
            "verdicts": verdicts,
            "notes": self.notes,
            "plan": self.plan,
            "record": self.record,
            **tables,
        }


def _saved(value: Any) -> Any:
    """A value as JSON can hold it: sentences with their templates, numbers that are none as null."""
    match value:
        case Say():
            return {"template": value.template, "values": _saved(value.values)}
        case dict():
            return {str(k): _saved(v) for k, v in value.items()}
        case list() | tuple():
            return [_saved(v) for v in value]
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else (None if math.isnan(value) else str(value))
    return _saved(value.item()) if hasattr(value, "item") else str(value)


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


def _text(value: Any) -> str:
    """A sentence from its template and values."""
    if not isinstance(value, dict):
        return str(value)
    return Say(value["template"], **{name: _value(one) for name, one in value["values"].items()})


def _value(one: Any) -> Any:
    if isinstance(one, dict):
        return _text(one)
    return _number(one) if one is None or one in ("inf", "-inf") else one


def _frame(columns: dict[str, list[Any]]) -> pd.DataFrame:
    """A table from its columns, with NaN for null."""
    return pd.DataFrame({name: [math.nan if v is None else v for v in values] for name, values in columns.items()})


def _verdict(row: dict[str, Any]) -> Verdict:
    """A verdict from its row."""
    given = {name: row[name] for name in Verdict.__dataclass_fields__}
    given["effect"] = tuple(map(_number, row["effect"]))
    given["deciding"] = tuple(
        Condition(c["name"], c["side"], _triple(c["inside"]), _triple(c["outside"])) for c in row["deciding"]
    )
    given["loops"] = tuple((name, _number(value)) for name, value in row["loops"])
    given["elsewhere"] = tuple((str(label), int(a), int(b), int(c)) for label, a, b, c in row["elsewhere"])
    if region := row["region"]:
        limits = tuple((name, float(low), float(high)) for name, low, high in region["limits"])
        given["region"] = Region(**{**region, "limits": limits, "sides": tuple(map(tuple, region["sides"]))})
    return Verdict(**given)


def _triple(values: list[Any]) -> tuple[float, float, float]:
    first, second, third = map(_number, values)
    return first, second, third


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


def current(record: Mapping[str, Any], model: Model, digest: str, samples: int, seed: int) -> bool:
    """Whether a saved finding is what asking now would give: same model, question, samples and seed.

    Parameters
    ----------
    record
        `Finding.record`.
    model, digest, samples, seed
        The composition, `Question.digest`, and what is asked for.
    """
    asked = {"composition": model.fingerprint, "digest": digest, "samples": samples, "seed": seed}
    return bool(digest) and all(record.get(key) == value for key, value in asked.items())


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
