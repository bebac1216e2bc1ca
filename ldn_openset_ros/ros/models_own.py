"""What a model brings for parameters that nobody chose. No ROS here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ldn_openset_ros.inference.calibration import CALIBRATED
from ldn_openset_ros.inference.predictor import no_threshold
from ldn_openset_ros.ros.parameters import NodeSettings, own_thresholds, own_values


class ModelsOwn:
    """A model's own parameters; its threshold is the one that it has for the fusion in use."""

    def __init__(self, model: str) -> None:
        """`model`: a folder or the name of a shipped one; it need not be readable."""
        self.values = own_values(model)
        """By the parameters' names."""
        self._thresholds = own_thresholds(model)

    def follow(self, fusion: str, threshold: float | str | None = None) -> None:
        """Take note of the fusion in use, and of a threshold that it took over from another."""
        other = self.values["threshold"] if threshold is None else threshold
        self.values["threshold"] = self._thresholds.get(fusion, other)

    def succeed(self, before: ModelsOwn, settings: NodeSettings) -> dict[str, Any]:
        """Take over from the model `before`; return what of the settings nobody chose, anew."""
        own_fusion = settings.fusion == before.values["fusion"]
        self.follow(self.values["fusion"] if own_fusion else settings.fusion)
        return {
            name: value
            for name, value in self.values.items()
            if getattr(settings, name) == before.values[name]
        }

    def completion(self, given: Mapping[str, Any], settings: NodeSettings) -> dict[str, float]:
        """Return the threshold that goes with a new fusion in a request that has none.

        given: the request's values, which may be of any type. Empty where the model has no
        threshold for the fusion, or where `calibrated` says which.
        """
        fusion = given.get("fusion")
        known = isinstance(fusion, str) and fusion in self._thresholds
        if not known or fusion == settings.fusion or settings.threshold == CALIBRATED:
            return {}
        return {} if "threshold" in given else {"threshold": self._thresholds[fusion]}

    def warning(self, settings: NodeSettings) -> str:
        """Return the warning of a threshold that is for another fusion; empty where it is not.

        A threshold that somebody chose is for the fusion in use.
        """
        chosen = settings.threshold != self.values["threshold"]
        if chosen or settings.fusion in self._thresholds:
            return ""
        return no_threshold(settings.fusion, settings.threshold, settings.model)
