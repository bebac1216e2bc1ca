"""Dense open-set recognition: what a camera sees and, per pixel, what it has never seen before."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ldn_openset_ros.inference.predictor import Predictor

__version__ = "0.1.0"
__all__ = ["Predictor", "__version__"]


def __getattr__(name: str):
    # Importing torch takes seconds: only who asks for the Predictor pays for it.
    if name == "Predictor":
        from ldn_openset_ros.inference.predictor import Predictor

        return Predictor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
