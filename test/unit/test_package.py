"""The package as a whole: which way imports point, what is free of side effects, versions."""

from __future__ import annotations

import ast
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import ldn_openset_ros
from ldn_openset_ros.cli.plotting import OLDEST
from ldn_openset_ros.resources import share_directory

PACKAGE = Path(ldn_openset_ros.__file__).parent
LAYERS = (
    {"errors"},
    {"resources", "folders", "memory"},
    {"settings"},
    {"taxonomy", "score_names"},
    {"nn", "metrics", "taxonomy_mapping"},
    {"scores", "recognition"},
    {"inference", "data", "scenes", "bags"},
    {"evaluation"},
    {"training", "report"},
    {"reproduction", "benchmark"},
    {"ros"},
    {"cli"},
)
WITHIN_A_LAYER = {
    ("data", "scenes"),
    ("scenes", "data"),
    ("bags", "data"),
    ("data", "inference"),
}
ROS_MODULES = {
    "rclpy",
    "geometry_msgs",
    "sensor_msgs",
    "std_msgs",
    "stereo_msgs",
    "diagnostic_msgs",
    "visualization_msgs",
    "vision_msgs",
    "rcl_interfaces",
    "rosgraph_msgs",
    "launch",
    "launch_ros",
    "builtin_interfaces",
}
# Conversion of messages is free of ROS imports, and bags hold the same messages.
ROS_FREE = {("bags", "ros.images"), ("benchmark", "ros.images"), ("cli", "ros")}

STARTS_WITHOUT = {
    "aiohttp",
    "jinja2.environment",
    "matplotlib",
    "networkx",
    "pydantic",
    "rich",
    "scipy",
    "sympy",
    "torch._dynamo",
    "torch._inductor",
}
"""What no node needs at its start; pydantic comes with the model's description."""


