"""Scenario discovery: ranges of parameters in which something happens."""
