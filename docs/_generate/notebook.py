"""Write a page of the documentation as a notebook: texts and code in their order, without results.

Run it after a change of the page: `python docs/_generate/notebook.py`.
"""

import json
import re
from pathlib import Path

DOCS = Path(__file__).parents[1]
PAGES = ("ten-minutes",)
_BLOCK = re.compile(r"^```(?:python|\{plot\})\n(.*?)^```$\n?", re.MULTILINE | re.DOTALL)
_OPTION = re.compile(r"^:[\w-]+:.*\n", re.MULTILINE)


def notebook(text):
    """The notebook of a page in Markdown, in nbformat 4.5."""
    cells = []
    for i, part in enumerate(_BLOCK.split(text)):
        source = _OPTION.sub("", part).replace("plt.figure(fig)", "fig").strip() if i % 2 else part.strip()
        if not source:
            continue
        cell = {"cell_type": "code" if i % 2 else "markdown", "id": f"cell-{i}", "metadata": {}}
        if i % 2:
            cell |= {"execution_count": None, "outputs": []}
        cells.append({**cell, "source": source.splitlines(keepends=True)})
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


def written(name):
    """Text of the notebook file of a page."""
    text = (DOCS / f"{name}.md").read_text(encoding="utf-8")
    text = text.replace(
        f" It is a notebook too:\n{{download}}`{name}.ipynb`, in the folder `docs` of the repository.", ""
    )
    return json.dumps(notebook(text), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for name in PAGES:
        (DOCS / f"{name}.ipynb").write_text(written(name), encoding="utf-8")
