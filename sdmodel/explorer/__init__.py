"""A model as a page in the browser."""
