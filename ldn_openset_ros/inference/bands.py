"""Logits in a frame's size, a band of rows at a time, and threads that share the bands.

All logits of a frame of two megapixels are a hundred megabytes. Whatever is computed from them
pixel by pixel is several times faster on a CPU where a band stays in its cache.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor

from ldn_openset_ros.nn.heads import HeadLogits, upsample_logits
from ldn_openset_ros.nn.layers import upsample

BAND_ROWS = 32


class BandWorkers:
    """Threads that each compute whole bands, with torch on one thread in each.

    OpenMP, which torch divides an operation with, puts its threads to sleep after every operation
    where the caller is not the process's first thread; the node's worker is not.
    """

    def __init__(self, threads: int) -> None:
        """threads: 1 computes in the caller's."""
        self._pool = _single_threaded_pool(threads) if threads > 1 else None

    def run(self, work: Callable[[slice], None], height: int, rows: int = BAND_ROWS) -> None:
        """Call `work` for every band of rows of a frame; errors are raised here.

        `work` may run in another thread, where `torch.inference_mode` is on.
        """

        @torch.inference_mode()
        def guarded(band: slice) -> None:
            work(band)

        bands = [slice(top, min(top + rows, height)) for top in range(0, height, rows)]
        for _ in map(guarded, bands) if self._pool is None else self._pool.map(guarded, bands):
            pass


def _single_threaded_pool(threads: int) -> ThreadPoolExecutor:
    """Return threads in which torch divides no operation; elsewhere nothing changes."""
    own = torch.get_num_threads()
    ready = threading.Barrier(threads + 1)

    def prepare() -> None:
        torch.get_num_threads()  # else the first operation takes the process's number again
        torch.set_num_threads(1)
        ready.wait()

    pool = ThreadPoolExecutor(threads, "openset_bands", initializer=prepare)
    for _ in range(threads):
        pool.submit(lambda: None)
    ready.wait()
    # Threads that start later take the number that was set last, whoever set it.
    torch.set_num_threads(own)
    return pool


def upsampled_band(heads: HeadLogits, size: tuple[int, int], band: slice) -> HeadLogits:
    """Return the logits of one frame in a band of rows of its size, (channels, rows, W).

    heads: of one frame, (1, channels, h, w); size: (H, W) of the frame. The bands together are
    `upsample_logits` of the whole, but for rounding.
    """
    if band == slice(0, size[0]):
        whole = upsample_logits(heads, size)
        return HeadLogits(*(None if tensor is None else tensor[0] for tensor in whole))
    return HeadLogits(*(None if tensor is None else _band(tensor, size, band) for tensor in heads))


def _band(logits: Tensor, size: tuple[int, int], band: slice) -> Tensor:
    """Return rows of `upsample(logits, size)[0]`: columns of the few low rows, then rows."""
    low = logits.shape[-2]
    centres = torch.arange(band.start, band.stop, dtype=torch.float64) + 0.5
    places = (centres * (low / size[0]) - 0.5).clamp(min=0)
    above = places.floor().long()
    weight = (places - above).to(logits.dtype)[:, None].to(logits.device)
    above = above.tolist()
    first, last = above[0], min(above[-1] + 1, low - 1)
    wide = upsample(logits[:, :, first : last + 1], (last - first + 1, size[1]))[0]
    rows = wide.new_empty(len(wide), len(above), size[1])
    start = 0
    while start < len(above):
        stop = start + above[start:].count(above[start])
        upper = above[start] - first
        lower = min(upper + 1, last - first)
        torch.lerp(
            wide[:, upper : upper + 1],
            wide[:, lower : lower + 1],
            weight[start:stop],
            out=rows[:, start:stop],
        )
        start = stop
    return rows
