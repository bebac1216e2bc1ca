"""Models that cannot be trusted: configure says why, runs nothing of them, and can be repeated."""

from __future__ import annotations

import pickle
import shutil
import struct
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs rclpy: install ROS 2 or its wheels")

import torch
from bench import wait_for
from drill import OUTPUTS, assert_maps, picture
from lifecycle_msgs.msg import Transition
from safetensors.torch import load_file, save_file

from ldn_openset_ros.inference.predictor import Predictor

TIMEOUT = 120


class Mine:
    """What a pickle can be: code that runs when it is read."""

    def __init__(self, trap: Path) -> None:
        self.trap = trap

    def __reduce__(self):
        return Path.touch, (self.trap,)


def edit_weights(folder: Path, change) -> None:
    path = folder / "model.safetensors"
    tensors = load_file(path)
    name = next(name for name, tensor in tensors.items() if tensor.ndim == 4)
    tensors[name] = change(tensors[name])
    save_file(tensors, path)


def truncated(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def enormous_header(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", 2**62) + b"{}")


def wrong_shape(folder: Path) -> None:
    edit_weights(folder, lambda tensor: tensor[:, :, :1].contiguous())


def not_a_number(folder: Path) -> None:
    edit_weights(folder, lambda tensor: torch.full_like(tensor, torch.nan))


def pickled(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(pickle.dumps(Mine(folder / "trap")))


def checkpoint_in_disguise(folder: Path) -> None:
    torch.save({"state_dict": Mine(folder / "trap")}, folder / "model.safetensors")


def python_in_yaml(folder: Path) -> None:
    text = f"name: !!python/object/apply:pathlib.Path.touch [{folder / 'trap'}]\n"
    (folder / "model.yaml").write_text(text)


def yaml_bomb(folder: Path) -> None:
    """Nine entries of nine entries of ... nine times: three billion words in 400 bytes."""
    levels = ["l0: &l0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    for level in range(1, 10):
        entries = ", ".join([f"*l{level - 1}"] * 9)
        levels.append(f"l{level}: &l{level} [{entries}]")
    text = "\n".join([*levels, "taxonomy: *l9", "name: *l9"])
    (folder / "model.yaml").write_text(text)


def yaml_of_another_world(folder: Path) -> None:
    (folder / "model.yaml").write_bytes(b"\xff\xfe\x00name: tiny")


def no_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


FAULTS = {
    truncated: "cannot read weights",
    enormous_header: "cannot read weights",
    wrong_shape: "of another shape",
    not_a_number: "holds values that are not finite",
    pickled: "cannot read weights",
    checkpoint_in_disguise: "cannot read weights",
    python_in_yaml: "is no valid YAML",
    yaml_bomb: "model.yaml",
    yaml_of_another_world: "model.yaml",
    no_weights: "cannot read weights",
}


@pytest.fixture
def broken(tiny_model, tmp_path):
    """Return a function that gives a copy of the small model with a fault."""

    def breaks(fault) -> Path:
        folder = tmp_path / fault.__name__
        shutil.copytree(tiny_model, folder)
        fault(folder)
        return folder

    return breaks


def test_models_that_cannot_be_trusted(bench, tiny_model, broken):
    """Every one fails to configure; with the model corrected the node works as ever."""
    errors = bench.errors()
    node = bench.start(model="no/such/model", autostart=False)
    newest = bench.diagnostics()
    for told, (fault, reason) in enumerate(FAULTS.items(), start=1):
        folder = broken(fault)
        assert bench.set_parameters(model=str(folder)) == ""
        assert not bench.change_state(Transition.TRANSITION_CONFIGURE), fault
        assert node.state == "unconfigured"
        assert reason in node.failure
        assert str(folder) in node.failure
        assert len(node.failure.splitlines()) == 1
        assert not (folder / "trap").exists(), "nothing of a model is run"
        wait_for(lambda n=told: len(errors) == n)
        assert errors[-1] == f"configure failed: {node.failure}"
        assert bench.probe.count_publishers("/openset/labels") == 0
    wait_for(lambda: node.failure in newest()["message"])
    assert newest()["level"] == "2"

    assert bench.set_parameters(model=str(tiny_model)) == ""
    assert bench.change_state(Transition.TRANSITION_CONFIGURE)
    assert bench.change_state(Transition.TRANSITION_ACTIVATE)
    received = bench.subscribe_outputs(*OUTPUTS)
    image = bench.image(picture(0))
    bench.camera().publish(image)
    for messages in received.values():
        wait_for(lambda m=messages: m)
        assert [message.header for message in messages] == [image.header]
    predictor = Predictor.load(tiny_model, device="cpu")
    assert_maps(*(received[name][0] for name in OUTPUTS), predictor(picture(0)))
    wait_for(lambda: newest()["level"] == "0")


def test_a_process_with_such_a_model_ends_with_one_line(start_module, broken):
    """Exit code 1, for a supervisor to see."""
    for fault in (truncated, not_a_number, pickled, yaml_bomb):
        folder = broken(fault)
        process = start_module("openset_node", f"model:={folder}")
        _, output = process.communicate(timeout=TIMEOUT)
        assert process.returncode == 1
        (line,) = output.splitlines()
        assert "[FATAL]" in line
        assert "[openset]: " in line
        assert FAULTS[fault] in line
        assert not (folder / "trap").exists()
