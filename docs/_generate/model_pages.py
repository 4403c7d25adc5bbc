"""Pages of the shipped models, written from their files when the documentation is built.

`write(folder)` makes a page and a picture for each sector, the tables of the overview (`part-*.md`, which
`models/index.md` includes) and the pages of claims and sources. Nothing of it is committed.
"""

import csv
import re
import tomllib
from pathlib import Path

import loop_pictures

import sdmodel
from sdmodel import plot
from sdmodel.core.expression import Table, to_text
from sdmodel.core.resources import shipped

DOCS = Path(__file__).parents[1]
COMPOSITION = "shandong"
ID = re.compile(r"\b([CFHIP])(\d{2,3})\b(?: to \1(\d{2,3})\b)?")
PARTS = ("authors", "year", "title", "where")
READ = {
    "page": "the page was read",
    "abstract": "abstract or opening only",
    "recalled": "from general knowledge",
    "none": "there is nothing to read",
}
WIDE = 12
"""A sector with more stocks gets three columns instead of two."""


def write(folder, drawn=None):
    """Write all pages, and pictures of the sectors named or of all; the folder is made if it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = sdmodel.load(COMPOSITION)
    sectors = {name: sdmodel.load(name) for name in whole.sectors}
    notes, reviews, loops = toml("notes.toml"), toml("reviews.toml"), toml("checks.toml")[COMPOSITION]["loop"]
    claims = {row["id"]: row for row in table_of(DOCS / "models" / "claims.csv")}
    claims |= {row["id"]: {"text": row["what"]} for row in table_of(shipped("models") / "data" / "seed_figures.csv")}
    rings = {name: loop_pictures.loops_of(name, whole, loops) for name in sectors}
    pages = {name: sector_page(name, model, sectors, notes[name] | reviews[name], claims, rings[name])
             for name, model in sectors.items()}  # fmt: skip
    pages["part-sectors"] = sectors_part(sectors, notes)
    pages["part-joints"] = joints_part(sectors)
    pages["part-scenarios"] = scenarios_part(whole)
    pages["claims"] = claims_page(sectors, claims)
    pages["sources"] = sources_page(sectors, toml("sources.toml"))
    for name, text in pages.items():
        put(folder / f"{name}.md", text)
    for name in sectors if drawn is None else drawn:
        model = sectors[name]
        stocks = sum(v.kind == "stock" for v in model.equations.values())
        figure, _ = plot.structure(model, width=24 if stocks > WIDE else 16)
        figure.savefig(folder / f"{name}.png", dpi=150)
        if rings[name]:
            loop_pictures.picture(name, notes[name]["title"], whole, rings[name]).savefig(
                folder / f"{name}-loops.png", dpi=150
            )


# -- pages --------------------------------------------------------------------------------------------------------
def sector_page(name, model, sectors, note, claims, loops):
    kinds = [v.kind for v in model.equations.values()]
    taken = [v for v in model.equations.values() if v.role == "input"]
    lines = [f"(sector-{name})=", f"# {note['title']}", "", note["about"].strip(), ""]
    lines += [
        f"`sdmodel.load(\"{name}\")` runs this sector alone: {kinds.count('stock')} stocks, {kinds.count('auxiliary')} "
        f"auxiliaries and {kinds.count('constant') - len(taken)} constants, with {len(taken)} boundary inputs held at "
        f"the values below. This page is made from `models/{name}.mdl`.",
        "",
        "## Stocks and flows",
        "",
        f"```{{image}} {name}.png",
        f":alt: Stock-and-flow diagram of {name}",
        f":target: ../../_images/{name}.png",
        "```",
        "",
        *loops_part(name, loops),
        "## Key equations",
        "",
        *(line for k in note["key"] for line in key_equation(model, model[k])),
        "## What it leaves out",
        "",
        *(f"- {plain(text)}" for text in note["leaves_out"]),
        "",
        "## What an expert would object to",
        "",
        *(f"- {plain(text)}" for text in note["objections"]),
        "",
        "## What it takes from other sectors",
        "",
        *grid(
            ["Boundary input", "Delivered by", "Unit", "Value when the sector runs alone", "What it is"],
            [[code(v.name), sector_link(v.origin, sectors), code(v.unit), values_of(model, v), plain(v.sentence)]
             for v in taken],
            [22, 14, 14, 20, 30],
        ),
        "## What it delivers",
        "",
        *grid(
            ["Variable", "Taken by", "Unit", "What it is"],
            [[code(v.name), ", ".join(sector_link(s, sectors) for s in takers(v, sectors)), code(v.unit),
              plain(v.sentence)] for v in model.equations.values() if v.role != "input" and takers(v, sectors)],
            [26, 22, 18, 34],
        ),
        "## Claims and instruments of the paper",
        "",
        "Claims (C), hypotheses (H) and instruments (P) that a variable of this sector cites. A claim that is cited "
        "has a place in the equations; whether it holds is asked by the experiments.",
        "",
        *grid(
            ["Id", "What the paper says", "Where it acts"],
            [[k, plain(claims[k]["text"]), ", ".join(code(v) for v in where)]
             for k, where in sorted(cited(model).items(), key=lambda pair: by_number(pair[0])) if k[0] in "CHP"],
            [8, 52, 40],
        ),
        "## Equations",
        "",
        "As they stand in the file, group by group. A range in the third column is what a run may set.",
        "",
    ]  # fmt: skip
    for group in dict.fromkeys(v.group for v in model.equations.values() if v.role != "input"):
        rows = [
            [f"{code(v.name)}<br>{plain(v.sentence)}", "<br>".join(code(t) for t in equations_of(model, v)),
             unit_and_range(v), role_and_source(v)]
            for v in model.equations.values() if v.group == group and v.role != "input"
        ]  # fmt: skip
        head = ["Variable", "Equation", "Unit, range", "Role, source"]
        lines += [f"### {plain(group or 'Without a group')}", "", *grid(head, rows, [28, 40, 14, 18])]
    return "\n".join(lines)


def loops_part(name, loops):
    if not loops:
        return ["## Loops", "", "None that runs mainly through this sector: it holds the levers.", ""]
    rows = [[loop["id"], plain(loop["name"]), {"+": "reinforces", "-": "balances", "?": "either"}[loop["sign"]],
             plain(loop.get("claims", ""))] for loop in loops]  # fmt: skip
    return [
        "## Loops",
        "",
        f"```{{image}} {name}-loops.png",
        f":alt: Loops that run through {name}",
        f":target: ../../_images/{name}-loops.png",
        "```",
        "",
        *grid(["Loop", "What it does", "Sign", "Claims"], rows, [8, 56, 16, 20]),
    ]


def key_equation(model, variable):
    """An equation in words, as it stands, and the sources of the constants that it reads."""
    read = [v for v in (model[name] for name in model.causes(variable.name)) if v.kind == "constant" and v.sources]
    rests = [f"{code(v.name)} ({', '.join(f'[{s.key}](#source-{s.key})' for s in v.sources)})" for v in read
             if v.role != "input"]  # fmt: skip
    claims = ", ".join(f"{s.key} {s.locator}".strip() for s in variable.sources)
    yield f"**{variable.name}**: {plain(variable.sentence)}" + (f" ({plain(claims)})" if claims else "")
    yield ""
    yield "```text"
    yield from equations_of(model, variable)
    yield "```"
    yield ""
    if rests:
        yield f"It rests on {', '.join(rests)}."
        yield ""


def sectors_part(sectors, notes):
    rows = []
    for name, model in sectors.items():
        kinds = [v.kind for v in model.equations.values()]
        counts = [str(kinds.count(kind)) for kind in ("stock", "auxiliary", "constant")]
        rows.append([f"[{notes[name]['title']}](#sector-{name})", plain(notes[name]["about"].strip()), *counts])
    head = ["Sector", "What it is about", "Stocks", "Auxiliaries", "Constants"]
    toc = ["```{toctree}", ":hidden:", "", *(f"generated/{name}" for name in (*sectors, "claims", "sources")), "```"]
    return "\n".join([*grid(head, rows, [16, 54, 10, 10, 10]), *toc, ""])


def joints_part(sectors):
    rows = []
    for name, model in sectors.items():
        for v in model.equations.values():
            if v.role != "input" and (by := takers(v, sectors)):
                to = ", ".join(sector_link(s, sectors) for s in by)
                rows.append([code(v.name), sector_link(name, sectors), to, code(v.unit)])
    absent = {}
    for name, model in sectors.items():
        for v in model.equations.values():
            if v.role == "input" and v.origin not in sectors:
                absent.setdefault((v.origin, v.name, v.unit), []).append(sector_link(name, sectors))
    rows += [[code(v), f"{origin} (stands in)", ", ".join(to), code(unit)] for (origin, v, unit), to in absent.items()]
    return "\n".join(grid(["Variable", "From", "To", "Unit"], rows, [36, 20, 26, 18]))


def scenarios_part(whole):
    rows = []
    for name, scenario in whole.scenarios.items():
        told = [f"{code(k)} = {v:g}" for k, v in scenario.values.items()]
        for k, path in scenario.paths.items():
            steps = ", ".join(f"{value:g} from {at:g}" for at, value in zip(path.at, path.value, strict=True))
            told.append(f"{code(k)}: {steps} ({path.between})")
        rows.append([code(name), plain(scenario.description), "<br>".join(told)])
    return "\n".join(grid(["Scenario", "What happens", "Values and dated paths"], rows, [18, 42, 40]))


def claims_page(sectors, claims):
    lines = [
        "# What the paper says, and where it is in the models",
        "",
        "The paper behind the models argues in words. Its causal claims (C), its policy instruments (P) and the "
        "hypotheses that can be asked of it (H) have a number here, in our words, with the section of the paper. "
        "A variable cites a claim as `[@seed, C47]`, and a lever names its instruments as `[lever P41]`. "
        "A claim that no variable cites is not in the models yet; a hypothesis is asked by an experiment.",
        "",
    ]
    where = {}
    for name, model in sectors.items():
        for k in cited(model):
            where.setdefault(k, []).append(sector_link(name, sectors))
    for letter, title in (("C", "Causal claims"), ("P", "Instruments"), ("H", "Hypotheses")):
        rows = [[k, row["place"], plain(row["text"]), ", ".join(where.get(k, [])) or "–"]
                for k, row in claims.items() if k[0] == letter]  # fmt: skip
        count = sum(row[3] != "–" for row in rows)
        told = "" if letter == "H" else f"{count} of {len(rows)} are cited by a variable."
        lines += [
            f"## {title}",
            "",
            told,
            "",
            *grid(["Id", "Section", "What it says", "Sectors"], rows, [8, 12, 56, 24]),
        ]
    return "\n".join(lines)


def sources_page(sectors, sources):
    lines = [
        "# Sources",
        "",
        "Every constant cites one of these, with the place in it. The last line of an entry says how far the source "
        "was verified: the page was read, only the abstract, or nothing but general knowledge. `guess` marks values "
        "that nobody published.",
        "",
    ]
    for k, entry in sources.items():
        using = [sector_link(s, sectors) for s, m in sectors.items()
                 if any(source.key == k for v in m.equations.values() for source in v.sources)]  # fmt: skip
        head = ". ".join(str(entry[part]).rstrip(".") for part in PARTS if part in entry)
        link = f" <https://doi.org/{entry['doi']}>" if "doi" in entry else ""
        used = f" Cited by {', '.join(using)}." if using else ""
        lines += [f"(source-{k})=", f"`{k}`", f": {plain(head)}.{link}"]
        lines += [f"  {plain(entry['note'])}"] if "note" in entry else []
        lines += [f"  *Verified: {READ[entry['read']]}.*{used}", ""]
    return "\n".join(lines)


# -- parts of a page ----------------------------------------------------------------------------------------------
def equations_of(model, variable):
    """The equations as text in Vensim's notation, one a component."""
    spell = {"time": "Time", **{k: v.name for k, v in model.equations.items()}}
    out = []
    for component in variable.components:
        head = variable.name + (f"[{', '.join(component.subs)}]" if component.subs else "")
        head += "".join(f" :EXCEPT: [{', '.join(group)}]" for group in component.excepts)
        body = to_text(component.expr, spell)
        out.append(f"{head}{body}" if isinstance(component.expr, Table) else f"{head} = {body}")
    return out


