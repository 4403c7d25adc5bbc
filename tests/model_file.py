"""The smallest `.mdl` around given equations."""

TEMPLATE = """{{UTF-8}}
{equations}

INITIAL TIME = {start} ~ Year ~ First time. |
FINAL TIME = {end} ~ Year ~ Last time. |
TIME STEP = {step} ~ Year ~ Step of fixed-step runs. |
SAVEPER = {saveper} ~ Year ~ Time between saved values. |
"""
