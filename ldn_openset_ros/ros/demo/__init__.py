"""The demo: camera and node as processes of their own, recorded over DDS, measured, pictured."""
