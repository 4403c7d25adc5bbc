"""The experiments of a package: a file of data each, a module beside it where data are not enough, and their words."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

from sdmodel.core.errors import DesignError, UnknownNameError
from sdmodel.study.question import Question
from sdmodel.study.question_file import known, question_of, table_of
from sdmodel.study.shared import Shared
from sdmodel.study.translation import ENGLISH, Translation

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from sdmodel.model import Model
    from sdmodel.study.finding import Finding

HYPOTHESES, RECOMMENDATIONS, GLOSSARY = "hypotheses.toml", "recommendations.toml", "glossary.toml"


class Experiment(Protocol):
    """Protocol of experiments: a `Question`, or a module's own `experiment`."""

    @property
    def name(self) -> str:
        """Name of the experiment."""

    @property
    def asks(self) -> str:
        """The question, in one sentence."""

    @property
    def plan(self) -> str:
        """The plan written before the first run."""

    @property
    def samples(self) -> int:
        """Number of samples, unless another is asked for."""

    @property
    def digest(self) -> str:
        """Hash of its file, by which a kept finding is known to answer it."""

    def ask(
        self,
        samples: int | None = None,
        seed: int = 1,
        *,
        workers: int | None = None,
        progress: bool | None = None,
        model: Model | None = None,
    ) -> Finding:
        """Run the experiment and judge its predictions."""


