"""The node `openset`: images of cameras in; labels, outliers, open-set maps, objects out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import rclpy
import torch
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter
from std_srvs.srv import SetBool

from ldn_openset_ros.errors import OpenSetError, flat
from ldn_openset_ros.inference.predictor import Predictor
from ldn_openset_ros.memory import give_back_freed_memory
from ldn_openset_ros.ros.camera import Camera, Frame, ImageMessage, is_elsewhere
from ldn_openset_ros.ros.declaration import declare
from ldn_openset_ros.ros.diagnostics import Outcome, Report
from ldn_openset_ros.ros.handover import Handover
from ldn_openset_ros.ros.legend_topics import LegendTopics
from ldn_openset_ros.ros.models_own import ModelsOwn
from ldn_openset_ros.ros.node_status import ACTIVE, FINALIZED, INACTIVE, UNCONFIGURED, node_status
from ldn_openset_ros.ros.parameters import (
    DEFAULTS,
    PARAMETERS,
    NodeSettings,
    check_frozen,
    check_value,
)
from ldn_openset_ros.ros.recognition import infer
from ldn_openset_ros.ros.start_parameters import warn_of_unknown
from ldn_openset_ros.ros.topics import Topics
from ldn_openset_ros.ros.worker import Worker
from ldn_openset_ros.scores import check_score

NODE_NAME = "openset"
DIAGNOSTICS_PERIOD = 1.0
CLOSE_TIMEOUT = 1.5
STOP_TIMEOUT = 10.0
"""Seconds that a frame at hand gets when the node is deactivated."""


class OpenSetNode(LifecycleNode):
    """Recognise the newest image of each camera in turn, and publish what is subscribed to.

    A managed node: `configure` loads the model and creates the topics, `activate` starts to
    recognise, `deactivate` stops, `cleanup` frees it all. The executor's thread only receives,
    reports and changes parameters; a worker thread decodes, runs the network and makes the maps,
    which a third thread publishes while the worker goes on to the next frame. An image is decoded
    when the network is free for it, not before: otherwise it would be older by a frame. End it by
    `close`.
    """

    def __init__(self, load: Callable[..., Predictor] = Predictor.load, **options: Any) -> None:
        """Declare the parameters and, where `autostart` is set, configure and activate.

        load: makes the predictor, called as `Predictor.load`; options: those of
        `rclpy.node.Node`. Raises OpenSetError, with the remedy, where a parameter is not allowed
        or the autostart fails.
        """
        super().__init__(NODE_NAME, **options)
        self._load = load
        self._predictor: Predictor | None = None
        self._worker: Worker | None = None
        self._publishing: Handover | None = None
        self._topics = Topics(self)
        self.cameras: list[Camera] = []
        """None while the node is unconfigured."""
        self._enabled = True
        self._failure = ""
        self._autostarting = False
        self._finalized = False
        self._threshold_is_new = False
        try:
            self._settings = self._declare_settings()
            warn_of_unknown(self)
            self._create_standing_topics()
            if self._settings.autostart:
                self._autostart()
        except OpenSetError:
            self.destroy_node()
            raise
        self.add_pre_set_parameters_callback(self._complete_parameters)
        self.add_on_set_parameters_callback(self._check_parameters)
        self.add_post_set_parameters_callback(self._apply_parameters)

    @property
    def state(self) -> str:
        """Return one of UNCONFIGURED, INACTIVE, ACTIVE and FINALIZED."""
        if self._finalized:
            return FINALIZED
        if self._predictor is None:
            return UNCONFIGURED
        return INACTIVE if self._worker is None else ACTIVE

    @property
    def failure(self) -> str:
        """Why the last configure failed; empty where it did not."""
        return self._failure

    def close(self, timeout: float = CLOSE_TIMEOUT) -> bool:
        """End the worker thread and leave the network.

        Returns False, and leaves the node as it is, where the thread is busy for over `timeout` s.
        """
        ended = self._stop_worker(timeout)
        if ended:
            self.destroy_node()
        return ended

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load and warm up the model, create the topics; after a failure it can be repeated."""
        try:
            self._take_models_own()
            self._predictor = self._load_predictor(self._load)
            height, width = self._predictor.warm_up()
            self._create_topics()
        except Exception as error:  # rclpy would swallow it without a word
            known = isinstance(error, OpenSetError)
            self._failure = str(error) if known else f"{type(error).__name__}: {flat(error)}"
            if not self._autostarting:  # whoever made the node tells it then
                self.get_logger().error(f"configure failed: {self._failure}")
            self._free()
            return TransitionCallbackReturn.FAILURE
        self._failure = ""
        predictor = self._predictor
        topics = ", ".join(camera.topic for camera in self.cameras)
        self.get_logger().info(
            f"model {predictor.name} on {predictor.device} by {predictor.backend}, "
            f"{predictor.precision}, warmed up at {width}x{height}, images from {topics}"
        )
        if self._settings.device == "auto" and predictor.device == "cpu":
            self.get_logger().info(
                f"device auto is the CPU: torch {torch.__version__} finds no CUDA device"
            )
        self._warn_of_settings(predictor)
        return super().on_configure(state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Start to recognise."""
        self._start_worker()
        if not self._autostarting:
            self._publish_legend()
        self.get_logger().info("active: images are recognised")
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop to recognise, after the frame at hand; the model stays."""
        if not self._stop_worker(STOP_TIMEOUT):
            # The node stays active, so it goes on as soon as the network does.
            if not self._worker.resume():
                self._start_worker()
            self.get_logger().error(
                f"deactivate failed: a frame has kept the network busy for over {STOP_TIMEOUT:g} "
                "s: the node stays active, deactivate it again"
            )
            return TransitionCallbackReturn.FAILURE
        self.get_logger().info("inactive: images are dropped, the model stays")
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free the model and the topics."""
        self._free()
        self.get_logger().info("unconfigured: the model is freed")
        return super().on_cleanup(state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop and free all, from any state; what a busy thread uses is left to it."""
        self._finalized = True
        if self._stop_worker(STOP_TIMEOUT):
            self._free()
        return super().on_shutdown(state)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free all, so that the node can be configured again; a busy thread ends its life."""
        if not self._stop_worker(STOP_TIMEOUT):
            self._finalized = True
            return TransitionCallbackReturn.FAILURE
        self._free()
        return TransitionCallbackReturn.SUCCESS

    def _autostart(self) -> None:
        self._autostarting = True
        for trigger in (self.trigger_configure, self.trigger_activate):
            if trigger() != TransitionCallbackReturn.SUCCESS:
                raise OpenSetError(self._failure or "the node could not be started: see its log")
        self._autostarting = False
        # Last, for it tells others that the node is up.
        self._publish_legend()

    def _start_worker(self) -> None:
        self._publishing = Handover("openset_publisher")
        self._worker = Worker(
            self._process, self._report_error, self._discard, self._settings.max_batch
        )
        self._worker.start()

    def _stop_worker(self, timeout: float) -> bool:
        """End the worker thread; return False where it is busy for over `timeout` s."""
        if self._worker is None:
            return True
        ended = self._worker.stop(timeout) and self._publishing.stop(timeout)
        if ended:
            self._worker = None
        return ended

    def _free(self) -> None:
        """Give up the model and the topics, whole or in part."""
        self._predictor = None
        for camera in self.cameras:
            camera.destroy()
        self.cameras = []
        self._topics.destroy()
        free_memory()

    def _declare_settings(self) -> NodeSettings:
        model = declare(self, "model", DEFAULTS["model"])
        self._own = ModelsOwn(model)
        fusion = declare(self, "fusion", self._own.values["fusion"])
        self._own.follow(fusion)
        defaults = {**DEFAULTS, **self._own.values}
        values = {
            name: declare(self, name, defaults[name])
            for name in defaults
            if name not in ("model", "fusion")
        }
        return NodeSettings(model=model, fusion=fusion, **values)

    def _take_models_own(self) -> None:
        """Where the model has changed, give parameters that nobody chose its own values."""
        before, self._own = self._own, ModelsOwn(self._settings.model)
        unchosen = self._own.succeed(before, self._settings)
        self._settings = replace(self._settings, **unchosen)
        changed = [Parameter(name, value=value) for name, value in unchosen.items()]
        self.set_parameters(changed)

    def _load_predictor(self, load: Callable[..., Predictor]) -> Predictor:
        settings = self._settings
        try:
            predictor = load(
                settings.model,
                settings.device,
                settings.backend,
                settings.precision,
                settings.fusion,
                settings.threshold,
                settings.resolution,
            )
        except (RuntimeError, MemoryError) as error:  # what torch raises about drivers and memory
            raise OpenSetError(
                f"model {settings.model} cannot be loaded on device {settings.device}: "
                f"{flat(error)}: choose another parameter device"
            ) from error
        if not predictor.single_pass and not settings.allow_multi_pass:
            raise OpenSetError(
                f"model {settings.model} recognises by {predictor.recognition}, which takes "
                "several passes of the network a frame: choose another parameter model, or set "
                "allow_multi_pass if its frame rate will do"
            )
        return predictor

    def _create_standing_topics(self) -> None:
        """Create what is there in every state."""
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 1)
        # Simulated time may stand still; diagnostics go on.
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(DIAGNOSTICS_PERIOD, self._publish_diagnostics, clock=steady)
        self.create_service(SetBool, "~/enable", self._enable)

    def _create_topics(self) -> None:
        settings = self._settings
        for name in settings.cameras:
            self.cameras.append(Camera(self, name, settings, self._predictor, self._deliver))
        self._legend = LegendTopics(self, self._topics)

    def _enable(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        """Switch recognition on or off; the model and the topics stay."""
        self._enabled = bool(request.data)
        response.success = True
        response.message = "enabled" if self._enabled else "disabled: frames are dropped"
        self.get_logger().info(f"~/enable: {response.message}")
        return response

    def _deliver(self, camera: Camera, message: ImageMessage) -> Outcome | None:
        worker = self._worker
        if worker is None or not self._enabled:
            return Outcome.DISABLED
        return Outcome.REPLACED if worker.put(camera, (camera, message)) else None

    def _discard(self, message: tuple[Camera, ImageMessage]) -> None:
        camera, _ = message
        camera.statistics.finished(Outcome.DISABLED)

    def _process(self, messages: list[tuple[Camera, ImageMessage]]) -> None:
        """Bring a message of each camera whose turn it is through the network."""
        settings = self._settings
        frames = []
        for camera, message in messages:
            with camera.guarded():
                frames.append(camera.read(message, settings))
        for batch in frames_by_size(frame for frame in frames if frame):
            pictures = [frame.rgb for frame in batch]
            stopwatches = [frame.stopwatch for frame in batch]
            try:
                logits = infer(self._predictor, pictures, settings, stopwatches)
            except Exception as error:
                for frame in batch:
                    frame.camera.report_error(error)
                continue
            for frame, own in zip(batch, logits, strict=True):
                with frame.camera.guarded():
                    frame.camera.publish(frame, own, settings, self._publishing.put)

    def _report_error(self, messages: list[tuple[Camera, ImageMessage]], error: Exception) -> None:
        for camera, _ in messages:
            camera.report_error(error)

    def _warn_of_settings(self, predictor: Predictor) -> None:
        """Tell what the settings take away from the model."""
        settings, domain = self._settings, predictor.domain
        self._warn_of_threshold()
        if is_elsewhere(predictor):
            self.get_logger().warning(
                f"resolution {settings.resolution}: frames unlike the model's are not told, for "
                f"its domain was measured at {domain.resolution}: take that, or run `ldn-openset "
                f"domain MODEL --resolution {settings.resolution} ...`"
            )

    def _warn_of_threshold(self) -> None:
        warning = self._own.warning(self._settings)
        if warning:
            self.get_logger().warning(warning)

    def _complete_parameters(self, parameters: list[Parameter]) -> list[Parameter]:
        """Add the threshold that the model has for a new fusion, where the request has none."""
        if self._threshold_is_new:
            return parameters
        added = self._own.completion({p.name: p.value for p in parameters}, self._settings)
        return [*parameters, *(Parameter(name, value=value) for name, value in added.items())]

    def _check_parameters(self, parameters: list[Parameter]) -> SetParametersResult:
        try:
            new = {p.name: p.value for p in parameters if p.name in PARAMETERS}
            for name, value in new.items():
                check_value(name, value)
            settings = replace(self._settings, **new)
            if self._predictor is None:
                return SetParametersResult(successful=True)
            check_frozen(self._settings, new)
            check_score(settings.fusion, self._predictor.usable_scores)
            self._predictor.resolve_threshold(settings.threshold, settings.fusion)
        except OpenSetError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def _apply_parameters(self, parameters: list[Parameter]) -> None:
        known = {p.name: p.value for p in parameters if p.name in PARAMETERS}
        if known:
            before, self._settings = self._settings, replace(self._settings, **known)
            for name in known:
                value = getattr(self._settings, name)
                if name != "fusion" and value != getattr(before, name):
                    self.get_logger().info(f"parameter {name} is now {value}")
            if self._settings.fusion != before.fusion:
                self._tell_fusion("threshold" in known or self._threshold_is_new)
            elif "threshold" in known and self.executor is not None:
                # rclpy sets the parameters of a request one by one; the task comes after them.
                self._threshold_is_new = True
                self.executor.create_task(self._forget_new_threshold)
            if self._predictor is not None:
                self._publish_legend()

    def _tell_fusion(self, with_threshold: bool) -> None:
        settings = self._settings
        self._own.follow(settings.fusion, None if with_threshold else settings.threshold)
        self.get_logger().info(f"fusion {settings.fusion}, threshold {settings.threshold}")
        self._warn_of_threshold()

    def _forget_new_threshold(self) -> None:
        self._threshold_is_new = False

    def _publish_legend(self) -> None:
        self._legend.publish(self._predictor, self._settings)

    def _publish_diagnostics(self) -> None:
        message = DiagnosticArray()
        message.header.stamp = self.get_clock().now().to_msg()
        running = self._values()
        waiting = self.state == ACTIVE and self._enabled
        for camera in self.cameras:
            camera.look_around(waiting)
        reports = {camera.name: camera.report() for camera in self.cameras}
        names = reports or self._settings.cameras
        message.status = [self._status(name, reports.get(name), running) for name in names]
        self._diagnostics.publish(message)

    def _status(
        self, camera: str, frames: Report | None, running: Mapping[str, str]
    ) -> DiagnosticStatus:
        busy = 0.0 if self._worker is None else self._worker.busy_for()
        report = node_status(self.state, self._enabled, self._failure, frames, running, busy)
        predictor = self._predictor
        return DiagnosticStatus(
            level=bytes([report.level]),
            name=f"{self.get_fully_qualified_name().lstrip('/')}: {camera or 'recognition'}",
            message=report.message,
            hardware_id=self._settings.device if predictor is None else predictor.device,
            values=[KeyValue(key=key, value=value) for key, value in report.values.items()],
        )

    def _values(self) -> dict[str, str]:
        """Return what runs, for diagnostics; empty without a model."""
        settings, predictor = self._settings, self._predictor
        if predictor is None:
            return {}
        return {
            "model": predictor.name,
            "device": predictor.device,
            "backend": predictor.backend,
            "precision": predictor.precision,
            "resolution": str(settings.resolution),
            "fusion": settings.fusion,
            "threshold": str(predictor.resolve_threshold(settings.threshold, settings.fusion)),
            "temperature": str(predictor.temperature(settings.fusion)),
            **gpu_memory(predictor.device),
        }


def frames_by_size(frames: Iterable[Frame]) -> list[list[Frame]]:
    """Group frames of equal size, in order."""
    groups = defaultdict(list)
    for frame in frames:
        groups[frame.rgb.shape].append(frame)
    return list(groups.values())


def gpu_memory(device: str) -> dict[str, str]:
    """Return the megabytes that torch holds of a GPU, for diagnostics; empty on a CPU."""
    if not device.startswith("cuda"):
        return {}
    return {
        "gpu_memory_allocated_mb": f"{torch.cuda.memory_allocated(device) / 1e6:.0f}",
        "gpu_memory_reserved_mb": f"{torch.cuda.memory_reserved(device) / 1e6:.0f}",
    }


def free_memory() -> None:
    """Return what a model held to the machine."""
    give_back_freed_memory()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def make_node() -> OpenSetNode:
    """Make the node for `rclpy.spin`."""
    # Before the slow start, since an executor cannot be made once a signal has shut ROS down.
    rclpy.get_global_executor()
    return OpenSetNode()
