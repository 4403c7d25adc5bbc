"""Checks that read the equations and run nothing."""
