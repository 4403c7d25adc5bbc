"""Functions of the modelling language: one `Function` entry each, used by all other packages."""
