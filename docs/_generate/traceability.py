"""Traceability: how each id of the paper is answered, from the model files and `models/traced.toml`.

`answers()` reads the markers of the sectors (levers and citations), the figures file, the data files of the models, the
experiments, and what `traced.toml` adds where a marker cannot say it. `faults()` says what is missing, answered
twice or points to nothing; the tests require that there is none. `write(folder)` makes the page.
"""

import csv
import re
import tomllib
from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from model_pages import ID, cited, grid, plain, put, sector_link

import sdmodel
from sdmodel.core.expression import Call, Ref
from sdmodel.core.resources import shipped
from sdmodel.experiments import LIBRARY

DOCS = Path(__file__).parents[1]
COMPOSITION = "shandong"
COUNTS = {"P": 78, "C": 143, "F": 79, "I": 20, "H": 48}
NOT_ASKED = "not asked yet"
LEDGER = "fiscal cost by instrument"
LONGEST = 6
"""Most variables between two that a link names, these included: else a path says little."""
TITLES = {
    "P": ("Instruments", "Each is a lever, or one with others in a lever, with the reason."),
    "C": (
        "Claims",
        "A claim is *cited* where an equation names it, a *link* where it stands for several equations, or *left out* "
        "for a reason. Where a way is shown, from cause to effect, a test follows it through the equations of the "
        "composed model, initial values left out. A way says that the model can express the claim; whether it holds is "
        "asked by the experiments.",
    ),
    "F": ("Figures", "Used where a variable or a data file cites it; else why nothing rests on it."),
    "I": ("Contradictions", "Where the paper contradicts itself or the world, and where that is dealt with."),
    "H": ("Hypotheses", "The experiment that asks it."),
}
CONTRADICTION = re.compile(r"^\| (I\d\d) \| (.+?) \| (.+?) \|$", re.MULTILINE)


@dataclass(frozen=True)
class Answer:
    """One answer to an id: the kind of answer, where it stands, and in words how or why."""

    id: str
    kind: str
    where: tuple[str, ...] = ()
    words: str = ""


def texts():
    """What each id says: claims, instruments and hypotheses, figures, contradictions."""
    out = {row["id"]: row["text"] for row in rows_of(DOCS / "models" / "claims.csv")}
    data = shipped("models") / "data"
    out |= {row["id"]: row["what"] for row in rows_of(data / "seed_figures.csv")}
    return out | {m[1]: m[2] for m in CONTRADICTION.finditer((data / "README.md").read_text("utf-8"))}


def answers(stated=None):
    """All answers, in the order of the ids; an id may have none or several.

    `stated` is the content of `traced.toml`, by default that of the shipped file.
    """
    stated = stated or stated_file()
    sectors = {name: sdmodel.load(name) for name in sdmodel.load(COMPOSITION).sectors}
    where = defaultdict(list)
    for model in sectors.values():
        for k, names in cited(model).items():
            where[k] += dict.fromkeys(names)
    out = [*instruments(sectors, stated), *claims(where, stated), *figures(where, stated)]
    out += [*contradictions(where, stated), *hypotheses(stated)]
    return sorted(out, key=lambda a: ("PCFIH".index(a.id[0]), int(a.id[1:]), a.kind))


def instruments(sectors, stated):
    levers = defaultdict(list)
    for model in sectors.values():
        for v in model.equations.values():
            if v.role == "lever":
                for k in v.ids:
                    levers[k].append(v)
    for k, found in levers.items():
        if own := [v.name for v in found if v.ids == (k,)]:
            yield Answer(k, "lever", tuple(own))
    for entry in stated["merged"]:
        for k in entry["ids"]:
            yield Answer(k, "merged", (entry["lever"],), entry["reason"])


def claims(where, stated):
    ways = {entry["id"]: entry for entry in stated["link"]}
    for k, names in where.items():
        if k[0] == "C":
            yield Answer(k, "cited", tuple(names), ways.get(k, {}).get("remark", ""))
    for k, entry in ways.items():
        if not where.get(k):
            yield Answer(k, "link", tuple(name for way in entry["ways"] for name in way), entry.get("remark", ""))
    for entry in stated["omitted"]:
        yield Answer(entry["id"], "left out", (), entry["reason"])


