"""Nouns and small tools that every other package uses; they import nothing but each other."""
