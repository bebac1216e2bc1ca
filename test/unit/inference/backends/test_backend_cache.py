"""What took long to make is found again, and only where it is the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from backend_networks import assert_equal, frames, reference

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.inference.backends import onnx_export
from ldn_openset_ros.inference.backends.cache import cache_folder, cached, fingerprint
from ldn_openset_ros.inference.backends.onnx_export import cached_onnx
from ldn_openset_ros.inference.backends.pixel_network import PixelNetwork
from ldn_openset_ros.inference.backends.registry import make_backend


def test_where_the_cache_lies(monkeypatch, tmp_path):
    monkeypatch.setenv("LDN_CACHE", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own"
    monkeypatch.delenv("LDN_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "ldn_openset_ros"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "ldn_openset_ros"


def test_a_fingerprint_tells_networks_apart(lite):
    own = fingerprint(lite, "1")
    assert own == fingerprint(deepcopy(lite), "1")
    assert len(own) == 24
    others = [fingerprint(lite, "2")]
    for name in ("heads.outlier.conv.bias", "backbone.stem.1.running_mean"):
        other = deepcopy(lite)
        other.network.state_dict()[name][0] += 1e-3
        others.append(fingerprint(other, "1"))
    normalisation = replace(lite.description.normalisation, mean=(127.0, 127.0, 126.0))
    description = replace(lite.description, normalisation=normalisation)
    others.append(fingerprint(PixelNetwork(lite.network, description), "1"))
    assert len({own, *others}) == 5


def test_a_second_start_exports_nothing(lite, monkeypatch):
    first = cached_onnx(lite, 64, 96)
    stamp = first.stat().st_mtime_ns

    def fail(*_):
        raise AssertionError("the network is exported again")

    monkeypatch.setattr(onnx_export, "export_onnx", fail)
    assert cached_onnx(lite, 64, 96) == first
    assert first.stat().st_mtime_ns == stamp
    pixels = frames(1, 64, 96)
    for name in ("openvino", "onnxruntime"):
        assert_equal(
            make_backend(lite, name, "auto", "cpu").infer(pixels), reference(lite, pixels)
        )
    for changed in ((64, 100), (68, 96)):
        with pytest.raises(AssertionError, match="exported again"):
            cached_onnx(lite, *changed)
    monkeypatch.setattr(torch, "__version__", "99")
    with pytest.raises(AssertionError, match="exported again"):
        cached_onnx(lite, 64, 96)


def test_a_killed_process_leaves_no_half_of_a_file(tmp_path):
    code = (
        "import os, signal\n"
        "from ldn_openset_ros.inference.backends.cache import cached\n"
        "def make(path):\n"
        "    path.write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "cached('made/whole.txt', make)\n"
    )
    environment = {**os.environ, "LDN_CACHE": str(tmp_path)}
    killed = subprocess.run([sys.executable, "-c", code], env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "made" / "whole.txt").exists()


def test_a_later_process_makes_the_file(tmp_path, monkeypatch):
    monkeypatch.setenv("LDN_CACHE", str(tmp_path))
    path = cached("made/whole.txt", lambda path: path.write_text("whole"))
    assert path.read_text() == "whole"
    assert [entry.name for entry in path.parent.iterdir()] == ["whole.txt"]


def test_what_fails_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("LDN_CACHE", str(tmp_path))

    def make(path):
        path.write_text("half")
        raise OpenSetError("it cannot be made")

    with pytest.raises(OpenSetError, match="it cannot be made"):
        cached("made/whole.txt", make)
    assert list((tmp_path / "made").iterdir()) == []


@pytest.mark.parametrize("name", ["openvino", "onnxruntime"])
def test_a_folder_that_cannot_be_written(lite, name, tmp_path, monkeypatch):
    """A file in its place stops root as well, whom permissions do not."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LDN_CACHE", str(tmp_path / "file"))
    with pytest.raises(OpenSetError) as found:
        make_backend(lite, name, "auto", "cpu").infer(frames(1, 64, 96))
    assert "cannot be written (Not a directory): set LDN_CACHE to a folder" in str(found.value)
    assert "\n" not in str(found.value)


@pytest.mark.parametrize("name", ["openvino", "onnxruntime"])
def test_a_damaged_file_in_the_cache_is_named(lite, name, tmp_path, monkeypatch):
    monkeypatch.setenv("LDN_CACHE", str(tmp_path))
    monkeypatch.setattr(
        onnx_export,
        "export_onnx",
        lambda network, height, width, path: path.write_bytes(b"\1" * 9),
    )
    with pytest.raises(OpenSetError, match=r"refused .*64x48\.onnx: .*remove the file") as found:
        make_backend(lite, name, "auto", "cpu").infer(frames(1, 48, 64))
    assert "\n" not in str(found.value)
