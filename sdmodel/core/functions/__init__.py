"""Functions of the language: one entry each, with everything that the other rooms need to know of it."""
