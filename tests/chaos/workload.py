"""Items for the worker program: numbers with the milliseconds that each takes, the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterable


def mixed_items(count: int, *, seed: int, mean_milliseconds: float = 2.0) -> list[str]:
    """Many short items and a few long ones: exponential times, at most twenty times their mean."""
    chance = random.Random(seed)
    longest = 20 * mean_milliseconds
    return [f"{number} {min(chance.expovariate(1 / mean_milliseconds), longest):.3f}" for number in range(count)]


def numbers_of(items: Iterable[str]) -> set[str]:
    """The items' numbers, by which the workers' logs name them."""
    return {item.split()[0] for item in items}
