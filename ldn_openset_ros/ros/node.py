"""The node `openset`: camera images in; labels, outlier probability, open-set map, overlay out."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import Clock, ClockType
from rclpy.exceptions import ParameterException
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile
from rclpy.qos_overriding_options import InvalidQosOverridesError, QoSOverridingOptions
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import String

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.inference.model_files import find_model, read_description
from ldn_openset_ros.inference.predictor import Predictor
from ldn_openset_ros.ros.declaration import declare
from ldn_openset_ros.ros.diagnostics import FrameStatistics, Outcome, Stopwatch
from ldn_openset_ros.ros.images import decode_compressed, decode_image, image_message
from ldn_openset_ros.ros.legend import id_names, legend
from ldn_openset_ros.ros.parameters import DEFAULTS, PARAMETERS, NodeSettings, check_value
from ldn_openset_ros.ros.process import run_node
from ldn_openset_ros.ros.qos import latched_qos, output_qos, sensor_qos
from ldn_openset_ros.ros.recognition import OUTPUTS, recognise
from ldn_openset_ros.ros.throttle import Throttle
from ldn_openset_ros.ros.worker import Worker
from ldn_openset_ros.scores import check_score

try:
    from vision_msgs.msg import LabelInfo, VisionClass
except ImportError:
    LabelInfo = None

NODE_NAME = "openset"
DIAGNOSTICS_PERIOD = 1.0
ERROR_LOG_PERIOD = 5.0
CLOSE_TIMEOUT = 1.5


class OpenSetNode(Node):
    """Recognise the newest image whenever the network is free, and publish what is subscribed to.

    The executor's thread only receives, reports and changes parameters; a worker thread runs the
    network. End it by `close`.
    """

    def __init__(self, load: Callable[..., Predictor] = Predictor.load, **options: Any) -> None:
        """Declare the parameters and load the model; `options` are those of `rclpy.node.Node`.

        load: makes the predictor, called as `Predictor.load`. Raises OpenSetError, with the
        remedy, where a parameter or the model is not usable.
        """
        super().__init__(NODE_NAME, **options)
        try:
            self._settings = self._declare_settings()
            self._predictor = self._load_predictor(load)
            self.statistics = FrameStatistics()
            self._error_throttle = Throttle(ERROR_LOG_PERIOD)
            self._worker = Worker(self._process, self._report_error)
            self._create_topics()
        except OpenSetError:
            self.destroy_node()
            raise
        self.add_on_set_parameters_callback(self._check_parameters)
        self.add_post_set_parameters_callback(self._apply_parameters)
        self._publish_legend()
        self._worker.start()
        self.get_logger().info(
            f"model {self._predictor.name} on {self._predictor.device}, images from {self._topic}"
        )

    def close(self, timeout: float = CLOSE_TIMEOUT) -> bool:
        """End the worker thread and leave the network.

        Returns False, and leaves the node as it is, where the thread is busy for over `timeout` s.
        """
        ended = self._worker.stop(timeout)
        if ended:
            self.destroy_node()
        return ended

    def _declare_settings(self) -> NodeSettings:
        model = declare(self, "model", DEFAULTS["model"])
        own = read_description(find_model(model)).decision
        models_own = {name: value for name, value in asdict(own).items() if name in PARAMETERS}
        defaults = {**DEFAULTS, **models_own}
        values = {
            name: declare(self, name, defaults[name]) for name in defaults if name != "model"
        }
        return NodeSettings(model=model, **values)

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
                f"{_one_line(error)}: choose another parameter device"
            ) from error
        if not predictor.single_pass and not settings.allow_multi_pass:
            raise OpenSetError(
                f"model {settings.model} recognises by {predictor.recognition}, which takes "
                "several passes of the network a frame: choose another parameter model, or set "
                "allow_multi_pass if its frame rate will do"
            )
        return predictor

    def _create_topics(self) -> None:
        topic = self.resolve_topic_name("image")
        if self._settings.image_transport == "compressed":
            # Like image_transport: remapping `image` moves its compressed form as well.
            kind, topic, self._decode = CompressedImage, f"{topic}/compressed", decode_compressed
        else:
            kind, self._decode = Image, decode_image
        subscription = self._with_qos(
            self.create_subscription, kind, topic, sensor_qos(), self._receive
        )
        self._topic = subscription.topic_name
        self._outputs = {
            name: self._with_qos(self.create_publisher, Image, f"~/{name}", output_qos())
            for name in OUTPUTS
        }
        self._legend = self.create_publisher(String, "~/legend", latched_qos())
        self._label_info = None
        if LabelInfo is not None:
            self._label_info = self.create_publisher(LabelInfo, "~/label_info", latched_qos())
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 1)
        # Simulated time may stand still; diagnostics go on.
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(DIAGNOSTICS_PERIOD, self._publish_diagnostics, clock=steady)

    def _with_qos(
        self, create: Callable, kind: type, topic: str, qos: QoSProfile, *callback: Callable
    ) -> Any:
        """Create a publisher or subscription whose QoS the user may override by parameters."""
        overriding = QoSOverridingOptions.with_default_policies()
        try:
            return create(kind, topic, *callback, qos, qos_overriding_options=overriding)
        except (ParameterException, InvalidQosOverridesError, RuntimeError, ValueError) as error:
            raise OpenSetError(f"qos_overrides of {topic}: {_one_line(error)}") from error

    def _receive(self, message: Image | CompressedImage) -> None:
        self.statistics.received()
        if self._worker.put(message):
            self.statistics.finished(Outcome.REPLACED)

    def _process(self, message: Image | CompressedImage) -> None:
        settings = self._settings
        age = self._age(message)
        if settings.max_age and age is not None and age > settings.max_age:
            self.statistics.finished(Outcome.TOO_OLD)
            return
        wanted = [name for name, out in self._outputs.items() if out.get_subscription_count()]
        if not wanted:
            self.statistics.finished(Outcome.IDLE)
            return
        stopwatch = Stopwatch()
        rgb = self._decode(message)
        stopwatch.lap("decode")
        maps = recognise(self._predictor, rgb, settings, wanted, stopwatch)
        for name, pixels in maps.items():
            encoding = OUTPUTS[name].encoding
            self._outputs[name].publish(image_message(Image, pixels, encoding, message.header))
        stopwatch.lap("publish")
        self.statistics.processed(stopwatch.seconds, self._age(message))

    def _report_error(self, message: Image | CompressedImage, error: Exception) -> None:
        if not self.context.ok():  # shut down while the worker was publishing
            return
        if isinstance(error, OpenSetError):
            outcome, reason = Outcome.BAD, str(error)
        else:
            outcome = Outcome.FAILED
            reason = (
                f"recognition failed, {type(error).__name__}: {_one_line(error)}; if memory ran "
                "out, lower the parameter resolution"
            )
        text = f"{self._topic}: {reason}"
        self.statistics.finished(outcome, text)
        count = self._error_throttle.admit(outcome.value)
        if count:
            repeated = f" ({count} such frames since the last report)" if count > 1 else ""
            self.get_logger().error(text + repeated)

    def _age(self, message: Image | CompressedImage) -> float | None:
        """Return the seconds since a message's stamp; None where it has none."""
        stamp = message.header.stamp.sec * 10**9 + message.header.stamp.nanosec
        return (self.get_clock().now().nanoseconds - stamp) / 1e9 if stamp else None

    def _check_parameters(self, parameters: list[Parameter]) -> SetParametersResult:
        try:
            new = {p.name: p.value for p in parameters if p.name in PARAMETERS}
            for name, value in new.items():
                check_value(name, value)
            settings = replace(self._settings, **new)
            check_score(settings.fusion, self._predictor.usable_scores)
            self._predictor.resolve_threshold(settings.threshold, settings.fusion)
        except OpenSetError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def _apply_parameters(self, parameters: list[Parameter]) -> None:
        known = {p.name: p.value for p in parameters if p.name in PARAMETERS}
        if known:
            self._settings = replace(self._settings, **known)
            self._publish_legend()

    def _publish_legend(self) -> None:
        settings, taxonomy = self._settings, self._predictor.taxonomy
        threshold = self._predictor.resolve_threshold(settings.threshold, settings.fusion)
        content = legend(
            taxonomy,
            model=self._predictor.name,
            fusion=settings.fusion,
            threshold=threshold,
            temperature=self._predictor.temperature(settings.fusion),
            resolution=settings.resolution,
        )
        self._legend.publish(String(data=json.dumps(content)))
        if self._label_info is not None:
            info = LabelInfo(threshold=threshold)
            info.header.stamp = self.get_clock().now().to_msg()
            info.class_map = [
                VisionClass(class_id=index, class_name=name)
                for index, name in id_names(taxonomy).items()
            ]
            self._label_info.publish(info)

    def _publish_diagnostics(self) -> None:
        report = self.statistics.report()
        settings, predictor = self._settings, self._predictor
        values = {
            "topic": self._topic,
            "model": predictor.name,
            "device": predictor.device,
            "precision": predictor.precision,
            "resolution": str(settings.resolution),
            "fusion": settings.fusion,
            "threshold": str(predictor.resolve_threshold(settings.threshold, settings.fusion)),
            "temperature": str(predictor.temperature(settings.fusion)),
            **report.values,
        }
        status = DiagnosticStatus(
            level=bytes([report.level]),
            name=f"{self.get_fully_qualified_name().lstrip('/')}: recognition",
            message=report.message,
            hardware_id=predictor.device,
            values=[KeyValue(key=key, value=value) for key, value in values.items()],
        )
        message = DiagnosticArray(status=[status])
        message.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(message)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())


def make_node() -> OpenSetNode:
    """Make the node for `rclpy.spin`."""
    # Before the slow start, since an executor cannot be made once a signal has shut ROS down.
    rclpy.get_global_executor()
    return OpenSetNode()


def main(args: list[str] | None = None) -> int:
    """Run the node until SIGINT or SIGTERM; return the exit code (1: it could not start)."""
    return run_node(NODE_NAME, make_node, rclpy.spin, args)


if __name__ == "__main__":
    sys.exit(main())
