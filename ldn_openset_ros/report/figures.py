"""Figures as text, the same way all over a report."""

from __future__ import annotations

import math

from ldn_openset_ros.evaluation.summary import Estimate

UNDEFINED = "\N{EN DASH}"
"""Not defined, or not asked for."""


def is_defined(value: float | None) -> bool:
    """Whether there is a figure at all."""
    return value is not None and not math.isnan(value)


def percent(fraction: float | None) -> str:
    """Return a fraction in per cent with two decimals, without a sign for it."""
    return f"{100 * fraction:.2f}" if is_defined(fraction) else UNDEFINED


def interval(estimate: Estimate) -> str:
    """Return a 95 % interval as `[81.20, 84.90]` in per cent, or nothing."""
    if not (is_defined(estimate.lower) and is_defined(estimate.upper)):
        return ""
    return f"[{percent(estimate.lower)}, {percent(estimate.upper)}]"


def count(number: int | None) -> str:
    """Return a whole number with thousands apart."""
    return UNDEFINED if number is None else f"{number:,}"


def decimal(value: float | None) -> str:
    """Return a number with four significant digits."""
    return f"{value:.4g}" if is_defined(value) else UNDEFINED


def milliseconds(value: float | None) -> str:
    """Return a time with two decimals."""
    return f"{value:.2f}" if is_defined(value) else UNDEFINED


def share_range(lower: float, upper: float) -> str:
    """Return a range of shares in per cent, without a sign for it: `0.1 to 1`."""
    return f"{100 * lower:.3g} to {100 * upper:.3g}"
