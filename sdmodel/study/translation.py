"""Sentences with figures, in English and in other languages by tables of templates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

ENGLISH = "en"


class Say(str):
    """An English sentence made from a template and its values, so that it can be translated.

    Examples
    --------
    >>> Say("{share:.0%} of samples", share=0.5)
    '50% of samples'
    """

    template: str
    values: dict[str, Any]

    def __new__(cls, template: str, **values: Any) -> Say:
        """Fill the template as `str.format` does."""
        self = super().__new__(cls, template.format(**values))
        self.template, self.values = template, values
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _say, (self.template, self.values)


def _say(template: str, values: dict[str, Any]) -> Say:
    return Say(template, **values)


@dataclass(frozen=True)
class Translation:
    """Texts in a language; English where the table lacks one, which is then listed in `missing`.

    Examples
    --------
    >>> chinese = Translation("zh", {"{share:.0%} of samples": "{share:.0%} 的样本"})
    >>> chinese(Say("{share:.0%} of samples", share=0.5))
    '50% 的样本'
    >>> chinese("not there"), sorted(chinese.missing)
    ('not there', ['not there'])
    """

    lang: str = ENGLISH
    table: Mapping[str, str] = field(default_factory=dict)
    """Text or template in the language, by the English one."""
    missing: set[str] = field(default_factory=set, compare=False)
    """Requested texts that are not in the table."""

    def __contains__(self, text: str) -> bool:
        return text in self.table

    def __call__(self, text: str) -> str:
        """A text in the language; a template is looked up and filled with its values, themselves translated."""
        if self.lang == ENGLISH:
            return text
        template, values = (text.template, text.values) if isinstance(text, Say) else (str(text), {})
        if template not in self.table:
            self.missing.add(template)
            return text
        # A value may be the name of an arm, which has a translation, or the name of a variable, which has none.
        filled = {
            name: self(value) if isinstance(value, Say) or (isinstance(value, str) and value in self.table) else value
            for name, value in values.items()
        }
        return self.table[template].format(**filled) if values else self.table[template]


def hypothesis_in(hypothesis: str, say: Callable[[str], str]) -> str:
    """An id such as `H07 (ranking)` with its word in a language."""
    name, found, word = hypothesis.partition(" (")
    return f"{name} ({say(word.rstrip(')'))})" if found else name
