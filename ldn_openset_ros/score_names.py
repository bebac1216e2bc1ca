"""The names of the outlier scores, what each needs of a model, and which values of them pass.

What they compute is in `scores`. Here is no torch, which takes seconds to import: arguments and
settings are checked without it.
"""

from __future__ import annotations

from ldn_openset_ros.errors import OpenSetError

SCORE_NAMES = (
    "op",
    "msm",
    "op_x_msm",
    "op_plus_msm",
    "dense_hybrid",
    "entropy",
    "max_logit",
    "standardised_max_logit",
    "energy",
)
PAPER_SCORES = ("op", "msm", "op_x_msm")
"""Those the paper compares: what is measured unless others are asked for."""

NEEDS_OUTLIER = frozenset({"op", "op_x_msm", "op_plus_msm", "dense_hybrid"})
NEEDS_CLASSES = frozenset(SCORE_NAMES) - {"op"}
NEEDS_STATISTICS = frozenset({"standardised_max_logit"})


def usable_scores(
    classes: bool = True, outlier: bool = True, statistics: bool = True
) -> tuple[str, ...]:
    """Return the names of the scores that a model with these logits and statistics has."""
    lacking = (
        (frozenset() if classes else NEEDS_CLASSES)
        | (frozenset() if outlier else NEEDS_OUTLIER)
        | (frozenset() if statistics else NEEDS_STATISTICS)
    )
    return tuple(name for name in SCORE_NAMES if name not in lacking)


def check_score(name: str, usable: tuple[str, ...] = SCORE_NAMES) -> str:
    """Return the name of a score; raises OpenSetError where it is unknown or not `usable`."""
    if name not in SCORE_NAMES:
        raise OpenSetError(f"unknown fusion {name!r}: choose one of {', '.join(SCORE_NAMES)}")
    if name not in usable:
        needs = {
            "an outlier head": NEEDS_OUTLIER,
            "class logits": NEEDS_CLASSES,
            "class statistics": NEEDS_STATISTICS,
        }
        # What no usable score needs is not there.
        lacks = " and ".join(
            thing for thing, names in needs.items() if name in names and names.isdisjoint(usable)
        )
        raise OpenSetError(
            f"fusion {name!r} needs {lacks}, which this model lacks: choose {', '.join(usable)}"
        )
    return name


def check_threshold(threshold: float) -> float:
    """Return the threshold; raises OpenSetError where it is outside [0, 1]."""
    if not 0 <= threshold <= 1:
        raise OpenSetError(f"threshold is {threshold}: give a value from 0 to 1")
    return threshold
