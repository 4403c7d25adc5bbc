"""Vensim `.mdl` files: text clean-up, translation to a `Structure`, and writing."""