def figures(where, stated):
    rows = rows_of(shipped("models") / "data" / "seed_figures.csv")
    files = {k: found for k, found in in_data_files().items() if k[0] == "F"}
    extra = {entry["id"]: entry for entry in stated["figure"]}
    for row in rows:
        k = row["id"]
        if found := (*dict.fromkeys(where.get(k, ())), *files.get(k, ())):
            yield Answer(k, "used", found, row["use_or_reason"])
        elif row["usable"] != "yes":
            kind = {"no": "not usable", "context": "context only"}[row["usable"]]
            yield Answer(k, kind, (), row["use_or_reason"])
        if k in extra:
            yield Answer(k, "stated", tuple(listed(extra[k]["where"])), extra[k]["reason"])


def in_data_files():
    """The data files of the models that cite an id of the paper as a source."""
    out = defaultdict(list)
    for path in sorted(shipped("models").glob("*.toml")):
        if path.stem not in ("traced", "notes", "sources"):
            for text in re.findall(r'"seed, ([^"]+)"', path.read_text("utf-8")):
                for letter, first, _ in ID.findall(text):
                    if path.name not in out[letter + first]:
                        out[letter + first].append(path.name)
    return out


def contradictions(where, stated):
    rows = rows_of(shipped("models") / "data" / "seed_figures.csv")
    by_figure = defaultdict(list)
    for row in rows:
        for letter, first, _ in ID.findall(row["use_or_reason"]):
            if letter == "I":
                by_figure[f"I{first}"].append(row["id"])
    readme = (shipped("models") / "data" / "README.md").read_text("utf-8")
    follows = {m[1]: m[3] for m in CONTRADICTION.finditer(readme)}
    extra = {entry["id"]: entry for entry in stated["contradiction"]}
    for k, words in follows.items():
        if found := (*by_figure.get(k, ()), *dict.fromkeys(where.get(k, ()))):
            yield Answer(k, "noted", found, words)
        if k in extra:
            yield Answer(k, "stated", tuple(listed(extra[k]["where"])), extra[k]["reason"])


def hypotheses(stated):
    """The experiments that ask each hypothesis: those their predictions name."""
    requested = defaultdict(list)
    for name in LIBRARY.names:
        table = tomllib.loads((shipped("experiments") / f"{name}.toml").read_text("utf-8"))
        for k in dict.fromkeys(row["id"].partition(" ")[0] for row in table.get("prediction", ())):
            requested[k].append(name)
    for n in range(1, COUNTS["H"] + 1):
        k = f"H{n:02d}"
        if any(entry["id"] == k for entry in stated["omitted"]):
            continue  # said to be left out, with the reason
        yield Answer(k, "asked", tuple(requested[k])) if requested[k] else Answer(k, NOT_ASKED)


# -- what is wrong ------------------------------------------------------------------------------------------------
def faults(found, stated=None, model=None):
    """What is missing, answered twice, unknown, or points to nothing; empty if all is well."""
    stated = stated or stated_file()
    model = model or sdmodel.load(COMPOSITION)
    count = Counter(a.id for a in found)
    known = {f"{letter}{n:02d}" for letter, last in COUNTS.items() for n in range(1, last + 1)}
    out = [f"{k} is not answered" for k in sorted(known - set(count))]
    out += [f"{k} is no id of the paper" for k in sorted(set(count) - known)]
    out += [f"{a.id} is asked by no experiment" for a in found if a.kind == NOT_ASKED]
    for k in sorted(k for k, n in count.items() if n > 1):
        kinds = ", ".join(f"{a.kind} ({', '.join(a.where)})" if a.where else a.kind for a in found if a.id == k)
        out.append(f"{k} is answered {count[k]} times: {kinds}")
    for a in found:
        if a.kind in ("merged", "stated"):
            out += [f"{a.id}: there is no variable '{name}'" for name in a.where if name not in model]
        if a.kind in ("merged", "stated", "left out") and len(a.words.split()) < 5:
            out.append(f"{a.id}: '{a.words}' is no reason")
        if a.kind == "merged" and a.where[0] in model and a.id not in model[a.where[0]].ids:
            out.append(f"{a.id}: the lever '{a.where[0]}' does not carry this id")
    twice = Counter(entry["id"] for entry in stated["link"])
    out += [f"{k} has {n} entries of ways; put them into one" for k, n in twice.items() if n > 1]
    citing = {a.id: a.where for a in found if a.kind == "cited"}
    for entry in stated["link"]:
        out += broken(entry, citing.get(entry["id"], ()), model)
    return out


