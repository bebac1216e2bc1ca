"""A model's folder: `model.safetensors` with its weights, `model.yaml` with all else."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import yaml
from safetensors import SafetensorError

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.inference.calibration import Calibration, tempered
from ldn_openset_ros.inference.domain import Domain
from ldn_openset_ros.nn.checkpoint import load_strictly, read_weights, write_weights
from ldn_openset_ros.nn.network import NetworkSettings, OpenSetNetwork
from ldn_openset_ros.recognition.registry import RecognitionSettings, build_recognition
from ldn_openset_ros.resources import models_directory
from ldn_openset_ros.score_names import check_score, check_threshold, usable_scores
from ldn_openset_ros.scores import ClassStatistics
from ldn_openset_ros.settings import FROZEN, read_yaml, settings_from_dict
from ldn_openset_ros.taxonomy import Taxonomy

WEIGHTS_FILE = "model.safetensors"
DESCRIPTION_FILE = "model.yaml"
FORMAT = 1
AUXILIARY_PREFIX = "auxiliary_heads."
"""Of the keys of those heads that training alone uses; a model's folder leaves them out."""


@dataclass(frozen=True)
class Normalisation:
    """Mean and standard deviation of RGB on the scale 0..255; they belong to the weights."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    __pydantic_config__ = FROZEN

    def __post_init__(self) -> None:
        if min(self.std) <= 0:
            raise OpenSetError(f"normalisation std {list(self.std)} must be above 0")


EFFICIENTNET_LITE_NORMALISATION = Normalisation((127.0,) * 3, (128.0,) * 3)
SEMSEG_OD_NORMALISATION = Normalisation(
    (123.68, 116.779, 103.939), (70.59564226, 68.52497082, 71.41913876)
)
"""The normalisation of the paper's authors (METHOD section 1)."""


@dataclass(frozen=True)
class DecisionSettings:
    """How a model turns logits into an open-set map, unless the user chooses otherwise.

    fusion: a name of `scores.SCORES`; threshold in [0, 1], of the published probability, so where
    the fusion is calibrated of the calibrated one; resolution: the shorter side in pixels that
    pictures are resized to for the network, 0 = as they come. exponent: the weight of log MSM in
    `op_x_msm`. smoothing: sigma in pixels of a Gaussian over the score, 0 = off. boundary_width:
    pixels at class boundaries whose score is replaced by what surrounds them before smoothing,
    0 = off.
    """

    fusion: str = "op_x_msm"
    threshold: float = 0.5
    resolution: int = 0
    exponent: float = 1.0
    smoothing: float = 0.0
    boundary_width: int = 0

    __pydantic_config__ = FROZEN

    def __post_init__(self) -> None:
        check_score(self.fusion)
        check_threshold(self.threshold)
        if self.exponent < 0 or self.smoothing < 0 or self.boundary_width < 0:
            raise OpenSetError("exponent, smoothing and boundary_width must be at least 0")
        if self.resolution < 0:
            raise OpenSetError(f"resolution is {self.resolution}: give 0 or a size in pixels")


@dataclass(frozen=True)
class ModelDescription:
    """What `model.yaml` holds."""

    name: str
    network: NetworkSettings
    normalisation: Normalisation
    taxonomy: dict
    recognition: RecognitionSettings = field(default_factory=RecognitionSettings)
    decision: DecisionSettings = field(default_factory=DecisionSettings)
    class_statistics: ClassStatistics | None = None
    trained: bool = True
    """False for a network whose heads are still random."""
    calibration: Calibration | None = None
    """Of one score: its temperature, and the threshold that `calibrated` stands for."""
    domain: Domain | None = None
    """What ordinary frames look like to the model."""
    format: int = FORMAT

    __pydantic_config__ = FROZEN

    def __post_init__(self) -> None:
        if self.format != FORMAT:
            raise OpenSetError(
                f"model {self.name!r} has format {self.format}, this version reads {FORMAT}: "
                "update ldn_openset_ros"
            )
        classes = Taxonomy.from_dict(self.taxonomy).num_classes
        if classes != self.network.num_classes:
            raise OpenSetError(
                f"model {self.name!r} has {self.network.num_classes} logits but a taxonomy of "
                f"{classes} classes"
            )
        statistics = self.class_statistics
        if statistics is not None and len(statistics.mean) != classes:
            raise OpenSetError(
                f"model {self.name!r} has class statistics of {len(statistics.mean)} classes, not "
                f"of its {classes}: train it again or take class_statistics out"
            )
        module = build_recognition(self.recognition)
        heads = (module.segmentation_head, module.outlier_head)
        if heads != (self.network.segmentation_head, self.network.outlier_head):
            raise OpenSetError(
                f"model {self.name!r}: recognition {module.name} needs segmentation_head "
                f"{heads[0]} and outlier_head {str(heads[1]).lower()} in its network: choose "
                "another recognition module"
            )
        if module.name == "mc_dropout" and not self.network.dropout:
            raise OpenSetError(
                f"model {self.name!r} was trained without dropout, which mc_dropout needs: train "
                "it with network.dropout above 0"
            )
        check_score(self.decision.fusion, self.usable_scores())
        if self.domain is not None:
            check_score(self.domain.fusion, self.usable_scores())
            if "confidence" in self.domain.ranges and not module.gives_classes:
                raise OpenSetError(
                    f"model {self.name!r} has a domain with a range of confidence, which needs "
                    "classes: measure its domain again"
                )

    def usable_scores(self) -> tuple[str, ...]:
        """Return the names of the scores that this model can give."""
        module = build_recognition(self.recognition)
        return usable_scores(
            module.gives_classes, module.gives_outlier, self.class_statistics is not None
        )


