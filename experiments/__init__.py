"""Policy questions put to the models: a file of data each, and a module beside it where data are not enough."""

from importlib import import_module
from importlib.resources import files

from sdmodel.study.library import Library

LIBRARY = Library(files(__name__), lambda name: import_module(f"{__name__}.{name}"))