def broken(entry, citing, model):
    """What is wrong with the ways of a claim that `citing` name."""
    k, out, passed = entry["id"], [], set()
    out += [f"{k}: there is no variable '{name}'" for way in entry["ways"] for name in way if name not in model]
    for cause, effect in (pair for way in entry["ways"] for pair in pairwise(way)) if not out else ():
        legs = path(model, cause, effect)
        passed.update(legs)
        if not legs:
            out.append(f"{k}: '{cause}' does not drive '{effect}'")
        elif len(legs) > LONGEST:
            out.append(f"{k}: from '{cause}' to '{effect}' it is {len(legs) - 1} steps; name one between")
    if not out and citing and not passed & set(citing):
        out.append(f"{k}: no way passes what cites it ({', '.join(citing)})")
    return out


def path(model, cause, effect):
    """Names on a shortest way from `cause` to `effect` in the course of a run; empty if there is none.

    Ways through initial values do not count, nor do those through what all programmes cost: by the load on agencies
    everything that costs money moves everything else a little, and no claim is meant by that.
    """
    start, end = model[cause].key, model[effect].key
    before, todo = {start: None}, [start]
    for k in todo:
        for reader in (r for r in readers(model).get(k, ()) if r not in before and r != LEDGER):
            before[reader] = k
            todo.append(reader)
    way = [end] if end in before and end != start else []
    while way and before[way[-1]] is not None:
        way.append(before[way[-1]])
    return [model[k].name for k in reversed(way)]


READERS = {}


def readers(model):
    """By key: keys of the variables that read it after the start, in file order."""
    if model.fingerprint not in READERS:
        out = READERS[model.fingerprint] = defaultdict(dict)
        for v in model.equations.values():
            for k in moving_reads(v):
                out[k][v.key] = None
    return READERS[model.fingerprint]


def moving_reads(variable):
    """Keys that a variable reads after the start."""
    out, todo = set(), [c.expr for c in variable.components]
    while todo:
        expr = todo.pop()
        if isinstance(expr, Call) and expr.name == "initial":
            continue
        if isinstance(expr, Call) and expr.name == "integ":
            todo.append(expr.args[0])
            continue
        if isinstance(expr, (Ref, Call)):
            out.add(expr.name)
        todo += getattr(expr, "args", ())
    return out


# -- the page -----------------------------------------------------------------------------------------------------
def page(found):
    """The page, for each id: what it says, how it is answered, where."""
    sectors = sdmodel.load(COMPOSITION).sectors
    owner = {v.name: v.sector for v in sdmodel.load(COMPOSITION).equations.values()}
    said = texts()
    ways = {entry["id"]: entry["ways"] for entry in stated_file()["link"]}
    lines = [
        "# Where each id of the paper is answered",
        "",
        "Made from the files when this documentation is built: the markers in the model files, "
        "`models/traced.toml`, `models/data/` and the experiments. A test fails when an id is missing, is answered "
        "twice, or points to something that does not exist. The claims in full are on "
        "[their own page](claims.md), the figures in `models/data/seed_figures.csv`.",
        "",
    ]
    for letter, (title, about) in TITLES.items():
        part = [a for a in found if a.id[0] == letter]
        counts = Counter(a.kind for a in part)
        told = ", ".join(f"{n} {kind}" for kind, n in counts.most_common())
        rows = [
            [a.id, plain(said.get(a.id, "")), a.kind, places(a, owner, sectors, ways), plain(a.words)] for a in part
        ]
        lines += [f"## {title}", "", f"{about} {len(part)} ids: {told}.", ""]
        lines += grid(["Id", "What it says", "Answer", "Where", "How, or why not"], rows, [6, 30, 10, 26, 28])
    return "\n".join(lines)


def places(answer, owner, sectors, ways):
    shown = [
        f"`{name}` ({sector_link(owner[name], sectors)})" if name in owner else f"`{name}`" for name in answer.where
    ]
    way = "<br>".join(" → ".join(f"`{name}`" for name in way) for way in ways.get(answer.id, ()))
    return way if answer.kind == "link" else "<br>".join(part for part in (", ".join(shown), way) if part)


def write(folder):
    """Write the page; the folder is made if it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    put(folder / "traceability.md", page(answers()))


def stated_file():
    return tomllib.loads((shipped("models") / "traced.toml").read_text("utf-8"))


def listed(value):
    return value if isinstance(value, list) else [value]


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
