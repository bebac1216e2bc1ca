"""Which model judges, and with which settings: plain values that can be sent to a worker."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.inference.model_files import DESCRIPTION_FILE, WEIGHTS_FILE, find_model
from ldn_openset_ros.inference.predictor import Predictor
from ldn_openset_ros.resources import DEFAULT_MODEL
from ldn_openset_ros.score_names import PAPER_SCORES, check_score


@dataclass(frozen=True)
class ModelChoice:
    """Arguments of Predictor.load, and the scores to measure; None takes the model's own.

    scores: empty measures the paper's three, as far as the model gives them, and its own.
    """

    model: str = DEFAULT_MODEL
    scores: tuple[str, ...] = ()
    device: str = "auto"
    backend: str = "torch"
    """The reference, and the one that takes pictures of many sizes without a delay for each."""
    precision: str = "auto"
    fusion: str | None = None
    threshold: float | str | None = None
    resolution: int | None = None
    recognition: str | None = None

    def load(self) -> Predictor:
        """Load the model; raises OpenSetError with the remedy."""
        return Predictor.load(
            self.model,
            device=self.device,
            backend=self.backend,
            precision=self.precision,
            fusion=self.fusion,
            threshold=self.threshold,
            resolution=self.resolution,
            recognition=self.recognition,
        )

    def measured_scores(self, predictor: Predictor) -> tuple[str, ...]:
        """Return the scores to measure, the one that decides among them.

        Raises OpenSetError for one that the model cannot give.
        """
        if self.scores:
            chosen = [check_score(name, predictor.usable_scores) for name in self.scores]
        else:
            chosen = [name for name in PAPER_SCORES if name in predictor.usable_scores]
        return tuple(dict.fromkeys((*chosen, predictor.fusion)))

    def configuration(self, predictor: Predictor) -> dict:
        """Return all that the model's outputs depend on, the files' SHA-256 among it."""
        return {
            "model": predictor.name,
            "model_sha256": model_hash(self.model),
            "recognition": predictor.recognition,
            "scores": list(self.measured_scores(predictor)),
            "fusion": predictor.fusion,
            "threshold": predictor.threshold,
            "temperature": predictor.temperature(),
            "resolution": predictor.resolution,
            "smoothing": predictor.smoothing,
            "backend": predictor.backend,
            "precision": predictor.precision,
        }


def model_hash(model: str) -> str:
    """Return the SHA-256 of a model's two files, hexadecimal."""
    folder = find_model(model)
    digest = hashlib.sha256()
    for name in (DESCRIPTION_FILE, WEIGHTS_FILE):
        try:
            digest.update((folder / name).read_bytes())
        except OSError as error:
            raise OpenSetError(f"cannot read {folder / name}: {error.strerror}") from None
    return digest.hexdigest()
