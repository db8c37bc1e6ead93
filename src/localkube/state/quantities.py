"""Kubernetes quantities ("250m", "1Gi") as numbers."""

from __future__ import annotations

import re
from decimal import Decimal

_PATTERN = re.compile(r"^([+-]?[0-9]*\.?[0-9]+)(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|[eE][+-]?[0-9]+)?$")
_FACTORS = {"m": Decimal("0.001")} | {
    unit: Decimal(base) ** (index + 1)
    for units, base in ((("k", "M", "G", "T", "P", "E"), 1000), (("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), 1024))
    for index, unit in enumerate(units)
}


def parse_quantity(text: str | float) -> float:
    """The number a quantity stands for (cores, bytes); ValueError if it is none."""
    match = _PATTERN.match(str(text))
    if match is None:
        raise ValueError(f"{text!r} is not a quantity; write a number such as 250m, 2 or 1Gi")
    number, unit = match.groups()
    if unit and unit[0] in "eE" and unit not in _FACTORS:
        return float(Decimal(number + unit))
    return float(Decimal(number) * _FACTORS.get(unit or "", Decimal(1)))
