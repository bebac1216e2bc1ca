"""From an RGB picture to label, outlier and open-set maps."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import torch
from torch import Tensor

from ldn_openset_ros.errors import OpenSetError, OpenSetWarning
from ldn_openset_ros.inference.backends.backend import Backend
from ldn_openset_ros.inference.backends.pixel_network import PixelNetwork
from ldn_openset_ros.inference.backends.registry import make_backend
from ldn_openset_ros.inference.backends.torch_backend import TorchBackend
from ldn_openset_ros.inference.bands import BAND_ROWS, BandWorkers, upsampled_band
from ldn_openset_ros.inference.calibration import resolve_threshold, temperature_of
from ldn_openset_ros.inference.domain import Domain
from ldn_openset_ros.inference.model_files import (
    DecisionSettings,
    ModelDescription,
    find_model,
    known_thresholds,
    read_description,
    read_network,
)
from ldn_openset_ros.inference.smoothing import DILATION, smooth, suppress_boundaries
from ldn_openset_ros.memory import check_memory
from ldn_openset_ros.nn.heads import HeadLogits
from ldn_openset_ros.nn.network import MIN_INPUT_SIZE, OpenSetNetwork
from ldn_openset_ros.recognition.registry import build_recognition
from ldn_openset_ros.score_names import check_score
from ldn_openset_ros.scores import argmax_ids, find_score, fuse
from ldn_openset_ros.taxonomy import IGNORE_INDEX, Taxonomy

OUTPUTS = ("labels", "outlier", "open_set")
WARM_UP_SIZE = (480, 640)
MAX_NETWORK_PIXELS = 2**25
"""Larger inputs would take the network tens of gigabytes."""
NETWORK_BYTES, NETWORK_BYTES_OF = 300, {"ncnn": 1000}
FRAME_BYTES = 16
"""What a pixel of the network's input, and one of the frame, take at least on a CPU: measured
with the shipped model, which is the smallest."""


@dataclass(frozen=True)
class FrameLogits:
    """The heads' logits of one frame at the network's resolution, on the network's device.

    heads: float32 logits of one frame as the recognition module gives them; size: the (H, W) to
    which every map is brought.
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


@dataclass(frozen=True)
class Judgement:
    """A frame's maps and the scores behind them.

    log_odds: float32 (H, W) by score, before temperature and sigmoid: what ranking takes.
    """

    prediction: Prediction
    log_odds: dict[str, np.ndarray]


