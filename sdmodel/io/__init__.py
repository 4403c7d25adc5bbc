"""Structure files to a `Structure` and back: Vensim, XMILE, compositions, scenarios and data files."""
