"""A camera of the node: its topics, its statistics, and what is remembered of its frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from ldn_openset_ros.errors import OpenSetError, flat, is_out_of_memory
from ldn_openset_ros.inference.predictor import FrameLogits, Predictor
from ldn_openset_ros.ros.camera_names import camera_topic
from ldn_openset_ros.ros.continuity import Continuity
from ldn_openset_ros.ros.diagnostics import (
    FrameStatistics,
    Level,
    LostObjects,
    Outcome,
    Report,
    Stopwatch,
)
from ldn_openset_ros.ros.domain_shift import DomainShift
from ldn_openset_ros.ros.handover import Task
from ldn_openset_ros.ros.images import decode_compressed, decode_image, image_message
from ldn_openset_ros.ros.objects import NEEDED, OutlierObjects
from ldn_openset_ros.ros.parameters import NodeSettings
from ldn_openset_ros.ros.qos import output_qos, sensor_qos
from ldn_openset_ros.ros.recognition import OUTPUTS, make_maps, output_size
from ldn_openset_ros.ros.silence import (
    COMPRESSED_IMAGE,
    IMAGE,
    Silence,
    SilenceWatch,
    where_images_are,
)
from ldn_openset_ros.ros.stamped import stamp_of
from ldn_openset_ros.ros.temporal_smoothing import TemporalSmoothing
from ldn_openset_ros.ros.throttle import Throttle
from ldn_openset_ros.ros.topics import Topics

LOG_PERIOD = 5.0

ImageMessage = Image | CompressedImage


@dataclass(frozen=True)
class Frame:
    """A decoded image on its way to its camera's topics."""

    camera: Camera
    header: Header
    rgb: np.ndarray
    """uint8 (H, W, 3)."""
    wanted: tuple[str, ...]
    """Outputs that somebody subscribes to."""
    objects: bool
    """Whether somebody subscribes to outlier objects."""
    stopwatch: Stopwatch
    failures: list[Exception] = field(default_factory=list)
    """Why outputs could not be published."""