class Predictor:
    """A loaded model, ready for frames of any size; use it from one thread at a time."""

    def __init__(self, backend: Backend, description: ModelDescription) -> None:
        """Take what runs the network, and all else; `load` reads both from a model's folder."""
        self._backend = backend
        self._device = torch.device(backend.device)
        self._description = description
        self._recognition = build_recognition(description.recognition)
        on_cpu = self._device.type == "cpu"
        self._band_rows = BAND_ROWS if on_cpu else MAX_NETWORK_PIXELS
        self._workers = BandWorkers(torch.get_num_threads() if on_cpu else 1)
        self._fitted = 0
        self.taxonomy = Taxonomy.from_dict(description.taxonomy)
        self._thresholds = known_thresholds(description)

    @classmethod
    def of_network(
        cls, network: OpenSetNetwork, description: ModelDescription, device: torch.device
    ) -> Predictor:
        """Take a network in evaluation mode, as it is in a training."""
        pixel_network = PixelNetwork(network, description)
        return cls(TorchBackend(pixel_network, device, torch.float32), description)

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

        device: "auto" (CUDA where there is a GPU), "cpu", "cuda" or "cuda:N". backend, precision:
        see `backends.names`; "auto" is the fastest exact one that is installed. fusion,
        resolution: None = the model's own. threshold: None = the one that the model has for the
        fusion, and where it has none its own fusion's, with an OpenSetWarning; "calibrated": that
        of the model's calibration of the fusion. recognition: another recognition module on the
        same heads ("odin" or "mc_dropout" on a C-way network). Raises OpenSetError, with the
        remedy.
        """
        folder = find_model(model)
        description = choose_recognition(read_description(folder), recognition)
        own = description.decision
        fusion = own.fusion if fusion is None else fusion
        check_score(fusion, description.usable_scores())
        thresholds = known_thresholds(description)
        if threshold is None:
            threshold = threshold_for(fusion, thresholds, own.threshold, description.name)
        threshold = resolve_threshold(
            threshold,
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
        network = PixelNetwork(read_network(folder, description), description)
        predictor = cls(make_backend(network, backend, precision, device, folder), description)
        predictor._thresholds = {**thresholds, fusion: threshold}
        return predictor

    @property
    def name(self) -> str:
        """The model's name."""
        return self._description.name

    @property
    def device(self) -> str:
        """Where the network runs, for example "cpu" or "cuda:0"."""
        return self._backend.device

    @property
    def backend(self) -> str:
        """What runs the network, for example "ncnn"."""
        return self._backend.name

    @property
    def precision(self) -> str:
        """The network's number format, for example "float32"."""
        return self._backend.precision

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
    def domain(self) -> Domain | None:
        """What ordinary frames look like to the model; None where nobody measured it."""
        return self._description.domain

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

    def warm_up(self, size: tuple[int, int] = WARM_UP_SIZE) -> tuple[int, int]:
        """Run a dark picture of (height, width) through, so that the first frame does not wait.

        Returns the (height, width) of the network's input.
        """
        self(np.zeros((*size, 3), np.uint8))
        return network_size(size, self.resolution)

    def infer(self, rgb: np.ndarray) -> FrameLogits:
        """Run the network on one picture, uint8 (H, W, 3) RGB."""
        (logits,) = self.infer_pixels(self.preprocess(rgb)[None], rgb.shape[:2])
        return logits

    def preprocess(self, rgb: np.ndarray) -> np.ndarray:
        """Resize a picture, uint8 (H, W, 3) RGB, to the network's input, uint8 (h, w, 3)."""
        if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8:
            raise OpenSetError(
                f"a picture must be a uint8 array (H, W, 3), got {rgb.dtype} {rgb.shape}"
            )
        size = network_size(rgb.shape[:2], self.resolution)
        self._check_memory(rgb.shape[:2], size)
        return np.ascontiguousarray(resized(rgb, size))

    def _check_memory(self, size: tuple[int, int], network: tuple[int, int]) -> None:
        """Raise OpenSetError where a picture surely does not fit into the CPU's memory.

        Once one of its size fitted it is not asked again: the process keeps what it took.
        """
        if self._device.type != "cpu":
            return
        pixel = NETWORK_BYTES_OF.get(self.backend, NETWORK_BYTES)
        needed = math.prod(network) * pixel + math.prod(size) * FRAME_BYTES
        if needed > self._fitted:
            check_memory(f"recognising a picture of {size[1]}x{size[0]} pixels", needed)
            self._fitted = needed

    def infer_pixels(self, pixels: np.ndarray, size: tuple[int, int]) -> list[FrameLogits]:
        """Run the network on N frames, `preprocess`'s outputs put together: uint8 (N, h, w, 3).

        The maps of each will have `size` (H, W). They differ from those of frames on their own by
        what rounding of float32 makes.
        """
        heads = self._backend.infer(pixels)
        size = (int(size[0]), int(size[1]))
        return [
            FrameLogits(HeadLogits(*(None if t is None else t[n : n + 1] for t in heads)), size)
            for n in range(len(pixels))
        ]

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
        log-odds, 0 = off): None = the predictor's; the threshold of another fusion than its own as
        `load` has it. outputs: which maps to make, of "labels",
        "outlier", "open_set".
        """
        return self.judge(logits, (), fusion, threshold, smoothing, outputs).prediction

    @torch.inference_mode()
    def judge(
        self,
        logits: FrameLogits,
        scores: Sequence[str],
        fusion: str | None = None,
        threshold: float | Literal["calibrated"] | None = None,
        smoothing: float | None = None,
        outputs: Collection[str] = OUTPUTS,
    ) -> Judgement:
        """Return the maps of `decide` and the log-odds of several scores, for measuring."""
        fusion = self.fusion if fusion is None else fusion
        if threshold is None:
            threshold = threshold_for(fusion, self._thresholds, self.threshold, self.name)
        threshold = self.resolve_threshold(threshold, fusion)
        decides = "outlier" in outputs or "open_set" in outputs
        wanted = dict.fromkeys((*scores, fusion) if decides else scores)
        with_labels = "labels" in outputs or "open_set" in outputs
        labels, log_odds = self._maps(logits, list(wanted), smoothing, with_labels)
        probability = torch.empty_like(log_odds[fusion]) if decides else None
        open_set = torch.empty_like(labels) if "open_set" in outputs else None
        temperature = self.temperature(fusion)

        def decide(band: slice) -> None:
            probability[band] = (log_odds[fusion][band] / temperature).sigmoid_()
            if open_set is not None:
                outlier_id = self.taxonomy.outlier_id
                open_set[band] = fuse(labels[band], probability[band], threshold, outlier_id)

        if decides:
            self._workers.run(decide, logits.size[0], self._band_rows)
        prediction = Prediction(
            labels.cpu().numpy() if "labels" in outputs else None,
            probability.cpu().numpy() if "outlier" in outputs else None,
            open_set.cpu().numpy() if "open_set" in outputs else None,
        )
        return Judgement(prediction, {name: log_odds[name].cpu().numpy() for name in scores})

    @torch.inference_mode()
    def log_odds(
        self, logits: FrameLogits, fusion: str | None = None, smoothing: float | None = None
    ) -> np.ndarray:
        """Return a score before temperature and sigmoid, float32 (H, W): what ranking takes."""
        fusion = self.fusion if fusion is None else fusion
        _, log_odds = self._maps(logits, [fusion], smoothing)
        return log_odds[fusion].cpu().numpy()

    @torch.inference_mode()
    def frame_figures(
        self, logits: FrameLogits, fusion: str | None = None, threshold: float | None = None
    ) -> dict[str, float]:
        """Return what sums a frame up, from 0 to 1 each, at the network's resolution.

        `outlier_share`: share of its pixels that are outliers by fusion and threshold (None = the
        predictor's). `confidence`: mean over its pixels of the largest class probability; absent
        where there are no classes.
        """
        fusion = self.fusion if fusion is None else fusion
        if threshold is None:
            threshold = threshold_for(fusion, self._thresholds, self.threshold, self.name)
        heads = self._recognition.interpret(_first(logits.heads))
        log_odds = self._score(fusion)(heads.segmentation, heads.outlier)
        outlying = (log_odds / self.temperature(fusion)).sigmoid() >= threshold
        figures = {"outlier_share": float(outlying.float().mean())}
        if heads.segmentation is not None:
            figures["confidence"] = float(heads.segmentation.softmax(0).amax(0).mean())
        return figures

    @torch.inference_mode()
    def best_logit(self, rgb: np.ndarray) -> tuple[Tensor, Tensor]:
        """Return the largest class logit of every pixel and its class, (H, W) each."""
        logits = self.infer(rgb)
        best = torch.empty(logits.size, device=self._device)
        index = torch.empty(logits.size, dtype=torch.int64, device=self._device)

        def find(band: slice) -> None:
            best[band], index[band] = self._logits_of(logits, band).segmentation.max(0)

        self._workers.run(find, logits.size[0], self._band_rows)
        return best, index

    def _logits_of(self, logits: FrameLogits, band: slice) -> HeadLogits:
        """Return what the recognition module makes of the logits in a band of rows."""
        return self._recognition.interpret(upsampled_band(logits.heads, logits.size, band))

    def _maps(
        self,
        logits: FrameLogits,
        scores: Sequence[str],
        smoothing: float | None,
        with_labels: bool = False,
    ) -> tuple[Tensor | None, dict[str, Tensor]]:
        """Return labels, uint8, and the smoothed log-odds of each score, float32, (H, W) each."""
        decision = self._description.decision
        functions = {name: self._score(name) for name in scores}
        log_odds = {name: torch.empty(logits.size, device=self._device) for name in scores}
        labels = None
        if with_labels or decision.boundary_width:
            labels = torch.empty(logits.size, dtype=torch.uint8, device=self._device)

        def judge(band: slice) -> None:
            heads = self._logits_of(logits, band)
            if labels is not None:
                labels[band] = self._labels(heads)
            for name, score in functions.items():
                log_odds[name][band] = score(heads.segmentation, heads.outlier)

        self._workers.run(judge, logits.size[0], self._band_rows)
        sigma = decision.smoothing if smoothing is None else smoothing
        for name, score_map in log_odds.items():
            if decision.boundary_width:
                score_map = suppress_boundaries(score_map, labels, decision.boundary_width)
                log_odds[name] = smooth(score_map, sigma, DILATION)
            else:
                log_odds[name] = smooth(score_map, sigma)
        return labels, log_odds

    def _labels(self, heads: HeadLogits) -> Tensor:
        if heads.segmentation is None:
            return torch.full_like(heads.outlier[0], IGNORE_INDEX, dtype=torch.uint8)
        return argmax_ids(heads.segmentation)

    def _score(self, name: str) -> Callable[[Tensor | None, Tensor | None], Tensor]:
        check_score(name, self.usable_scores)
        decision = self._description.decision
        return find_score(name, decision.exponent, self._description.class_statistics)


def threshold_for(fusion: str, known: Mapping[str, float], other: float, model: str) -> float:
    """Return the threshold that is known for a fusion, else `other`, with an OpenSetWarning.

    known: by score; model: its name.
    """
    if fusion not in known:
        warnings.warn(no_threshold(fusion, other, model), OpenSetWarning, stacklevel=3)
    return known.get(fusion, other)


def no_threshold(fusion: str, threshold: float | str, model: str) -> str:
    """Return the warning of a threshold that was made for another score."""
    return (
        f"threshold {threshold} was not chosen for {fusion}, and model {model} has none for it: "
        f"run `ldn-openset calibrate MODEL --score {fusion} ...` or set the threshold"
    )


def _first(heads: HeadLogits) -> HeadLogits:
    """Return the logits of the first frame, without their first dimension."""
    return HeadLogits(*(None if tensor is None else tensor[0] for tensor in heads))


def choose_recognition(description: ModelDescription, name: str | None) -> ModelDescription:
    """Return the description with another recognition module and its default score.

    What was measured on the old module's logits goes: class statistics, calibration, threshold,
    domain.
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
        domain=None,
    )


def resized(rgb: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return a picture, uint8 (H, W, 3), in the (height, width) of a network's input."""
    height, width = size
    if rgb.shape[:2] == (height, width):
        return rgb
    method = cv2.INTER_AREA if height < rgb.shape[0] else cv2.INTER_LINEAR
    return cv2.resize(rgb, (width, height), interpolation=method)


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
