"""Page of the confidence tests, docs/models/confidence.md: `python docs/_generate/confidence_page.py [SAMPLES]`.

Committed, since at full size it takes minutes, with the record beside it that the page is made from. Nothing is typed
in by hand but what each test asks.
"""

import json
import sys
import time
from pathlib import Path

from model_pages import grid, plain, put

import sdmodel
from sdmodel.study.evidence import COMPARISONS
from sdmodel.validation.confidence.result import HARD, TESTS
from sdmodel.validation.confidence.run import SAMPLES, confidence_tests

PAGES = Path(__file__).parents[1] / "models"
MODEL = "shandong"
ASKED = {
    1: "Every equation of every sector and of the composition has the unit it states. There is no list of exceptions.",
    2: "What comes into a group of stocks less what goes out is the change of the stocks, in each run of the next "
    "test. The figure is the largest difference over all of them, as a share of what there is.",
    3: "Every lever, uncertainty and switch at each end of its range, alone and with all others at random. A run must "
    "be finite, stocks must not fall below zero unless they may, and what states a range must stay in it. A corner is "
    "no plausible world: it shows that the equations hold together, and nothing else.",
    4: "Each sector alone, what comes from others held. The figure says how strongly the path shows the behaviour, as "
    "a share of its size; the limit names the behaviour and the least that counts.",
    5: "Half the step must change no outcome by more than 0.1 % of its largest value in the run.",
    6: "The base run of the samples that history matching kept, set beside every target: the share that meets it.",
    7: "What was measured elsewhere, run as an experiment with the published treatment. The figure is the median.",
    8: "Loops found from the equations. Those that are named must run through them, and have the sign they are said to "
    "have: the product of the partial derivatives along the path, at three moments of the base run, over the sum of "
    "the sizes where a path is a bundle through several elements. The knock-out holds one link at its base path while "
    "a treatment acts; its figure is the share by which the outcome then differs.",
    9: "The same samples of everything uncertain under each policy: what numbers hang on, how often a path behaves "
    "otherwise than in the file's run, how often the effect of a policy keeps its sign, what each switch moves.",
}


def measure(samples, rng=1):
    """Run the tests: their rows, and what one needs to know to repeat them."""
    model = sdmodel.load(MODEL)
    begun = time.perf_counter()
    rows, seconds = [], {}
    for part in confidence_tests(model, samples, rng, comparisons=COMPARISONS):
        now = time.perf_counter() - begun
        seconds[part[0].test] = round(now - sum(seconds.values()), 1)
        rows += [{f: getattr(row, f) for f in row.__slots__} for row in part]
    return {
        "model": MODEL,
        "model_hash": model.fingerprint,
        "sdmodel": sdmodel.__version__,
        "samples": samples,
        "seed": rng,
        "seconds": {str(k): v for k, v in seconds.items()},
        "rows": rows,
    }


def page(record):
    """The page of a record."""
    rows = record["rows"]
    lines = [
        "# Confidence tests",
        "",
        "The tests by which the field judges a model (Forrester and Senge 1980; Barlas 1996; Sterman 2000, ch. 21), as "
        f"`sdmodel check {record['model']} --all` runs them. Those marked *must* decide the exit status of the "
        "command; the others report, and a miss there is a finding about the model. What the model is held to stands "
        "in `models/checks.toml`.",
        "",
        *grid(
            ["", "Test", "", "Passed", "Missed", "Told", "Seconds"],
            [overview(record, test) for test in TESTS],
            [6, 34, 12, 12, 12, 12, 12],
        ),
    ]
    for test, title in TESTS.items():
        mine = [row for row in rows if row["test"] == test]
        lines += [f"## {test} {title.capitalize()}", "", ASKED[test], ""]
        lines += grid(["", "", "Figure", "Limit", "", ""], [cells(row) for row in mine], [12, 28, 14, 12, 8, 26])
    lines += [
        "## Record",
        "",
        f"{record['samples']:,} random corners and {record['samples'] // 10:,} samples of half steps and sensitivity, "
        f"seed {record['seed']}; model `{record['model_hash'][:12]}`, sdmodel {record['sdmodel']}. "
        "{download}`Run record <confidence.json>`; `python docs/_generate/confidence_page.py` makes this page anew.",
    ]
    return "\n".join(lines) + "\n"


def overview(record, test):
    """A row of the first table."""
    words = [row["verdict"] for row in record["rows"] if row["test"] == test]
    counts = [str(words.count(word)) for word in ("pass", "miss", "info")]
    seconds = record["seconds"].get(str(test), 0)
    return [str(test), TESTS[test], "*must*" if test in HARD else "reports", *counts, f"{seconds:g}"]


def cells(row):
    """A row of the table of a test."""
    verdict = f"**{row['verdict']}**" if row["verdict"] == "miss" else row["verdict"]
    return [*(plain(row[k]) for k in ("kind", "name", "figure", "limit")), verdict, plain(row["text"])]


def write(folder, samples=SAMPLES):
    """Run the tests and write page and record."""
    record = measure(samples)
    put(folder / "confidence.json", json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    put(folder / "confidence.md", page(record))


if __name__ == "__main__":
    write(PAGES, int(sys.argv[1]) if len(sys.argv) > 1 else SAMPLES)
