"""The gallery: each function of `sdmodel.plot` with the example of its docstring and the figure that it makes."""

import doctest
import inspect

from sdmodel import plot

HEAD = """# Gallery

Each figure of `sdmodel.plot` with its code. [Figures](../how-to/figures.md) says how they are combined and saved.
"""


def functions():
    """Functions that draw, by name."""
    named = {name: getattr(plot, name) for name in plot.__all__}
    return {name: f for name, f in sorted(named.items()) if inspect.isfunction(f)}


def example(function):
    """Code of the example of a docstring, to the last statement that names the figure."""
    steps = [step.source for step in doctest.DocTestParser().get_examples(function.__doc__)]
    while steps and " = " not in steps[-1] and f"{function.__name__}(" not in steps[-1]:
        steps.pop()
    return "".join(steps)


def write(folder):
    """Write `gallery.md` into a folder."""
    parts = [HEAD]
    for name, function in functions().items():
        sentence = inspect.getdoc(function).split("\n\n")[0].replace("\n", " ")
        code = f"{example(function)}plt.figure(fig)"
        parts.append(f"## {name}\n\n{sentence}\n")
        parts.append(f"```{{plot}}\n:context: reset\nimport matplotlib.pyplot as plt\n{code}\n```\n")
    (folder / "gallery.md").write_text("\n".join(parts), encoding="utf-8")
