from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
import gc, os, signal, sys, threading
import numpy as np
from ldn_openset_ros import Predictor

predictors = [Predictor.load(sys.argv[1], device="cpu", backend="openvino")]
predictors[0].infer(np.zeros((64, 96, 3), np.uint8))

def free():
    predictors.clear()
    gc.collect()

other = threading.Thread(target=free)
other.start()
other.join()
signal.signal(signal.SIGUSR1, lambda *_: print("handled"))
os.kill(os.getpid(), signal.SIGUSR1)
"""


def test_a_signal_after_another_thread_has_freed_the_network(tiny_model):
    pytest.importorskip("openvino")
    command = [sys.executable, "-c", CODE, str(tiny_model)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "handled\n"), done.stderr
