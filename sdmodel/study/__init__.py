"""Machinery of policy questions: arms on the same samples, effects, verdicts, findings and reports."""
