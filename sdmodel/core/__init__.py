"""Basic data types and utilities used by all other packages; modules here import only each other."""
