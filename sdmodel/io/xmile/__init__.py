"""XMILE files (`.xmile`, `.stmx`): layout, dialects and translation to a `Structure`."""
