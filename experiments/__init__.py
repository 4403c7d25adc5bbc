"""Policy questions put to the models, one module a question."""
