"""`ldn-openset quantise` as users call it, by the real NNCF."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import cv2
import numpy as np
import openvino
import pytest
from safetensors.torch import load_file, save_file

from ldn_openset_ros import Predictor
from ldn_openset_ros.cli.main import main
from ldn_openset_ros.cli.quantise import spread
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.evaluation.quantisation import Loss

HEIGHT, WIDTH = 48, 64


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A data set `folder` of six road-like frames, each with a bright outlier."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(4)
    for name in ("images", "labels"):
        (folder / name).mkdir()
    for number in range(6):
        rgb = rng.integers(60, 120, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        rgb[:20] = (120, 160, 220)
        truth = np.zeros((HEIGHT, WIDTH), np.uint8)
        left = 5 + 8 * number
        truth[25:40, left : left + 12] = 1
        rgb[truth == 1] = (250, 240, 20)
        cv2.imwrite(str(folder / "images" / f"{number}.png"), rgb[..., ::-1])
        cv2.imwrite(str(folder / "labels" / f"{number}.png"), truth)
    return folder


@pytest.fixture(scope="module")
def run(tiny_model, root, tmp_path_factory):
    """Quantise in a process of its own; what it did on the network and what it wrote.

    NNCF's telemetry is off below pytest, so only another process shows whether we switch it off.
    """
    folder = tmp_path_factory.mktemp("run")
    (folder / "home").mkdir()
    code = (
        "import sys\n"
        "events = []\n"
        "names = ('socket.connect', 'socket.sendto', 'socket.getaddrinfo', 'os.fork',\n"
        "         'os.posix_spawn', 'subprocess.Popen')\n"
        "def watch(event, args):\n"
        "    if event in names:\n"
        "        events.append(f'{event} {args}')\n"
        "sys.addaudithook(watch)\n"
        "from ldn_openset_ros.cli.main import main\n"
        "code = main(sys.argv[2:])\n"
        "loaded = [m for m in sys.modules if m.startswith('openvino_telemetry.')]\n"
        "open(sys.argv[1], 'w').write('\\n'.join(events + loaded))\n"
        "sys.exit(code)\n"
    )
    arguments = [
        *("quantise", str(tiny_model), "--dataset", "folder", "--root", str(root)),
        *("--frames", "4", "-o", str(folder / "int8"), "--json", str(folder / "loss.json")),
        *("--test", "folder", str(root)),
    ]
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder / "events"), *arguments],
        env={**os.environ, "HOME": str(folder / "home"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


def test_the_copy_runs_in_int8(run, tiny_model, root):
    folder, _ = run
    assert (folder / "int8" / "model.yaml").read_text() == (tiny_model / "model.yaml").read_text()
    model = openvino.Core().read_model(folder / "int8" / "int8_64x48.xml")
    quantised = [op for op in model.get_ops() if op.get_type_name() == "FakeQuantize"]
    assert len(quantised) > 50
    assert "uint8 (1, 48, 64, 3)" in model.get_rt_info(["ldn_openset_ros", "input"]).value
    rgb = cv2.imread(str(root / "images" / "0.png"))[..., ::-1].copy()
    whole = Predictor.load(tiny_model, device="cpu", backend="torch").infer(rgb)
    predictor = Predictor.load(folder / "int8", device="cpu", precision="int8")
    assert (predictor.backend, predictor.precision) == ("openvino", "int8")
    for found, wanted in zip(predictor.infer(rgb).heads, whole.heads, strict=True):
        error = (found - wanted).abs()
        assert float(error.max()) > 1e-3
        assert float(error.mean()) < 0.2 * float(wanted.std())


def test_the_loss_is_told(run):
    folder, out = run
    assert "calibrated on 4 frames" in out
    assert "float32 and int8, score op_x_msm, per cent" in out
    assert "AP" in out
    assert "FPR95" in out
    found = json.loads((folder / "loss.json").read_text())
    assert (found["sizes"], found["frames"], found["score"]) == (["64x48"], 4, "op_x_msm")
    measures = {name: Loss(**loss) for name, loss in found["tests"]["folder"].items()}
    assert set(measures) == {"average_precision", "fpr95"}
    ap, fpr95 = measures["average_precision"], measures["fpr95"]
    assert ap.loss == pytest.approx(ap.float32 - ap.int8)
    assert fpr95.loss == pytest.approx(fpr95.int8 - fpr95.float32)
    assert 0 < ap.float32 < 1
    assert abs(ap.loss) < 0.2


def test_nothing_leaves_the_machine(run):
    folder, _ = run
    events = (folder / "events").read_text().splitlines()
    # torch's CUDA build asks this machine's linker which libraries there are.
    assert [event for event in events if "'/sbin/ldconfig'" not in event] == []
    assert not (folder / "home" / "intel").exists()


def test_int8_is_exported_with_its_difference(run, tmp_path, capsys):
    folder, _ = run
    path = tmp_path / "net.xml"
    arguments = ["--format", "openvino", "--size", "64x48", "--precision", "int8"]
    assert main(["export", str(folder / "int8"), *arguments, "-o", str(path)]) == 0
    assert "largest difference to torch" in capsys.readouterr().out
    model = openvino.Core().read_model(path)
    assert any(op.get_type_name() == "FakeQuantize" for op in model.get_ops())


def test_int8_of_other_weights_is_refused(run, tmp_path):
    folder, _ = run
    model = shutil.copytree(folder / "int8", tmp_path / "model")
    weights = load_file(model / "model.safetensors")
    first = next(iter(weights))
    save_file({**weights, first: weights[first] + 1}, model / "model.safetensors")
    predictor = Predictor.load(model, device="cpu", precision="int8")
    with pytest.raises(OpenSetError, match=r"int8_64x48\.xml was not made from the weights"):
        predictor(np.zeros((HEIGHT, WIDTH, 3), np.uint8))


def test_a_broken_file_in_int8_is_refused(run, tmp_path):
    folder, _ = run
    model = shutil.copytree(folder / "int8", tmp_path / "model")
    (model / "int8_64x48.xml").write_text("<net")
    predictor = Predictor.load(model, device="cpu", precision="int8")
    with pytest.raises(OpenSetError, match=r"OpenVINO refused .*int8_64x48\.xml"):
        predictor(np.zeros((HEIGHT, WIDTH, 3), np.uint8))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--frames", "0"], "--frames is 0: give at least 1"),
        (["-o", "."], ". exists: choose another --output"),
    ],
)
def test_what_is_refused(tiny_model, root, tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    images = ["--images", str(root / "images"), "-o", "new"]
    assert main(["quantise", str(tiny_model), *images, *arguments]) == 1
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_library_that_is_missing_is_told_before_the_work(
    tiny_model, tmp_path, monkeypatch, capsys
):
    monkeypatch.setitem(sys.modules, "nncf", None)
    images = ["--images", str(tmp_path / "none"), "-o", str(tmp_path / "new")]
    assert main(["quantise", str(tiny_model), *images]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: quantise needs nncf (")
    assert error.endswith("install the extra backends, or choose another backend\n")
    assert list(tmp_path.iterdir()) == []


def test_frames_of_too_many_sizes(tiny_model, tmp_path, capsys):
    for number in range(5):
        picture = np.zeros((40 + number, 60, 3), np.uint8)
        cv2.imwrite(str(tmp_path / f"{number}.png"), picture)
    images = ["--images", str(tmp_path), "-o", str(tmp_path / "new")]
    assert main(["quantise", str(tiny_model), *images]) == 1
    assert "5 sizes at resolution 0" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_several_passes_are_refused(small_model, root, tmp_path, capsys):
    images = ["--images", str(root / "images"), "-o", str(tmp_path / "new")]
    assert main(["quantise", str(small_model("mc_dropout")), *images]) == 1
    assert "mc_dropout takes several passes and cannot be quantised" in capsys.readouterr().err


def test_frames_are_spread_evenly():
    assert spread(10, 4) == [0, 2, 5, 7]
    assert spread(3, 100) == [0, 1, 2]
