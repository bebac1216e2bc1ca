"""Which errors say that memory ran out: those that the libraries really raise."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from ldn_openset_ros.errors import OpenSetError, is_out_of_memory


def raised(action) -> Exception:
    with pytest.raises(Exception) as caught:  # noqa: PT011
        action()
    return caught.value


@pytest.mark.parametrize(
    "action",
    [
        lambda: np.empty(2**50),
        lambda: torch.empty(2**46),
        lambda: cv2.resize(np.zeros((4, 4, 3)), (2**20, 2**24)),
    ],
    ids=["numpy", "torch", "cv2"],
)
def test_what_asks_for_too_much_is_out_of_memory(action):
    assert is_out_of_memory(raised(action))


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("CUDA error: out of\nmemory"),
        RuntimeError("std::bad_alloc"),
    ],
    ids=["torch on a GPU", "driver", "C++"],
)
def test_what_a_gpu_and_other_languages_say_counts(error):
    assert is_out_of_memory(error)


@pytest.mark.parametrize(
    "action",
    [
        lambda: cv2.no_such_function,
        lambda: cv2.warpAffine(np.zeros((4, 4), np.uint8), np.eye(3), (4, 4)),
        lambda: torch.zeros(3) @ torch.zeros(4),
        lambda: np.zeros(3).reshape(2, 2),
    ],
    ids=["absent", "cv2", "torch", "numpy"],
)
def test_other_errors_are_not(action):
    assert not is_out_of_memory(raised(action))


def test_an_error_for_users_has_its_remedy_already():
    assert not is_out_of_memory(OpenSetError("out of memory: choose another model"))
