"""The stages of the three levels for the page of the models, from `models/stages.toml` and runs of the composition.

`write(folder)` makes `part-stages.md`, which `models/index.md` includes, and its picture.
"""

import matplotlib.pyplot as plt
from model_pages import grid, plain, put

import sdmodel
from sdmodel.study import stages

SHOWN = {"base run": None, "prepared exit": "prepared exit", "timed push": "timed push"}
"""Runs in the picture and their scenario."""
EVERY = 0.25


def write(folder):
    """Write the part and the picture; the folder is made if it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    model = sdmodel.load("shandong")
    runs = {name: model.run(scenario=scenario, every=EVERY) for name, scenario in SHOWN.items()}
    put(folder / "part-stages.md", part(runs["base run"]))
    figure = picture(runs)
    figure.savefig(folder / "stages.png", dpi=150)
    plt.close(figure)


def part(base):
    rows = []
    for s in stages.shipped_stages():
        requested = [f"{plain(c.text)}{span(c)} ({plain(c.source)})" for c in s.conditions]
        rows.append([s.level, str(s.number), f"{s.name} ({s.anchor})", "<br>".join(requested) or "start"])
    found = stages.against_the_paper(base)
    said = stages.placed()
    placed = [
        [level, spoken(row["paper from"], row["paper to"]), f"{row['model']} ({row['least']} to {row['most']})",
         "yes" if row["agrees"] else "no", plain(row["waits for"])]
        for level, row in found.iterrows()
    ]  # fmt: skip
    head = ["Level", f"The paper for {said.year}", "Base run (harder to easier thresholds)", "Agrees", "Waits for"]
    return "\n".join(
        [
            *grid(["Level", "Stage", "Name", "Conditions (range; source)"], rows, [8, 6, 24, 62]),
            *grid(head, placed, [10, 16, 22, 10, 42]),
            "```{image} generated/stages.png",
            ":alt: Stages of the three levels over time in three runs",
            "```",
            "",
        ]
    )


def span(condition):
    return f", range {condition.range[0]:g} to {condition.range[1]:g}" if condition.range else ""


def spoken(first, last):
    return str(first) if first == last else f"{first} to {last}"


def picture(runs):
    """Stage by year for each level: the run's own thresholds as a line, their ranges as a band."""
    figure, axes = plt.subplots(len(stages.LEVELS), len(runs), figsize=(10, 5), sharex=True, sharey=True)
    for column, (name, run) in enumerate(runs.items()):
        table = stages.stages(run)
        for row, level in enumerate(stages.LEVELS):
            axis, own = axes[row, column], table[table["level"] == level]
            least, most = own["least"].astype(float), own["most"].astype(float)
            axis.fill_between(own["time"], least, most, step="post", alpha=0.25, linewidth=0)
            axis.step(own["time"], own["stage"].astype(float), where="post")
            axis.set_ylim(-0.2, 5.2)
            axis.set_yticks(range(6))
            if row == 0:
                axis.set_title(name)
            if column == 0:
                axis.set_ylabel(f"{level} stage")
    figure.tight_layout()
    return figure
