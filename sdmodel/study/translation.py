"""Sentences with figures, in English and in the languages there are tables for (`words.LANG.toml`)."""

from __future__ import annotations

from functools import cache
from typing import Any

from sdmodel.core.errors import UnknownNameError
from sdmodel.core.resources import shipped

ENGLISH = "en"


class Say(str):
    """An English sentence made from a template and its values, so that it can be said in another language too."""

    template: str
    values: dict[str, Any]

    def __new__(cls, template: str, **values: Any) -> Say:
        """Fill the template as `str.format` does."""
        self = super().__new__(cls, template.format(**values))
        self.template, self.values = template, values
        return self


def said(text: str, lang: str) -> str:
    """A text in a language: its template is looked up, and filled with its values.

    Raises
    ------
    UnknownNameError
        If there is no table for the language, or the table lacks the text.
    """
    if lang == ENGLISH:
        return text
    table = _table(lang)
    template, values = (text.template, text.values) if isinstance(text, Say) else (str(text), {})
    if template not in table:
        raise UnknownNameError(template, table, "text", f"It is not in words.{lang}.toml.")
    # A value may be the name of an arm, which has a translation, or a date or the name of a variable, which has none.
    told = {
        name: said(value, lang) if isinstance(value, Say) or (isinstance(value, str) and value in table) else value
        for name, value in values.items()
    }
    return table[template].format(**told) if values else table[template]


def known(text: str, lang: str) -> bool:
    """Whether the table of a language has a text."""
    return lang != ENGLISH and text in _table(lang)


def languages() -> list[str]:
    """Languages there are."""
    return [ENGLISH, *sorted(p.name.split(".")[1] for p in shipped("experiments").glob("words.*.toml"))]


@cache
def _table(lang: str) -> dict[str, str]:
    import tomllib

    if lang not in languages():
        raise UnknownNameError(lang, languages(), "language", f"There are {', '.join(languages())}.")
    text = (shipped("experiments") / f"words.{lang}.toml").read_text(encoding="utf-8")
    table: dict[str, str] = tomllib.loads(text)["words"]
    return table
