"""What a researcher asks of a model: which constants matter, derivatives, fits to data, differences.

Every function takes a Model, a sweep or a Run and returns tables; `sdmodel.plot` draws them.
"""
