"""Policy questions: one data file each, and a module of the same name where data are not enough."""

from importlib import import_module
from importlib.resources import files

from sdmodel.study.library import Library

LIBRARY = Library(files(__name__), lambda name: import_module(f"{__name__}.{name}"))
