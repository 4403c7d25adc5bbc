"""The command line: `sdmodel COMMAND`, with a module for each group of commands."""
