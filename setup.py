"""Copy the folders of the distribution into the wheel: experiments/ as sdmodel.experiments, models/ as sdmodel.models.

Everything else stands in pyproject.toml.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

FOLDERS = {"sdmodel": "sdmodel", "experiments": "sdmodel/experiments", "models": "sdmodel/models"}


class BuildFolders(build_py):
    """Build the package by copying its three folders whole; an editable install reads them in the checkout."""

    def run(self) -> None:
        """Replace what an earlier build left behind, so that files deleted since then are not shipped."""
        if self.editable_mode:
            super().run()
            return
        shutil.rmtree(Path(self.build_lib, "sdmodel"), ignore_errors=True)
        for folder, target in FOLDERS.items():
            ignored = shutil.ignore_patterns("__pycache__", "*.py[cod]", ".DS_Store")
            shutil.copytree(folder, Path(self.build_lib, target), ignore=ignored)


setup(cmdclass={"build_py": BuildFolders})
