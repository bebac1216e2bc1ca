"""Where the package's launch files, configuration and models lie."""

from __future__ import annotations

from pathlib import Path

from ldn_openset_ros.errors import OpenSetError

PACKAGE_NAME = "ldn_openset_ros"
DEFAULT_MODEL = "camvid_lite0"
"""Folder in `models/`: the one that commands and the node take unless told otherwise."""


def share_directory() -> Path:
    """Return the folder that holds `package.xml`, `launch/`, `config/` and `models/`.

    A checkout (also one installed with `pip install -e` or `colcon build --symlink-install`) is
    its own share folder; a pip environment and a colcon workspace keep it at
    `<prefix>/share/ldn_openset_ros`.
    """
    for parent in Path(__file__).resolve().parents:
        for candidate in (parent, parent / "share" / PACKAGE_NAME):
            if (candidate / "package.xml").is_file() and (candidate / "config").is_dir():
                return candidate
    raise OpenSetError(
        f"{PACKAGE_NAME} is installed without its share folder (config, models): "
        "install it with pip or colcon instead of copying the modules"
    )


def config_file(*parts: str) -> Path:
    """Return a file below `config/`, for example `config_file("taxonomies", "camvid.yaml")`."""
    return share_directory().joinpath("config", *parts)


def models_directory() -> Path:
    """Return the folder of the shipped models."""
    return share_directory() / "models"