class Camera:
    """One input image topic and all that is published about it.

    The executor's thread calls `report` and receives; the worker's thread reads and recognises;
    what it hands over is published in a third.
    """

    def __init__(
        self,
        node: Node,
        name: str,
        settings: NodeSettings,
        predictor: Predictor,
        deliver: Callable[[Camera, ImageMessage], Outcome | None],
    ) -> None:
        """Create the topics; raises OpenSetError where they cannot be.

        name: empty for a node's only camera. deliver: takes each message, and returns at once what
        became of a frame that will not be processed.
        """
        self.name = name
        self.statistics = FrameStatistics()
        self._lost_objects = LostObjects()
        self._node = node
        self._predictor: Predictor | None = predictor
        self._deliver = deliver
        self._throttle = Throttle(LOG_PERIOD)
        self._silence = SilenceWatch()
        self._smoothing_weight = 0.0
        self._smoothing = TemporalSmoothing()
        self._continuity = Continuity()
        self._time_gaps = 0
        self._shift, self._domain = watch_domain(predictor)
        self._topics = Topics(node)
        try:
            self._create_topics(settings)
        except OpenSetError:
            self.destroy()
            raise

    def _create_topics(self, settings: NodeSettings) -> None:
        prefix = camera_topic(self.name, "")
        topic = self._node.resolve_topic_name(f"{prefix}image")
        if settings.image_transport == "compressed":
            # Like image_transport: remapping `image` moves its compressed form as well.
            kind, topic, self._decode = CompressedImage, f"{topic}/compressed", decode_compressed
            self._kind = COMPRESSED_IMAGE
        else:
            kind, self._decode, self._kind = Image, decode_image, IMAGE
        topics = self._topics
        self.topic = topics.subscription(kind, topic, self._receive, sensor_qos()).topic_name
        self._outputs = {
            name: topics.publisher(Image, f"~/{prefix}{name}", output_qos()) for name in OUTPUTS
        }
        self._objects = OutlierObjects(topics, settings, self.topic, prefix)

    def destroy(self) -> None:
        """Take the topics off the network, for good, and let go of the model.

        rclpy's executor keeps what it last waited for, and so this camera, until it waits again.
        """
        self._topics.destroy()
        self._predictor = None

    def report(self) -> Report:
        """Sum up how the camera's frames fare."""
        frames = self.statistics.report()
        objects = self._lost_objects.report()
        shift = self._shift.report() if self._shift else Report(Level.OK, "", {})
        qos, lost = self._topics.qos_report(), self._topics.lost_report()
        reports = (frames, objects, qos, lost, shift)
        values = {
            "topic": self.topic,
            "domain": self._domain,
            "time_gaps": str(self._time_gaps),
        }
        for report in reports:
            values.update(report.values)
        level = max(report.level for report in reports)
        told = [report.message for report in reports if report.level] or [frames.message]
        return Report(level, "; ".join(told), values)

    def look_around(self, waiting: bool) -> None:
        """Look for what comes late or not at all; to be called about once a second.

        waiting: whether images would be processed, so that it is told where none come.
        """
        self._objects.look_for_latched_info()
        silence = self._silence.look(waiting)
        if silence is Silence.ENDED:
            self._node.get_logger().info(f"{self.topic}: {silence.value}")
        elif silence:
            where = where_images_are(self.topic, self._kind, self._published_by_others())
            self._node.get_logger().warning(f"{self.topic}: {silence.value}: {where}")

    def _published_by_others(self) -> dict[str, list[str]]:
        """Return the types of the topics that have publishers but for the node's own."""
        node = self._node
        own = {publisher.topic_name for publisher in node.publishers}
        return {
            topic: kinds
            for topic, kinds in node.get_topic_names_and_types()
            if topic not in own and node.count_publishers(topic)
        }

    def read(self, message: ImageMessage, settings: NodeSettings) -> Frame | None:
        """Decode a message; None where it is too old or nobody wants anything of the network.

        Whoever wants the calibration alone is served here.
        """
        age = self._age(stamp_of(message))
        if settings.max_age and age is not None and age > settings.max_age:
            self.statistics.finished(Outcome.TOO_OLD)
            return None
        wanted = tuple(n for n, out in self._outputs.items() if out.get_subscription_count())
        objects = self._objects.are_wanted
        if not wanted and not objects:
            if self._objects.camera_info_is_wanted:
                size = self._decode(message).shape[:2]
                maps_size = output_size(size, settings.output_scale)
                self._objects.publish_camera_info(message.header, size, maps_size)
            self.statistics.finished(Outcome.IDLE)
            return None
        stopwatch = Stopwatch()
        rgb = self._decode(message)
        stopwatch.lap("decode")
        return Frame(self, message.header, rgb, wanted, objects, stopwatch)

    def publish(
        self,
        frame: Frame,
        logits: FrameLogits,
        settings: NodeSettings,
        hand_over: Callable[[Task], None],
    ) -> None:
        """Make all that is wanted of a frame, and have it published.

        hand_over: runs what it is given in order, in another thread or at once. It is given
        nothing before all maps are made: rclpy holds Python's lock while it publishes, so what is
        made meanwhile would wait.
        """
        frame.stopwatch.resume()
        needed = dict.fromkeys((*frame.wanted, *(NEEDED if frame.objects else ())))
        smoothing = self._smoothing_of(settings)
        stamp_ns = stamp_of(frame)
        self._note_time(stamp_ns, logits.size, bool(smoothing or frame.objects))
        maps = make_maps(self._predictor, logits, frame.rgb, settings, needed, smoothing, stamp_ns)
        frame.stopwatch.lap("score")
        for name in frame.wanted:
            hand_over(partial(self._send, frame, name, maps[name]))
        figures = self._figures(logits)
        hand_over(partial(self._finish, frame, maps, logits.size, settings, figures))

    def _send(self, frame: Frame, name: str, pixels: np.ndarray) -> None:
        """Publish a map; the frame's last task tells what went wrong, once."""
        try:
            message = image_message(Image, pixels, OUTPUTS[name].encoding, frame.header)
            self._outputs[name].publish(message)
        except Exception as error:
            frame.failures.append(error)

    def _finish(
        self,
        frame: Frame,
        maps: dict[str, np.ndarray],
        size: tuple[int, int],
        settings: NodeSettings,
        figures: Mapping[str, float] | None,
    ) -> None:
        """Publish what comes after the maps, and count the frame."""
        with self.guarded():
            for failure in frame.failures:
                raise failure
            self._objects.publish_camera_info(frame.header, frame.rgb.shape[:2], size)
            if frame.objects:
                self._publish_objects(frame, maps, settings)
            frame.stopwatch.lap("publish")
            if self._shift and figures:
                self._shift.add(figures)
            self.statistics.processed(frame.stopwatch.seconds, self._age(stamp_of(frame)))

    def _figures(self, logits: FrameLogits) -> Mapping[str, float] | None:
        """Return what tells whether the frame is ordinary; None where nobody watches."""
        if self._shift is None:
            return None
        domain = self._predictor.domain
        return self._predictor.frame_figures(logits, domain.fusion, domain.threshold)

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Let an error cost one frame of this camera, and no more."""
        try:
            yield
        except Exception as error:
            self.report_error(error)

    def report_error(self, error: Exception) -> None:
        """Count and tell why a frame could not be processed."""
        if not self._node.context.ok():  # shut down while the worker was publishing
            return
        if isinstance(error, OpenSetError):
            outcome, reason = Outcome.BAD, str(error)
        else:
            outcome, reason = Outcome.FAILED, f"recognition failed, {unforeseen(error)}"
        text = f"{self.topic}: {reason}"
        self.statistics.finished(outcome, text)
        count = self._throttle.admit(outcome.value)
        if count:
            repeated = f" ({count} such frames since the last report)" if count > 1 else ""
            self._node.get_logger().error(text + repeated)

    def _receive(self, message: ImageMessage) -> None:
        self._silence.arrived()
        jump = self.statistics.received(stamp_of(message))
        if jump and self._throttle.admit("time"):
            self._node.get_logger().warning(
                f"{self.topic}: stamps jump back by {jump:g} s: frames before no longer count (a "
                "bag that starts again, or two cameras on one topic?)"
            )
        outcome = self._deliver(self, message)
        if outcome:
            self.statistics.finished(outcome)

    def _note_time(self, stamp_ns: int, size: tuple[int, int], remembers: bool) -> None:
        """Count gaps between frames; tell where what is remembered of the past is given up."""
        self._continuity.goes_on(stamp_ns, size)
        if not self._continuity.gap:
            return
        self._time_gaps += 1
        if remembers and self._throttle.admit("gap"):
            self._node.get_logger().info(
                f"{self.topic}: {self._continuity.gap:.1f} s without a frame: object ids and "
                "temporal smoothing start anew"
            )

    def _publish_objects(
        self, frame: Frame, maps: dict[str, np.ndarray], settings: NodeSettings
    ) -> None:
        """Publish objects; what they lack is told, and costs the frame nothing else."""
        outlying = maps["open_set"] == self._predictor.taxonomy.outlier_id
        probability = maps["outlier_probability"]
        try:
            self._objects.publish(
                frame.header, frame.rgb.shape[:2], outlying, probability, settings
            )
        except Exception as error:
            if not self._node.context.ok():  # shut down meanwhile
                return
            reason = str(error) if isinstance(error, OpenSetError) else unforeseen(error)
            self._lost_objects.add(reason)
            if self._throttle.admit("objects"):
                self._node.get_logger().error(f"{self.topic}: outlier objects: {reason}")

    def _smoothing_of(self, settings: NodeSettings) -> TemporalSmoothing | None:
        """Return what smooths over frames, anew for a new weight; None where it is off."""
        if settings.temporal_smoothing != self._smoothing_weight:
            self._smoothing_weight = settings.temporal_smoothing
            self._smoothing = TemporalSmoothing(self._smoothing_weight)
        return self._smoothing if self._smoothing_weight else None

    def _age(self, stamp_ns: int) -> float | None:
        """Return the seconds since a stamp in nanoseconds; None for 0, which is none."""
        return (self._node.get_clock().now().nanoseconds - stamp_ns) / 1e9 if stamp_ns else None


def unforeseen(error: Exception) -> str:
    """Return one line on an exception that nobody wrote for users."""
    remedy = "; lower the parameter resolution" if is_out_of_memory(error) else ""
    return f"{type(error).__name__}: {flat(error)}{remedy}"


def watch_domain(predictor: Predictor) -> tuple[DomainShift | None, str]:
    """Return what watches the model's domain, or None, and how that is for diagnostics."""
    domain = predictor.domain
    if domain is None:
        return None, "not measured"
    if is_elsewhere(predictor):
        return None, f"not watched: measured at resolution {domain.resolution}"
    return DomainShift(domain), "watched"


def is_elsewhere(predictor: Predictor) -> bool:
    """Return whether the domain was measured at another resolution: frames look otherwise."""
    return predictor.domain is not None and predictor.domain.resolution != predictor.resolution
