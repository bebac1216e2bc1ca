"""Recognition modules by name, with their settings."""

from __future__ import annotations

from dataclasses import dataclass

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.recognition.c_plus_one import CPlusOne
from ldn_openset_ros.recognition.confidence import Confidence
from ldn_openset_ros.recognition.mc_dropout import McDropout
from ldn_openset_ros.recognition.module import RecognitionModule
from ldn_openset_ros.recognition.multi_class import MultiClass
from ldn_openset_ros.recognition.multi_label import MultiLabel
from ldn_openset_ros.recognition.names import RECOGNITION_NAMES
from ldn_openset_ros.recognition.odin import Odin
from ldn_openset_ros.recognition.outlier_exposure import OutlierExposure
from ldn_openset_ros.recognition.outlier_head import OutlierHead
from ldn_openset_ros.recognition.two_heads import TwoHeads
from ldn_openset_ros.settings import FROZEN

MODULES: dict[str, type[RecognitionModule]] = {
    module.name: module
    for module in (
        MultiClass,
        Odin,
        McDropout,
        Confidence,
        OutlierHead,
        TwoHeads,
        OutlierExposure,
        CPlusOne,
        MultiLabel,
    )
}


@dataclass(frozen=True)
class RecognitionSettings:
    """Which recognition module, and what those of several passes need.

    temperature and epsilon (a step in normalised input units) are ODIN's, passes MC dropout's.
    """

    name: str = "two_heads"
    temperature: float = Odin.temperature
    epsilon: float = Odin.epsilon
    passes: int = McDropout.passes

    __pydantic_config__ = FROZEN

    def __post_init__(self) -> None:
        if self.name not in MODULES:
            raise OpenSetError(
                f"unknown recognition module {self.name!r}: choose one of "
                f"{', '.join(RECOGNITION_NAMES)}"
            )
        if not self.temperature > 0 or not self.epsilon >= 0:
            raise OpenSetError("recognition.temperature must be above 0, epsilon at least 0")
        if self.passes < 2:
            raise OpenSetError(f"recognition.passes is {self.passes}: give at least 2")


def build_recognition(settings: RecognitionSettings) -> RecognitionModule:
    """Return the recognition module that the settings name."""
    if settings.name == Odin.name:
        return Odin(settings.temperature, settings.epsilon)
    if settings.name == McDropout.name:
        return McDropout(settings.passes)
    return MODULES[settings.name]()