@dataclass(frozen=True)
class Hypothesis:
    """A prediction of the paper; texts by language."""

    id: str
    claims: tuple[str, ...]
    says: Mapping[str, str]
    """The sentence of the paper (zh) and its translation."""
    asked: Mapping[str, str] = field(default_factory=dict)
    """How it is asked here."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """What that leaves out."""
    cannot: Mapping[str, str] = field(default_factory=dict)
    """Why it cannot be asked here; empty if it can."""


@dataclass(frozen=True)
class Recommendation:
    """A recommendation of the paper, the instruments it is about, and the predictions that bear on it."""

    id: str
    """Number of its section, such as 3.1.1."""
    section: str
    says: Mapping[str, str]
    """By language."""
    instruments: tuple[str, ...]
    """Ids of levers, such as P01."""
    predictions: tuple[str, ...]
    """Ids of hypotheses, with the word in brackets where one prediction is meant."""


@dataclass(frozen=True)
class Term:
    """A word of the report with what it means; texts by language."""

    says: Mapping[str, str]
    means: Mapping[str, str]
    refused: tuple[str, ...]
    """Chinese words for the same that no text of ours may use."""


@dataclass(frozen=True)
class Library:
    """The experiments of a package.

    Parameters
    ----------
    folder
        With a file ``NAME.toml`` for each experiment, ``hypotheses.toml``, ``words.LANG.toml`` and ``overlays``.
    load
        Returns the module of an experiment that is no question; called only where ``NAME.py`` lies in the folder.

    Examples
    --------
    >>> from sdmodel.experiments import LIBRARY
    >>> LIBRARY["procurement"].asks
    'Does public procurement of new products help, and more than grants for the same money?'
    """

    folder: Traversable
    load: Callable[[str], ModuleType]

    @cached_property
    def names(self) -> list[str]:
        """Names of the experiments."""
        found = [entry.name for entry in self.folder.iterdir() if entry.name.endswith(".toml")]
        others = (HYPOTHESES, RECOMMENDATIONS, GLOSSARY)
        return sorted(name[:-5] for name in found if name not in others and not name.startswith("words."))

    def __getitem__(self, name: str) -> Experiment:
        self.check(name)
        table = table_of(name, self._text(f"{name}.toml"))
        if self.folder.joinpath(f"{name}.py").is_file():
            own: Experiment = self.load(name).experiment(name, table)
            return own
        overlays = {file: self._text("overlays", file) for file in table.get("overlays", ())}
        return question_of(name, table, overlays, self._shared)

    def check(self, name: str) -> None:
        """Raise if there is no experiment of this name.

        Raises
        ------
        UnknownNameError
            If there is none; the message lists similar names.
        """
        if name not in self.names:
            raise UnknownNameError(name, self.names, "experiment", f"There are {', '.join(self.names)}.")

    @cached_property
    def hypotheses(self) -> dict[str, Hypothesis]:
        """The predictions of the paper by id."""
        return {name: _hypothesis(name, row) for name, row in table_of("hypotheses", self._text(HYPOTHESES)).items()}

    @cached_property
    def recommendations(self) -> list[Recommendation]:
        """The recommendations of the paper, in its order; none if the package has no list of them."""
        if not self.folder.joinpath(RECOMMENDATIONS).is_file():
            return []
        rows = table_of("recommendations", self._text(RECOMMENDATIONS))["recommendation"]
        found = [_recommendation(row) for row in rows]
        for one in found:
            for name in one.predictions:
                if name.partition(" ")[0] not in self.hypotheses:
                    raise UnknownNameError(name, self.hypotheses, "hypothesis", f"It is in recommendation {one.id}.")
        return found

    @cached_property
    def glossary(self) -> list[Term]:
        """The words of the report, in the order in which they are shown; none if the package has no list of them."""
        if not self.folder.joinpath(GLOSSARY).is_file():
            return []
        return [_term(row) for row in table_of("glossary", self._text(GLOSSARY))["term"]]

    @cached_property
    def languages(self) -> list[str]:
        """Languages with a table of translations."""
        found = [entry.name.split(".") for entry in self.folder.iterdir()]
        return [ENGLISH, *sorted(parts[1] for parts in found if parts[0] == "words" and parts[2:] == ["toml"])]

    def translation(self, lang: str) -> Translation:
        """Texts in a language.

        Raises
        ------
        UnknownNameError
            If there is no table for it.
        """
        if lang not in self.languages:
            raise UnknownNameError(lang, self.languages, "language", f"There are {', '.join(self.languages)}.")
        if lang == ENGLISH:
            return Translation()
        return Translation(lang, tomllib.loads(self._text(f"words.{lang}.toml"))["words"])

    @cached_property
    def _shared(self) -> Shared:
        """Runs of the model as it is, for all questions of a process."""

        def everything(model: Model) -> list[str]:
            asked = [q for q in map(self.__getitem__, self.names) if isinstance(q, Question) and q.shares_reference]
            return list(dict.fromkeys(v for q in asked for v in q.outputs(model)))

        return Shared(everything)

    def _text(self, *parts: str) -> str:
        return self.folder.joinpath(*parts).read_text(encoding="utf-8")


def _hypothesis(name: str, row: Mapping[str, Any]) -> Hypothesis:
    texts = ("asked_en", "asked_zh", "left_out_en", "left_out_zh", "cannot", "cannot_zh")
    _whole({"id": name, **row}, ("claims", ENGLISH, "paper"), HYPOTHESES, texts)
    asked, left_out = (_by_language(row, f"{key}_") for key in ("asked", "left_out"))
    cannot = {lang: row[key] for lang, key in ((ENGLISH, "cannot"), ("zh", "cannot_zh")) if key in row}
    says = {ENGLISH: row[ENGLISH], "zh": row["paper"]}
    return Hypothesis(name, tuple(row["claims"]), says, asked, left_out, cannot)


def _by_language(row: Mapping[str, Any], prefix: str) -> dict[str, str]:
    return {key.removeprefix(prefix): text for key, text in row.items() if key.startswith(prefix)}


def _recommendation(row: Mapping[str, Any]) -> Recommendation:
    _whole(row, ("section", ENGLISH, "zh", "instruments", "predictions"), RECOMMENDATIONS)
    says = {lang: row[lang] for lang in (ENGLISH, "zh")}
    return Recommendation(row["id"], row["section"], says, tuple(row["instruments"]), tuple(row["predictions"]))


def _term(row: Mapping[str, Any]) -> Term:
    _whole({"id": row.get(ENGLISH), **row}, (ENGLISH, "zh", "means", "means_zh", "not"), GLOSSARY)
    says, means = {lang: row[lang] for lang in (ENGLISH, "zh")}, {ENGLISH: row["means"], "zh": row["means_zh"]}
    return Term(says, means, tuple(row["not"]))


def _whole(row: Mapping[str, Any], needed: Sequence[str], file: str, more: Sequence[str] = ()) -> None:
    """Raise for unknown keys and for keys that are needed and missing."""
    known(row, ("id", *needed, *more), file.removesuffix(".toml"))
    for key in ("id", *needed):
        if key not in row:
            raise DesignError(f"{file}: '{row.get('id', '?')}' lacks '{key}'.")
