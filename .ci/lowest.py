"""Print the lowest version that pyproject.toml allows of each dependency, as a pip constraints file."""

import re
import tomllib
from pathlib import Path

EXTRAS = ("store", "cluster", "analysis", "test")

project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text("utf-8"))["project"]
extras = project["optional-dependencies"]
requirements = [*project["dependencies"], *(line for name in EXTRAS for line in extras[name])]
for requirement in sorted(requirements, key=str.lower):
    if found := re.match(r"([\w.-]+)(?:\[[\w,]+\])?>=([\w.]+)", requirement):
        print(f"{found[1]}=={found[2]}")