def values_of(model, variable):
    return "<br>".join(code(text.partition(" = ")[2]) for text in equations_of(model, variable))


def unit_and_range(variable):
    ends = [f"{x:g}" if abs(x) < float("inf") else "open" for x in (variable.low, variable.high)]
    return code(variable.unit) + (f"<br>{ends[0]} to {ends[1]}" if variable.limits else "")


def role_and_source(variable):
    told = [" ".join((variable.role, variable.distribution, *variable.ids)).strip()]
    told += ["outcome"] if variable.outcome else []
    for source in variable.sources:
        told.append(f"[{source.key}](#source-{source.key})" + (f", {plain(source.locator)}" if source.locator else ""))
    return "<br>".join(text for text in told if text)


def takers(variable, sectors):
    """Sectors that take the variable of another one as boundary input."""
    found = {s: m.equations.get(variable.key) for s, m in sectors.items()}
    return [s for s, v in found.items() if v is not None and v.role == "input"]


def sector_link(name, sectors):
    return f"[{name}](#sector-{name})" if name in sectors else f"{name} (stands in)"


def cited(model):
    """The variables that cite each claim, figure or instrument of the paper, by its id."""
    out = {}
    for v in model.equations.values():
        texts = [*v.ids, *(source.locator for source in v.sources if source.key == "seed")]
        for letter, first, last in (found for text in texts for found in ID.findall(text)):
            for n in range(int(first), int(last or first) + 1):
                out.setdefault(f"{letter}{n:0{len(first)}d}", []).append(v.name)
    return out


def by_number(k):
    return k[0], int(k[1:])


def grid(head, rows, widths):
    """A table whose cells are Markdown; a sentence where there is no row."""
    if not rows:
        return ["None.", ""]
    lines = ["```{list-table}", ":header-rows: 1", f":widths: {' '.join(map(str, widths))}", ":class: model-table", ""]
    for row in (head, *rows):
        lines += [f"{'* - ' if i == 0 else '  - '}{cell}" for i, cell in enumerate(row)]
    return [*lines, "```", ""]


def code(text):
    return f"`{text}`" if text else ""


def plain(text):
    """Text without meaning for Markdown, on one line."""
    return re.sub(r"([\\`*_\[\]<>$~|#])", r"\\\1", " ".join(text.split()))


def put(path, text):
    """Write a page if it changed, so that a second build reads only what is new."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def toml(name):
    return tomllib.loads((shipped("models") / name).read_text(encoding="utf-8"))


def table_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
