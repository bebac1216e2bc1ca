"""Python classes of a message package that has no wheel, made by ROS's own generator."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType


@contextmanager
def generated_messages(
    package: str, definitions: Mapping[str, str], folder: Path
) -> Iterator[ModuleType]:
    """Give the module `package`.msg of the definitions (text of .msg files by name)."""
    import rosidl_generator_py
    from rosidl_adapter.msg import convert_msg_to_idl
    from rosidl_generator_py.generate_py_impl import generate_py

    prefix = Path(rosidl_generator_py.__file__).parents[4]
    output = folder / "python" / package
    (output / "msg").mkdir(parents=True)
    (output / "__init__.py").touch()
    (folder / "msg").mkdir()
    for name, text in definitions.items():
        source = Path("msg", f"{name}.msg")
        (folder / source).write_text(text)
        convert_msg_to_idl(folder, package, source, folder / "msg")
    arguments = {
        "package_name": package,
        "output_dir": str(output),
        "template_dir": str(prefix / "share" / "rosidl_generator_py" / "resource"),
        "idl_tuples": [f"{folder}:msg/{name}.idl" for name in definitions],
        "ros_interface_dependencies": [],
        "target_dependencies": [],
        "type_description_tuples": [],
    }
    (folder / "arguments.json").write_text(json.dumps(arguments))
    generate_py(str(folder / "arguments.json"), [])
    sys.path.insert(0, str(output.parent))
    try:
        yield importlib.import_module(f"{package}.msg")
    finally:
        sys.path.remove(str(output.parent))
        for name in [name for name in sys.modules if name.split(".")[0] == package]:
            del sys.modules[name]