def known_thresholds(description: ModelDescription) -> dict[str, float]:
    """Return by score the thresholds that a model has: its own fusion's, its calibration's."""
    calibration, own = description.calibration, description.decision
    calibrated = {} if calibration is None else {calibration.score: calibration.threshold}
    return {**calibrated, own.fusion: own.threshold}


def with_calibration(description: ModelDescription, calibration: Calibration) -> ModelDescription:
    """Return the description with a calibration in place of the one it has, if any.

    Its temperature changes what a probability of its score means. So a calibration of the model's
    own fusion also sets the threshold in `decision`, and where it ends one of the model's own
    fusion, that threshold is put back on the scale without a temperature: decisions stay. The
    domain goes, for its share of outliers was counted by what is now another threshold.
    """
    decision, old = description.decision, description.calibration
    if calibration.score == decision.fusion:
        decision = replace(decision, threshold=calibration.threshold)
    elif old is not None and old.score == decision.fusion:
        raw = tempered(decision.threshold, 1 / old.temperature)
        decision = replace(decision, threshold=raw)
    return replace(description, decision=decision, calibration=calibration, domain=None)


def find_model(model: str | Path) -> Path:
    """Return a model's folder, given as a path or as the name of a shipped model."""
    for folder in (Path(model), models_directory() / model):
        with contextlib.suppress(OSError):  # a name too long for a file, a folder not to be read
            if (folder / DESCRIPTION_FILE).is_file():
                return folder
    shipped = ", ".join(folder.name for folder in shipped_models())
    raise OpenSetError(
        f"no model {str(model)!r}: give a folder with {DESCRIPTION_FILE} and {WEIGHTS_FILE}, or "
        f"one of {shipped or '(none shipped)'}"
    )


def shipped_models() -> list[Path]:
    """Return the folders of the models that come with the package, by name."""
    return sorted(path.parent for path in models_directory().glob(f"*/{DESCRIPTION_FILE}"))


def read_description(folder: Path) -> ModelDescription:
    """Read and check `model.yaml`."""
    path = folder / DESCRIPTION_FILE
    return settings_from_dict(ModelDescription, read_yaml(path), path)


def read_network(folder: Path, description: ModelDescription) -> OpenSetNetwork:
    """Build the network and fill it from `model.safetensors`, strictly; evaluation mode."""
    path = folder / WEIGHTS_FILE
    network = OpenSetNetwork(description.network)
    load_strictly(network, read_weights(path), path)
    return network.eval()


def write_model(folder: Path, description: ModelDescription, network: OpenSetNetwork) -> None:
    """Write a model's folder, weights as they are and without the auxiliary heads.

    Raises OpenSetError where the folder cannot be written.
    """
    state = {
        name: tensor
        for name, tensor in network.state_dict().items()
        if not name.startswith(AUXILIARY_PREFIX)
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_weights(state, folder / WEIGHTS_FILE, half_precision=False)
    except (OSError, SafetensorError) as error:
        raise OpenSetError(
            f"cannot write the model {folder}: {error}: make room or choose another folder"
        ) from None
    write_description(folder, description)


def halve_weights(folder: Path) -> None:
    """Store a model's convolutions in half precision, at once: the old weights or the new ones.

    Raises OpenSetError where the folder cannot be written.
    """
    path = folder / WEIGHTS_FILE
    new = path.with_suffix(".new")
    try:
        write_weights(read_weights(path), new, half_precision=True)
        os.replace(new, path)
    except (OSError, SafetensorError) as error:
        raise OpenSetError(f"cannot write the model {folder}: {error}") from None


def refuse_model(folder: Path) -> None:
    """Raise OpenSetError where a folder that is to be written holds a model already."""
    if os.path.lexists(folder / DESCRIPTION_FILE):
        raise OpenSetError(f"{folder} holds a model already: remove it or choose another -o")


def check_changeable(folder: Path) -> None:
    """Raise OpenSetError where the `model.yaml` of a model cannot be written anew."""
    # It may be a link, as colcon installs them.
    if not os.access((folder / DESCRIPTION_FILE).resolve().parent, os.W_OK):
        raise OpenSetError(
            f"{folder} cannot be written: change a copy, `ldn-openset models {folder.name} -o DIR`"
        )


def copy_model(source: Path, output: Path, without: Sequence[str] = ()) -> Path:
    """Copy a model's folder, without the files of some patterns; return the copy.

    Raises OpenSetError where `output` holds a model already or cannot be written.
    """
    refuse_model(output)
    ignore = shutil.ignore_patterns(*without)
    try:
        shutil.copytree(source, output, ignore=ignore, dirs_exist_ok=True)
    except (OSError, shutil.Error) as error:
        raise OpenSetError(f"cannot copy {source} to {output}: {error}") from None
    return output


def write_description(folder: Path, description: ModelDescription) -> None:
    """Write `model.yaml` at once: whoever reads it meanwhile finds the old one or the new one.

    Raises OpenSetError where the folder cannot be written.
    """
    values = {name: value for name, value in asdict(description).items() if value is not None}
    text = yaml.safe_dump(
        _plain(values), sort_keys=False, allow_unicode=True, default_flow_style=None
    )
    # A link, as colcon installs them, stays one.
    path = (folder / DESCRIPTION_FILE).resolve()
    new = path.with_suffix(".new")
    try:
        new.write_text(text)
        os.replace(new, path)
    except OSError as error:
        raise OpenSetError(f"cannot write {folder / DESCRIPTION_FILE}: {error.strerror}") from None


def _plain(value):
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return value
