from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
import resource, sys
import numpy as np
from ldn_openset_ros.memory import keep_freed_memory

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

if sys.argv[1] == "keep" and not keep_freed_memory():
    sys.exit("cannot")
np.empty(24 * 2**20, np.uint8).fill(1)
before = faults()
for _ in range(5):
    np.empty(24 * 2**20, np.uint8).fill(1)
print(faults() - before)
"""


def page_faults(mode: str) -> int:
    command = [sys.executable, "-c", CODE, mode]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.stderr.strip() == "cannot":
        pytest.skip("the C library is not glibc")
    return int(result.stdout)


def test_freed_memory_is_not_taken_from_the_kernel_again():
    assert page_faults("plain") > 100
    assert page_faults("keep") < 20
