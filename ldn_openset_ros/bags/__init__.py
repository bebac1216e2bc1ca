"""Reading and writing rosbags without ROS."""
