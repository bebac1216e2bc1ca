"""The ROS 2 side: node, conversions, parameters, player, sample camera."""
