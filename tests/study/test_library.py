"""A library of experiments from a folder made by hand: what is listed, what a row needs, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from sdmodel.core.errors import DesignError, UnknownNameError
from sdmodel.study.library import Library
from sdmodel.study.question import Question
from sdmodel.study.question_file import digest_of

PLAIN = """
asks = "Does a help?"
plan = "Run it."
samples = 7
every = 0.25
headline = {text = "It does"}
arms = {none = {}, a = {"size" = 1.0}}
measures = {own = "final('stock')"}
[[prediction]]
id = "H01"
says = "that a helps"
arm = "a"
against = "none"
outcome = "own"
by = "difference"
expects = "more"
unit = "firms"
least = 0.5
label = "emergent"
reason = "x"
"""
HYPOTHESES = '[H01]\nclaims = ["C01"]\nen = "It helps."\npaper = "有帮助。"\nasked_zh = "问"\ncannot = "No."\n'
RECOMMENDED = ('[[recommendation]]\nid = "1"\nsection = "3.1.1"\nen = "Do"\nzh = "做"\ninstruments = ["P01"]\n'
               'predictions = ["H01 (early)"]\n')  # fmt: skip
TERM = '[[term]]\nen = "push"\nzh = "助推"\nmeans = "Money."\nmeans_zh = "钱"\nnot = ["推动"]\n'
FILES = {
    "one.toml": PLAIN, "two.toml": PLAIN.replace("asks", 'overlays = ["o.mdl"]\nasks'), "own.toml": 'asks = "?"\n',
    "own.py": "", "hypotheses.toml": HYPOTHESES, "recommendations.toml": RECOMMENDED, "glossary.toml": TERM,
    "words.zh.toml": '[words]\n"a" = "甲"\n', "words.de.toml": "", "words.old.zh.toml": "", "words.zh.txt": "",
    "overlays/o.mdl": "a = 1 ~~|",
}  # fmt: skip
Make = Callable[..., Library]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def made(**changed: str | None) -> Library:
        for name, text in {**FILES, **{k.replace("_", "."): v for k, v in changed.items()}}.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            if text is not None:
                (tmp_path / name).write_text(text, encoding="utf-8")
        return Library(tmp_path, lambda name: SimpleNamespace(experiment=lambda *given: (name, *given)))

    return made


def test_experiments_are_the_files_that_are_no_tables(make: Make) -> None:
    library = make()
    assert library.names == ["one", "own", "two"]
    assert library.languages == ["en", "de", "zh"]
    assert library["own"] == ("own", "own", {"asks": "?"})  # by the module beside it
    one, two = library["one"], library["two"]
    assert isinstance(one, Question)
    assert isinstance(two, Question)
    assert (one.name, one.asks, one.plan, one.samples, one.every) == ("one", "Does a help?", "Run it.", 7, 0.25)
    assert one.overlays == {}
    assert two.overlays == {"o.mdl": "a = 1 ~~|"}
    assert one.digest != two.digest
    assert len(digest_of({})) == len(one.digest)
    assert one.shared is two.shared is not None
    with pytest.raises(UnknownNameError, match=r"no experiment 'tow'.*There are one, own, two\."):
        library.check("tow")


def test_questions_whose_reference_is_the_model_share_its_runs(make: Make) -> None:
    """`two` has an overlay and `three` an arm first that sets something; neither has the model as its reference."""
    three = PLAIN.replace("none = {}", 'none = {"size" = 2.0}').replace("final('stock')", "final('third')")
    library = make(three_toml=three, one_toml=PLAIN.replace("final('stock')", "final('first')"))
    one, three_ = library["one"], library["three"]
    assert isinstance(one, Question)
    assert isinstance(three_, Question)
    assert one.shares_reference
    assert not three_.shares_reference
    assert one.shared is not None
    assert one.shared._everything({"all firms": 1}) == ["all firms", "first"]


def test_the_paper_is_read_in_its_languages(make: Make) -> None:
    library = make()
    one = library.hypotheses["H01"]
    assert (one.id, one.claims, one.says) == ("H01", ("C01",), {"en": "It helps.", "zh": "有帮助。"})
    assert (one.asked, one.left_out, one.cannot) == ({"zh": "问"}, {}, {"en": "No."})
    (advice,) = library.recommendations
    assert (advice.id, advice.section, advice.says) == ("1", "3.1.1", {"en": "Do", "zh": "做"})
    assert (advice.instruments, advice.predictions) == (("P01",), ("H01 (early)",))
    (term,) = library.glossary
    assert (term.says, term.means) == ({"en": "push", "zh": "助推"}, {"en": "Money.", "zh": "钱"})
    assert term.refused == ("推动",)
    assert library.translation("zh")("a") == "甲"
    assert library.translation("en")("a") == "a"
    with pytest.raises(UnknownNameError, match=r"no language 'fr'.*There are en, de, zh\."):
        library.translation("fr")


def test_a_package_need_not_have_recommendations_or_a_glossary(make: Make) -> None:
    library = make(recommendations_toml=None, glossary_toml=None)
    assert (library.recommendations, library.glossary) == ([], [])


@pytest.mark.parametrize(
    ("file", "text", "part", "message"),
    [
        ("recommendations", RECOMMENDED.replace("H01", "H02"), "recommendations", "It is in recommendation 1"),
        ("recommendations", RECOMMENDED.replace('zh = "做"\n', ""), "recommendations", "'1' lacks 'zh'"),
        ("recommendations", RECOMMENDED.replace('id = "1"\n', ""), "recommendations", r"'\?' lacks 'id'"),
        ("recommendations", RECOMMENDED + 'why = "x"\n', "recommendations", "key of recommendations.toml 'why'"),
        ("hypotheses", HYPOTHESES.replace('claims = ["C01"]\n', ""), "hypotheses", "'H01' lacks 'claims'"),
        ("hypotheses", HYPOTHESES + 'asked_fr = "x"\n', "hypotheses", "'asked_fr'"),
        ("glossary", TERM.replace('en = "push"\n', ""), "glossary", "lacks 'en'"),
        ("glossary", TERM + "[", "glossary", "glossary.toml is not valid TOML"),
    ],
)  # fmt: skip
def test_a_faulty_row_is_refused_by_name(make: Make, file: str, text: str, part: str, message: str) -> None:
    library = make(**{f"{file}_toml": text})
    with pytest.raises((DesignError, UnknownNameError), match=message):
        getattr(library, part)
