from __future__ import annotations

import threading

import pytest
import torch

from ldn_openset_ros.inference.bands import BandWorkers, upsampled_band
from ldn_openset_ros.nn.heads import HeadLogits, upsample_logits


def logits(height: int, width: int, channels: int = 5) -> HeadLogits:
    generator = torch.Generator().manual_seed(height * width)
    shape = (1, channels, height, width)
    return HeadLogits(torch.randn(shape, generator=generator) * 10, None)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    ("low", "size", "rows"),
    [
        ((12, 20), (48, 80), 32),
        ((12, 20), (47, 81), 5),
        ((30, 53), (270, 480), 32),
        ((12, 20), (12, 20), 7),
        ((12, 20), (6, 10), 4),
        ((1, 1), (9, 7), 2),
        ((12, 20), (1, 1), 1),
        ((12, 20), (47, 81), 100),
    ],
)
def test_bands_make_up_the_whole(low, size, rows, threads):
    heads = logits(*low)
    whole = upsample_logits(heads, size).segmentation[0]
    made = torch.full_like(whole, torch.nan)

    def make(band):
        part = upsampled_band(heads, size, band)
        assert part.outlier is None
        assert band.stop - band.start <= rows
        made[:, band] = part.segmentation

    BandWorkers(threads).run(make, size[0], rows)
    torch.testing.assert_close(made, whole, atol=1e-4, rtol=0)


def test_bands_are_shared_by_threads_in_which_torch_has_one():
    before = torch.get_num_threads()
    both = threading.Barrier(2, timeout=10)
    seen = []

    def work(band):
        both.wait()  # passed by two threads at once, or broken
        seen.append((threading.current_thread().name, torch.get_num_threads()))

    BandWorkers(2).run(work, 8, 4)
    assert len({name for name, _ in seen}) == 2
    assert {number for _, number in seen} == {1}
    assert torch.get_num_threads() == before


def test_threads_that_start_later_keep_torchs_number():
    BandWorkers(2)
    numbers = []
    later = threading.Thread(target=lambda: numbers.append(torch.get_num_threads()))
    later.start()
    later.join()
    assert numbers == [torch.get_num_threads()]


@pytest.mark.parametrize("threads", [1, 2])
def test_an_error_in_a_band_is_raised(threads):
    def fail(band):
        raise ValueError(f"row {band.start}")

    with pytest.raises(ValueError, match="row 0"):
        BandWorkers(threads).run(fail, 100)
