"""Pieces of the page in one language: texts, numbers with units, bars of three shares, paths as SVG."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sdmodel.study.numbers import MILLION_CNY, OWN_UNITS, PERCENT, interval, number, share
from sdmodel.study.paired import PUBLIC
from sdmodel.study.phrases import Phrases
from sdmodel.study.translation import Translation

if TYPE_CHECKING:
    from sdmodel.study.verdict import Verdict

Shares = tuple[float, float, float]


@dataclass(frozen=True)
class Shown:
    """How a standard outcome is named, and the unit and scale of its level."""

    words: str
    unit: str
    scale: float = 1.0
    yearly: bool = False


OUTCOMES = {
    "new product revenue": Shown("revenue from new products", MILLION_CNY, yearly=True),
    "own RnD": Shown("RnD that firms pay for", MILLION_CNY, yearly=True),
    "all firms": Shown("number of firms", "firms"),
    "five year survival": Shown("new firms that live five years", PERCENT, 100.0),
    "knowledge": Shown("knowledge of firms", MILLION_CNY),
    "private capital": Shown("private venture money", MILLION_CNY, yearly=True),
    "RnD staff": Shown("RnD staff", "persons"),
    "service coverage": Shown("need for services that is met", PERCENT, 100.0),
    "self organisation index": Shown("self-organisation index", "of 100", 100.0),
    PUBLIC: Shown("public money", MILLION_CNY),
}
"""In the order in which they are shown."""


@dataclass(frozen=True)
class Line:
    """A path with a band."""

    label: str
    time: Sequence[float]
    middle: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


class Words:
    """Pieces of the page in one language; every text that leaves it is safe in HTML."""

    def __init__(self, translation: Translation, phrases: Phrases) -> None:
        self.translation, self.phrases, self.lang = translation, phrases, translation.lang

    def say(self, text: str) -> str:
        """A text in the language of the page."""
        return html.escape(self.translation(text))

    def number(self, value: float, unit: str = "", *, signed: bool = False, least: float = 0.1) -> str:
        """A number with its unit."""
        text = html.escape(number(value, self._unit(unit), self.lang, signed=signed, least=least))
        return text.replace(" ", "&nbsp;") if unit in OWN_UNITS else text

    def effect(self, effect: Shares, unit: str, *, least: float = 0.1) -> str:
        """A signed median with its interval, which does not repeat a unit of several words."""
        middle, low, high = effect
        spread = interval(low, high, unit if unit in (PERCENT, MILLION_CNY) else "", self.lang, signed=True)
        return f"<b>{self.number(middle, unit, signed=True, least=least)}</b> <small>({html.escape(spread)})</small>"

    def spread(self, low: float, high: float, unit: str = "") -> str:
        """Two ends of an interval."""
        return html.escape(interval(low, high, self._unit(unit), self.lang))

    def share(self, value: float) -> str:
        """A share in percent."""
        return html.escape(share(value, self.lang))

    def outcome(self, name: str) -> str:
        """A standard outcome, or a measure of a question, in words."""
        return self.say(OUTCOMES[name].words if name in OUTCOMES else name)

    def heading(self, name: str) -> str:
        """The same with a capital letter."""
        text = self.translation(OUTCOMES[name].words if name in OUTCOMES else name)
        return html.escape(text[:1].upper() + text[1:])

    def where(self, name: str, side: str) -> str:
        """The clause for a side of a constant."""
        return html.escape(self.phrases(name, side, self.lang))

    def _unit(self, unit: str) -> str:
        return self.translation(unit) if unit and unit not in OWN_UNITS else unit

    # -- pieces -------------------------------------------------------------------------------------------------
    def bar(self, shares: Shares, *, small: bool = False) -> str:
        """Three shares as one bar: for, no difference that counts, against."""
        names = ("for", "none", "against")
        told = ", ".join(f"{self.share(s)} {self.say(_SIDES[name])}" for name, s in zip(names, shares, strict=True))
        parts = []
        for name, part in zip(names, shares, strict=True):
            if not math.isfinite(part) or part <= 0:
                continue
            text = "" if small or part < 0.08 else f"{100 * part:.0f}"
            parts.append(f'<i class="{name}" style="flex-grow:{part:.4f}">{text}</i>')
        kind = "bar small" if small else "bar"
        return f'<span class="{kind}" role="img" aria-label="{told}">{"".join(parts)}</span>'

    def key(self) -> str:
        """What the colours of the bars mean."""
        entries = "".join(f'<span><i class="{name}"></i>{self.say(text)}</span>' for name, text in _SIDES.items())
        return f'<p class="key">{self.say("Of 100 samples:")} {entries}</p>'

    def badge(self, word: str) -> str:
        """The word of a verdict."""
        return f'<b class="word {kind(word)}">{self.say(word)}</b>'

    def chart(self, lines: Sequence[Line], unit: str, *, title: str, start: float | None = None) -> str:
        """Paths as SVG with a list of what the colours mean if there are several; the caption names the unit."""
        wide, high, left, right, top, bottom = 320, 170, 62, 8, 10, 22
        factor, shown = (1e6, "") if unit == MILLION_CNY else (1.0, unit if unit == PERCENT else "")
        times = np.concatenate([np.asarray(one.time, float) for one in lines])
        values = np.concatenate([np.asarray([*one.low, *one.high, *one.middle], float) for one in lines])
        values = values[np.isfinite(values)]
        if not len(values):
            return ""
        ticks = _ticks(float(values.min()), float(values.max()))
        first, last = float(times.min()), float(times.max())
        span = max(ticks[-1] - ticks[0], np.finfo(float).tiny)

        def x(t: float) -> float:
            return left + (wide - left - right) * (t - first) / max(last - first, 1e-9)

        def y(value: float) -> float:
            return high - bottom - (high - top - bottom) * (value - ticks[0]) / span

        def points(at: Iterable[float], of: Iterable[float]) -> str:
            return " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in zip(at, of, strict=True))

        signed = ticks[0] < 0
        parts = [
            f'<line class="grid{" zero" if tick == 0 and signed else ""}" x1="{left}" x2="{wide - right}" '
            f'y1="{y(tick):.1f}" y2="{y(tick):.1f}"/><text class="tick" x="{left - 6}" y="{y(tick) + 3.5:.1f}" '
            f'text-anchor="end">{self.number(factor * tick, shown, signed=signed)}</text>'
            for tick in ticks
        ]
        years = [t for t in range(math.ceil(first), math.floor(last) + 1) if t % 5 == 0]
        years = [t for t in years if x(t) <= wide - 18]
        parts += [f'<text class="tick" x="{x(t):.1f}" y="{high - 6}" text-anchor="middle">{t}</text>' for t in years]
        if start is not None and first < start < last:
            parts.append(
                f'<line class="start" x1="{x(start):.1f}" x2="{x(start):.1f}" y1="{top}" y2="{high - bottom}"/>'
            )
        for i, one in enumerate(lines):
            if i == 0:
                ends = points([*one.time, *reversed(one.time)], [*one.low, *reversed(one.high)])
                parts.append(f'<polygon class="band" points="{ends}"/>')
        for i, one in enumerate(lines):
            parts.append(f'<polyline class="line c{i % 6}" points="{points(one.time, one.middle)}"/>')
        named = [(i, one.label) for i, one in enumerate(lines) if one.label]
        keys = "".join(f'<span><i class="c{i % 6}"></i>{self.say(label)}</span>' for i, label in named)
        shown = f'<p class="key lines">{keys}</p>' if len(lines) > 1 else ""
        head = f'<svg viewBox="0 0 {wide} {high}" role="img" aria-label="{html.escape(title)}">'
        return f"{head}{''.join(parts)}</svg>{shown}"

    def folded(self, title: str, *parts: str) -> str:
        """Parts under a title that opens on a click; nothing if they are empty. The title is safe already."""
        inside = "".join(parts)
        return f"<details><summary>{title}</summary>{inside}</details>" if inside else ""


_SIDES = {"for": "as the paper says", "none": "no difference that counts", "against": "the opposite"}
KINDS = {
    "holds": "yes",
    "mostly": "yes",
    "the opposite": "no",
    "the opposite, mostly": "no",
    "makes no difference": "same",
}


def kind(word: str) -> str:
    """Class of a verdict: yes, no, same or open."""
    return KINDS.get(word, "open")


def natural(verdict: Verdict) -> Shares:
    """The effect of a verdict with the sign of the outcome; verdicts are signed so that + is what the paper says."""
    middle, low, high = verdict.effect
    return (-middle, -high, -low) if verdict.expects == "less" else verdict.effect


def _ticks(low: float, high: float) -> list[float]:
    """Three to six round numbers from zero over a range; at most two digits each, as `number` writes."""
    low, high = min(low, 0.0), max(high, 0.0)
    span = high - low
    if span < 1e-9:
        return [0.0, 1.0]
    step = 10 ** math.floor(math.log10(span / 2))
    step *= next(m for m in (1, 2, 5) if span / (m * step) <= 4)  # it is a twentieth of the span at least
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(step * k, 12) for k in range(first, max(last, first + 1) + 1)]
