"""Designs: tables of runs, and samplers that make them."""
