"""From an RGB picture to label, outlier and open-set maps."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import torch
from torch import Tensor

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.inference.calibration import resolve_threshold, temperature_of
from ldn_openset_ros.inference.model_files import (
    DecisionSettings,
    ModelDescription,
    find_model,
    read_description,
    read_network,
)
from ldn_openset_ros.inference.smoothing import DILATION, smooth, suppress_boundaries
from ldn_openset_ros.nn.heads import HeadLogits, upsample_logits
from ldn_openset_ros.nn.network import MIN_INPUT_SIZE, OpenSetNetwork
from ldn_openset_ros.recognition.registry import build_recognition
from ldn_openset_ros.scores import check_score, find_score, fuse
from ldn_openset_ros.taxonomy import IGNORE_INDEX, Taxonomy

OUTPUTS = ("labels", "outlier", "open_set")
BACKENDS = ("auto", "torch")
PRECISIONS = ("auto", "float32", "bfloat16", "float16")
MAX_NETWORK_PIXELS = 2**25
"""Larger inputs would take the network tens of gigabytes."""


@dataclass(frozen=True)
class FrameLogits:
    """The heads' logits of one frame at the network's resolution, on the network's device.

    heads: float32 logits of one frame as the recognition module gives them; size: the (H, W) of
    the frame, to which every map is brought.
    """

    heads: HeadLogits
    size: tuple[int, int]


@dataclass(frozen=True)
class Prediction:
    """Maps of one frame in its own size; None where a map was not asked for.

    labels: uint8 (H, W), argmax class ids. outlier: float32 (H, W) in [0, 1], the chosen score.
    open_set: uint8 (H, W), class ids, C = outlier. A model that knows no classes gives 255 (void)
    in place of class ids.
    """

    labels: np.ndarray | None
    outlier: np.ndarray | None
    open_set: np.ndarray | None


class Predictor:
    """A loaded model, ready for frames of any size; use it from one thread at a time."""

    def __init__(
        self,
        network: OpenSetNetwork,
        description: ModelDescription,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """Take a network in evaluation mode; `load` reads one from a model's folder."""
        self._network = network.to(device)
        self._device = device
        self._dtype = dtype
        self._description = description
        self._recognition = build_recognition(description.recognition)
        mean = torch.tensor(description.normalisation.mean, device=device).view(1, 3, 1, 1)
        std = torch.tensor(description.normalisation.std, device=device).view(1, 3, 1, 1)
        self._mean, self._std = mean, std
        self.taxonomy = Taxonomy.from_dict(description.taxonomy)

    @classmethod
    def load(
        cls,
        model: str | Path,
        device: str = "auto",
        backend: str = "auto",
        precision: str = "auto",
        fusion: str | None = None,
        threshold: float | Literal["calibrated"] | None = None,
        resolution: int | None = None,
        recognition: str | None = None,
    ) -> Predictor:
        """Load a model's folder or a shipped model by name.

        device: "auto" (CUDA where there is a GPU), "cpu", "cuda" or "cuda:N". backend: "auto" or
        "torch". precision: "float32" ("auto"), or "bfloat16", "float16" on a GPU. fusion,
        threshold, resolution: None = the model's own; threshold "calibrated": that of the model's
        calibration of the fusion. recognition: another recognition module on the same heads
        ("odin" or "mc_dropout" on a C-way network). Raises OpenSetError with the remedy.
        """
        folder = find_model(model)
        description = choose_recognition(read_description(folder), recognition)
        own = description.decision
        fusion = own.fusion if fusion is None else fusion
        check_score(fusion, description.usable_scores())
        threshold = resolve_threshold(
            own.threshold if threshold is None else threshold,
            fusion,
            description.calibration,
            description.name,
        )
        decision = replace(
            own,
            fusion=fusion,
            threshold=threshold,
            resolution=own.resolution if resolution is None else int(resolution),
        )
        description = replace(description, decision=decision)
        if backend not in BACKENDS:
            raise OpenSetError(f"unknown backend {backend!r}: choose one of {', '.join(BACKENDS)}")
        chosen = choose_device(device)
        dtype = choose_precision(precision, chosen)
        return cls(read_network(folder, description), description, chosen, dtype)

    @property
    def name(self) -> str:
        """The model's name."""
        return self._description.name

    @property
    def device(self) -> str:
        """Where the network runs, for example "cpu" or "cuda:0"."""
        return str(self._device)

    @property
    def precision(self) -> str:
        """The network's number format, for example "float32"."""
        return str(self._dtype).removeprefix("torch.")

    @property
    def fusion(self) -> str:
        """Name of the score that `decide` uses by default."""
        return self._description.decision.fusion

    @property
    def threshold(self) -> float:
        """Outlier threshold in [0, 1] that `decide` uses by default."""
        return self._description.decision.threshold

    @property
    def resolution(self) -> int:
        """Shorter side in pixels that pictures are resized to; 0 = as they come."""
        return self._description.decision.resolution

    @property
    def smoothing(self) -> float:
        """Sigma in pixels of the Gaussian over the score that `decide` uses by default."""
        return self._description.decision.smoothing

    @property
    def recognition(self) -> str:
        """Name of the recognition module, for example "two_heads"."""
        return self._recognition.name

    @property
    def single_pass(self) -> bool:
        """Whether a frame takes one forward pass of the network, as a running node needs it."""
        return self._recognition.single_pass

    @property
    def gives_classes(self) -> bool:
        """Whether there are class labels; a single outlier head knows none."""
        return self._recognition.gives_classes

    @property
    def usable_scores(self) -> tuple[str, ...]:
        """Names of the scores that this model can give."""
        return self._description.usable_scores()

    def temperature(self, fusion: str | None = None) -> float:
        """Return what divides a score's log-odds; 1 where the model has no calibration of it."""
        score = self.fusion if fusion is None else fusion
        return temperature_of(self._description.calibration, score)

    def resolve_threshold(
        self, threshold: float | Literal["calibrated"], fusion: str | None = None
    ) -> float:
        """Return the number that a threshold stands for, in [0, 1] of the published probability.

        Raises OpenSetError for another value, and for "calibrated" where the model has no
        calibration of the fusion.
        """
        score = self.fusion if fusion is None else fusion
        return resolve_threshold(threshold, score, self._description.calibration, self.name)

    def __call__(self, rgb: np.ndarray) -> Prediction:
        """Recognise one picture, uint8 (H, W, 3) RGB, by the model's defaults."""
        return self.decide(self.infer(rgb))

    def infer(self, rgb: np.ndarray) -> FrameLogits:
        """Run the network on one picture, uint8 (H, W, 3) RGB."""
        return self.forward(self.preprocess(rgb), rgb.shape[:2])

    def preprocess(self, rgb: np.ndarray) -> Tensor:
        """Resize and normalise a picture, uint8 (H, W, 3), to the network's input (1, 3, h, w)."""
        if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8:
            raise OpenSetError(
                f"a picture must be a uint8 array (H, W, 3), got {rgb.dtype} {rgb.shape}"
            )
        height, width = network_size(rgb.shape[:2], self.resolution)
        if (height, width) != rgb.shape[:2]:
            shrinks = height < rgb.shape[0]
            rgb = cv2.resize(
                rgb, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
            )
        batch = torch.from_numpy(np.ascontiguousarray(rgb)).to(self._device)
        batch = batch.permute(2, 0, 1)[None].float()
        return batch.sub_(self._mean).div_(self._std)

    @torch.inference_mode()
    def forward(self, batch: Tensor, size: tuple[int, int]) -> FrameLogits:
        """Run the network on `preprocess`'s output; `size` is the frame's (H, W)."""
        with torch.autocast(self._device.type, self._dtype, enabled=self._dtype != torch.float32):
            heads = self._recognition.infer(self._network, batch)
        heads = HeadLogits(*(None if tensor is None else tensor.float() for tensor in heads))
        return FrameLogits(heads, (int(size[0]), int(size[1])))

    @torch.inference_mode()
    def decide(
        self,
        logits: FrameLogits,
        fusion: str | None = None,
        threshold: float | Literal["calibrated"] | None = None,
        smoothing: float | None = None,
        outputs: Collection[str] = OUTPUTS,
    ) -> Prediction:
        """Turn logits into maps without running the network.

        The outlier map is sigmoid(log-odds / temperature), see `temperature`; the threshold is
        one of that map. fusion, threshold, smoothing (sigma in pixels of a Gaussian over the
        log-odds, 0 = off): None = the predictor's. outputs: which maps to make, of "labels",
        "outlier", "open_set".
        """
        threshold = self.resolve_threshold(
            self.threshold if threshold is None else threshold, fusion
        )
        labels = probability = open_set = None
        heads = self._interpret(logits)
        if "labels" in outputs or "open_set" in outputs:
            labels = self._labels(heads)
        if "outlier" in outputs or "open_set" in outputs:
            log_odds = self._score(heads, fusion, smoothing)
            probability = (log_odds / self.temperature(fusion)).sigmoid()
        if "open_set" in outputs:
            open_set = fuse(labels, probability, threshold, self.taxonomy.outlier_id)
        return Prediction(
            labels.cpu().numpy() if "labels" in outputs else None,
            probability.cpu().numpy() if "outlier" in outputs else None,
            open_set.cpu().numpy() if "open_set" in outputs else None,
        )

    @torch.inference_mode()
    def log_odds(
        self, logits: FrameLogits, fusion: str | None = None, smoothing: float | None = None
    ) -> np.ndarray:
        """Return a score before temperature and sigmoid, float32 (H, W): what ranking takes."""
        return self._score(self._interpret(logits), fusion, smoothing).cpu().numpy()

    @torch.inference_mode()
    def judge(
        self, logits: FrameLogits, scores: Sequence[str]
    ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Return labels, uint8 (H, W), and the log-odds of several scores, float32 (H, W) each."""
        heads = self._interpret(logits)
        log_odds = {name: self._score(heads, name, None).cpu().numpy() for name in scores}
        return self._labels(heads).cpu().numpy(), log_odds

    @torch.inference_mode()
    def best_logit(self, rgb: np.ndarray) -> tuple[Tensor, Tensor]:
        """Return the largest class logit of every pixel and its class, (H, W) each."""
        return self._interpret(self.infer(rgb)).segmentation.max(0)

    def _interpret(self, logits: FrameLogits) -> HeadLogits:
        full_size = upsample_logits(logits.heads, logits.size)
        frame = (None if tensor is None else tensor[0] for tensor in full_size)
        return self._recognition.interpret(HeadLogits(*frame))

    def _labels(self, heads: HeadLogits) -> Tensor:
        if heads.segmentation is None:
            return torch.full_like(heads.outlier[0], IGNORE_INDEX, dtype=torch.uint8)
        return heads.segmentation.argmax(0).to(torch.uint8)

    def _score(self, heads: HeadLogits, fusion: str | None, smoothing: float | None) -> Tensor:
        decision = self._description.decision
        name = check_score(decision.fusion if fusion is None else fusion, self.usable_scores)
        score = find_score(name, decision.exponent, self._description.class_statistics)
        log_odds = score(heads.segmentation, heads.outlier)
        sigma = decision.smoothing if smoothing is None else smoothing
        if decision.boundary_width:
            log_odds = suppress_boundaries(log_odds, self._labels(heads), decision.boundary_width)
            return smooth(log_odds, sigma, DILATION)
        return smooth(log_odds, sigma)


def choose_recognition(description: ModelDescription, name: str | None) -> ModelDescription:
    """Return the description with another recognition module and its default score.

    What was measured on the old module's logits goes: class statistics, calibration, threshold.
    """
    if name is None or name == description.recognition.name:
        return description
    recognition = replace(description.recognition, name=name)
    fusion = build_recognition(recognition).default_score
    decision = replace(description.decision, fusion=fusion, threshold=DecisionSettings.threshold)
    return replace(
        description,
        recognition=recognition,
        decision=decision,
        class_statistics=None,
        calibration=None,
    )


def network_size(size: tuple[int, int], resolution: int) -> tuple[int, int]:
    """Return the (height, width) a picture of `size` is resized to for the network.

    The shorter side becomes `resolution` pixels (0 = unchanged) and never less than 32. Raises
    OpenSetError for more than MAX_NETWORK_PIXELS, as a very long and narrow picture would give.
    """
    height, width = size
    if min(size) < 1:
        raise OpenSetError(f"a picture of {width}x{height} pixels is empty")
    side = max(resolution or min(size), MIN_INPUT_SIZE)
    scale = side / min(size)
    scaled = max(side, round(height * scale)), max(side, round(width * scale))
    if scaled[0] * scaled[1] > MAX_NETWORK_PIXELS:
        raise OpenSetError(
            f"a picture of {width}x{height} pixels would be {scaled[1]}x{scaled[0]} for the "
            f"network, over its limit of {MAX_NETWORK_PIXELS} pixels: lower the resolution or "
            "crop the picture"
        )
    return scaled


def choose_device(device: str) -> torch.device:
    """Return the torch device for "auto", "cpu", "cuda" or "cuda:N"; an absent one is an error."""
    if device == "auto":
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
    except RuntimeError:
        raise OpenSetError(f"unknown device {device!r}: choose auto, cpu or cuda:N") from None
    if chosen.type not in ("cpu", "cuda"):
        raise OpenSetError(f"device {device!r} is not supported: choose auto, cpu or cuda:N")
    if chosen.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (chosen.index or 0) >= count:
            raise OpenSetError(
                f"device {device!r} is not there ({count} CUDA devices found): choose auto or cpu"
            )
    return chosen


def choose_precision(precision: str, device: torch.device) -> torch.dtype:
    """Return the network's number format; reduced formats need a GPU."""
    if precision not in PRECISIONS:
        raise OpenSetError(
            f"unknown precision {precision!r}: choose one of {', '.join(PRECISIONS)}"
        )
    if precision in ("auto", "float32"):
        return torch.float32
    if device.type == "cpu":
        raise OpenSetError(
            f"precision {precision!r} needs a CUDA device: choose float32 on the CPU"
        )
    return getattr(torch, precision)
