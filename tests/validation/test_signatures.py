"""The table of what units each function takes and gives."""

from __future__ import annotations

import pytest

from sdmodel.core.functions.table import FUNCTIONS
from sdmodel.validation.static.signatures import SIGNATURES, SPECIAL, signature


@pytest.mark.parametrize("name", sorted(SIGNATURES))
def test_every_signature_reads_and_gives_nothing_it_did_not_take(name: str) -> None:
    sign = signature(name)
    assert sign is not None
    taken = {w for a in sign.args if a is not None for w, _ in a.powers} | {"time"}
    assert sign.result is None or {w for w, _ in sign.result.powers} <= taken


def test_every_function_that_is_run_has_a_signature() -> None:
    assert set(SIGNATURES) | SPECIAL >= set(FUNCTIONS)
