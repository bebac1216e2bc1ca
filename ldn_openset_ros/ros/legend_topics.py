"""The latched topics that say what the ids in the maps mean."""

from __future__ import annotations

import json

from rclpy.node import Node
from std_msgs.msg import String

from ldn_openset_ros.inference.legend import id_names, legend
from ldn_openset_ros.inference.predictor import Predictor
from ldn_openset_ros.ros.parameters import NodeSettings
from ldn_openset_ros.ros.qos import latched_qos
from ldn_openset_ros.ros.topics import Topics

try:
    from vision_msgs.msg import LabelInfo, VisionClass
except ImportError:
    LabelInfo = None


class LegendTopics:
    """`~/legend`, and `~/label_info` where vision_msgs is installed."""

    def __init__(self, node: Node, topics: Topics) -> None:
        """Create the topics; nothing is published yet."""
        self._node = node
        self._legend = topics.publisher(String, "~/legend", latched_qos())
        self._label_info = None
        if LabelInfo is not None:
            self._label_info = topics.publisher(LabelInfo, "~/label_info", latched_qos())

    def publish(self, predictor: Predictor, settings: NodeSettings) -> None:
        """Publish names, colours and what decides, in place of the last ones."""
        taxonomy = predictor.taxonomy
        threshold = predictor.resolve_threshold(settings.threshold, settings.fusion)
        content = legend(
            taxonomy,
            model=predictor.name,
            fusion=settings.fusion,
            threshold=threshold,
            temperature=predictor.temperature(settings.fusion),
            resolution=settings.resolution,
        )
        self._legend.publish(String(data=json.dumps(content)))
        if self._label_info is not None:
            info = LabelInfo(threshold=threshold)
            info.header.stamp = self._node.get_clock().now().to_msg()
            info.class_map = [
                VisionClass(class_id=index, class_name=name)
                for index, name in id_names(taxonomy).items()
            ]
            self._label_info.publish(info)
