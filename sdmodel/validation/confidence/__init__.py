"""The nine confidence tests: each runs a model and states what it found."""
