"""What runs a network, as a benchmark compares it."""

from __future__ import annotations

from dataclasses import dataclass

from ldn_openset_ros.inference.backends.names import PRECISIONS_OF


@dataclass(frozen=True)
class Variant:
    """A backend and a precision, by their names."""

    backend: str
    precision: str

    def __str__(self) -> str:
        return f"{self.backend} {self.precision}"


EAGER = Variant("torch", "float32")
"""The reference of all others: PyTorch, layer by layer."""


def variants_on(kind: str) -> tuple[Variant, ...]:
    """Return every variant on a kind of device, "cpu" or "cuda", EAGER first."""
    return tuple(
        Variant(backend, precision)
        for backend, precisions in PRECISIONS_OF.items()
        for precision in precisions[kind]
    )
