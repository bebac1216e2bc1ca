"""Names of the topics of a bag: the camera's, the truth's and those of the node `openset`."""

from __future__ import annotations

IMAGE_TOPIC = "/camera/image_raw"
COMPRESSED_IMAGE_TOPIC = "/camera/image_raw/compressed"
CAMERA_INFO_TOPIC = "/camera/camera_info"
OUTLIER_TOPIC = "/ground_truth/outlier"
LABELS_TOPIC = "/ground_truth/labels"

NODE_OUTLIER_PROBABILITY_TOPIC = "/openset/outlier_probability"
NODE_OPEN_SET_TOPIC = "/openset/open_set"
NODE_LABELS_TOPIC = "/openset/labels"
NODE_LEGEND_TOPIC = "/openset/legend"

IMAGE_TYPE = "sensor_msgs/msg/Image"
COMPRESSED_IMAGE_TYPE = "sensor_msgs/msg/CompressedImage"
CAMERA_INFO_TYPE = "sensor_msgs/msg/CameraInfo"
STRING_TYPE = "std_msgs/msg/String"
