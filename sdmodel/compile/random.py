"""Counter-based random draws: each draw is a hash of seed, run, stream and step.

A draw therefore does not depend on earlier draws, other runs, chunks or threads, and a stream keeps its draws when
another variable is added. SplitMix64's finalizer mixes the words [1]_.

References
----------
.. [1] Steele, G. L., Lea, D., Flood, C. H. (2014). Fast splittable pseudorandom number generators. OOPSLA 2014,
   453-472. https://doi.org/10.1145/2660193.2660195
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15


def mix(word: int) -> int:
    """SplitMix64's finalizer on a word of 64 bits."""
    word = (word + _GOLDEN) & _MASK
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & _MASK
    return word ^ (word >> 31)


@lru_cache(maxsize=4096)
def stream_word(name: str) -> int:
    """Platform-independent 64-bit hash of a stream name."""
    return int.from_bytes(blake2b(name.encode("utf-8"), digest_size=8).digest(), "little")


def draw(seed: int, run: int, stream: int, step: int) -> float:
    """A number in the open interval (0, 1), uniform over its 2**53 values.

    Examples
    --------
    >>> draw(0, 0, stream_word("demand 1"), 0) == draw(0, 0, stream_word("demand 1"), 0)
    True
    >>> draw(0, 0, stream_word("demand 1"), 0) == draw(0, 0, stream_word("demand 1"), 1)
    False
    """
    word = mix(mix(mix(mix(seed & _MASK) ^ (run & _MASK)) ^ stream) ^ (step & _MASK))
    return ((word >> 11) + 0.5) * 2.0**-53


def draws(streams: Sequence[str], step: int, seed: int = 0, run: int = 0) -> list[float]:
    """The draws of all streams at a step."""
    return [draw(seed, run, stream_word(name), step) for name in streams]