def imported_modules(path: Path) -> set[str]:
    modules = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            modules.add(node.module)
    return modules


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def sources() -> list[Path]:
    return [path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py"]


def test_imports_point_one_way():
    level = {part: number for number, layer in enumerate(LAYERS) for part in layer}
    wrong = []
    for path in sources():
        part = part_of(path)
        for module in imported_modules(path):
            if not module.startswith("ldn_openset_ros."):
                continue
            target = module.removeprefix("ldn_openset_ros.")
            top = target.split(".")[0]
            allowed = (
                top == part
                or level[top] < level[part]
                or (part, top) in WITHIN_A_LAYER
                or (part, target) in ROS_FREE
            )
            if not allowed:
                wrong.append(f"{path.relative_to(PACKAGE)} imports {target}")
    assert wrong == []


def test_only_the_ros_side_imports_ros():
    wrong = [
        str(path.relative_to(PACKAGE))
        for path in sources()
        if part_of(path) != "ros"
        and {m.split(".")[0] for m in imported_modules(path)} & ROS_MODULES
    ]
    assert wrong == []


def test_importing_the_package_imports_neither_torch_nor_ros():
    code = (
        "import sys, ldn_openset_ros, ldn_openset_ros.taxonomy;"
        "sys.exit(any(m in sys.modules for m in ('torch', 'rclpy', 'cv2')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_package_offers_its_predictor_to_who_asks():
    code = (
        "import sys, ldn_openset_ros;"
        "assert {'Predictor', '__version__'} <= set(dir(ldn_openset_ros));"
        "assert 'torch' not in sys.modules;"
        "from ldn_openset_ros.inference import predictor;"
        "assert ldn_openset_ros.Predictor is predictor.Predictor"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError, match="no attribute 'Predicter'"):
        _ = ldn_openset_ros.Predicter


def test_bags_are_made_and_played_without_torch():
    code = (
        "import sys, ldn_openset_ros.cli.make_bag;"
        "sys.exit(any(m in sys.modules for m in ('torch', 'rclpy')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("module", "unneeded"),
    [
        ("ros.node", STARTS_WITHOUT),
        ("ros.player", STARTS_WITHOUT | {"torch", "cv2"}),
        ("ros.sample_camera", STARTS_WITHOUT | {"torch"}),
        ("ros.media_camera", STARTS_WITHOUT | {"torch"}),
        ("ros.web_view", STARTS_WITHOUT - {"aiohttp"} | {"torch"}),
    ],
)
def test_a_node_starts_without_what_it_does_not_need(module, unneeded):
    pytest.importorskip("rclpy")
    code = f"import sys, ldn_openset_ros.{module}; sys.stdout.write('\\n'.join(sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    imported = set(result.stdout.split())
    assert "rclpy" in imported
    assert not imported & unneeded


def test_library_code_does_not_print():
    prints = [
        str(path.relative_to(PACKAGE))
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "print"
    ]
    assert prints == []


def test_versions_agree():
    manifest = ElementTree.parse(share_directory() / "package.xml").getroot()
    assert manifest.attrib["format"] == "3"
    assert manifest.findtext("version") == ldn_openset_ros.__version__
    assert manifest.findtext("export/build_type") == "ament_python"
    assert (
        f'version="{ldn_openset_ros.__version__}"' in (share_directory() / "setup.py").read_text()
    )


def test_every_pinned_package_has_an_exact_version():
    lines = (share_directory() / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    names = [pin.partition("==")[0].lower() for pin in pins]
    assert names == sorted(names)
    assert all(line.count("==") == 1 for line in pins)


@pytest.fixture(scope="module")
def setup_arguments() -> dict:
    """What setup.py gives to setuptools."""
    given = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(share_directory())
        patch.setattr("setuptools.setup", given.update)
        runpy.run_path("setup.py")
    return given


def test_every_pin_is_within_the_bounds(setup_arguments):
    """Else `make test` could not install, or an update of the pins has outgrown them."""
    lines = (share_directory() / "constraints.txt").read_text().splitlines()
    pins = dict(line.split("==") for line in lines if "==" in line)
    pins = {canonicalize_name(name): version for name, version in pins.items()}
    extras = setup_arguments["extras_require"]
    wanted = [*setup_arguments["install_requires"], *(r for e in extras.values() for r in e)]
    seen = 0
    for requirement in map(Requirement, wanted):
        pin = pins.get(canonicalize_name(requirement.name))
        assert pin is None or requirement.specifier.contains(pin), requirement
        seen += pin is not None
    assert seen > 30


@pytest.mark.parametrize(
    ("name", "too_old", "too_new"),
    [
        ("opencv-python-headless", "4.5.5.64", "6.0.0.90"),
        ("numpy", "1.21.0", "3.0.0"),
        ("matplotlib", "3.6.3", "4.0.0"),
        ("pydantic", "1.10.0", "3.0"),
    ],
)
def test_what_a_major_release_can_break_is_bounded(setup_arguments, name, too_old, too_new):
    requirements = map(Requirement, setup_arguments["install_requires"])
    (specifier,) = (r.specifier for r in requirements if r.name == name)
    assert not specifier.contains(too_old)
    assert not specifier.contains(too_new)


def test_the_oldest_matplotlib_is_the_one_that_reports_ask_for(setup_arguments):
    assert "matplotlib>={}.{},<4".format(*OLDEST) in setup_arguments["install_requires"]


def test_launch_testings_plugin_can_be_loaded(tmp_path):
    """Its hooks take `path`, which pytest 9 refuses, and then no test of a workspace runs."""
    (tmp_path / "like_launch_testing.py").write_text(
        "def pytest_pycollect_makemodule(path, parent):\n    return None\n\n\n"
        "def pytest_collect_file(path, parent):\n    return None\n"
    )
    (tmp_path / "test_nothing.py").write_text("def test_nothing():\n    pass\n")
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "like_launch_testing", "test_nothing.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_readmes_line_for_a_workspace_installs_what_setup_py_says(setup_arguments):
    """The line as a shell reads it: one folder, the one cloned to, and extras that are there."""
    text = (share_directory() / "README.md").read_text()
    lines = re.findall(r"pip install .*?'(?=`|\n)", text)
    assert len(lines) == 2
    (clone,) = re.findall(r"^git clone <this repository> (\S+)$", text, re.MULTILINE)
    for line in lines:
        assert not re.search(r"[<>\[]", re.sub("'[^']*'", "", line)), "the shell would read it"
        shell = subprocess.run(
            ["bash", "-c", f"pip() {{ printf '%s\\n' \"$@\"; }}; {line}"],
            capture_output=True,
            text=True,
            check=True,
        )
        *words, package = shell.stdout.split()
        assert words == ["install", "-e"]
        folder, extras = re.fullmatch(r"([^\[]+)\[([\w,]+)\]", package).groups()
        assert folder == clone
        assert set(extras.split(",")) <= set(setup_arguments["extras_require"])
    (colcon, *_) = setup_arguments["extras_require"]["workspace"]
    assert colcon == "colcon-common-extensions"


def test_readme_is_finished_and_its_files_are_there():
    root = share_directory()
    text = (root / "README.md").read_text()
    assert "@@" not in text
    for path in re.findall(r"\]\(([\w/.]+)\)", text):
        assert (root / path).is_file(), path
