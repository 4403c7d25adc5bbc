"""Mutation testing: small random changes of code or model equations, and whether the tests notice them."""
