"""Calibrate a score on validation data: temperature, reliability, threshold for a wanted rate.

Temperature scaling is that of Guo et al. (ICML 2017), here for the outlier log-odds: one number
above 0 that changes no order of pixels, so no ranking measure.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np

from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.evaluation.evaluate import naming
from ldn_openset_ros.inference.calibration import Calibration, WantedRate, tempered
from ldn_openset_ros.inference.predictor import Predictor
from ldn_openset_ros.metrics.calibration import reliability
from ldn_openset_ros.metrics.ranking import RankingHistogram, bin_centres, bin_probabilities

TEMPERATURE_RANGE = (0.01, 100.0)
BISECTIONS = 50


def calibrate(
    predictor: Predictor,
    domains: Mapping[str, Iterable[Sample]],
    wanted: WantedRate,
    score: str | None = None,
) -> Calibration:
    """Calibrate a score in one pass over validation samples; no pixel is kept.

    domains: samples of one or more kinds of road, by a name for people; those with outlier truth
    count, and there must be outlier and inlier pixels in each. The temperature is that of all
    pixels together; the threshold has the wanted rate in every domain, and the rates that are
    told are those of the worst. score: None = the predictor's fusion. Smoothing, which a user may
    add, is not part of it. Raises OpenSetError where the data cannot be calibrated on or the rate
    cannot be had.
    """
    score = predictor.fusion if score is None else score
    whole, counted, frames = RankingHistogram(), [], 0
    for name, samples in domains.items():
        histogram = RankingHistogram()
        for sample in samples:
            if sample.outlier is None:
                continue
            frames += 1
            with naming(sample.name, name):
                log_odds = predictor.log_odds(predictor.infer(sample.rgb), score)
            histogram.add(log_odds, sample.outlier)
        negatives, positives = (int(count) for count in histogram.counts.sum(1))
        if not negatives or not positives:
            raise OpenSetError(
                f"{name} has {positives} outlier and {negatives} inlier pixels: calibrate on "
                "data with both"
            )
        counted.append(histogram)
        whole.merge(histogram)
    temperature = fit_temperature(whole)
    strictest = max if wanted.kind == "false_positive_rate" else min
    threshold = strictest(published_threshold(part, temperature, wanted) for part in counted)
    found, alarms = zip(*(rates(part, temperature, threshold) for part in counted), strict=True)
    return Calibration(
        score=score,
        temperature=temperature,
        threshold=threshold,
        wanted=wanted,
        true_positive_rate=_short(min(found)),
        false_positive_rate=_short(max(alarms)),
        ece_before=_short(reliability(whole, 1.0).expected_calibration_error()),
        ece_after=_short(reliability(whole, temperature).expected_calibration_error()),
        data="; ".join(domains),
        resolution=predictor.resolution,
        frames=frames,
        pixels=int(whole.counts.sum()),
    )


def fit_temperature(histogram: RankingHistogram) -> float:
    """Return the temperature with the least negative log-likelihood of the counted pixels.

    The likelihood is concave in 1 / temperature, so a bisection of its derivative finds the one
    best. Raises OpenSetError where that is not within TEMPERATURE_RANGE: for pixels that 0.5
    separates without error, and for scores no better than a constant 0.5.
    """
    log_odds = bin_centres()
    negatives, positives = histogram.counts.astype(np.float64)
    pixels = negatives + positives

    def excess(temperature: float) -> float:
        """Return what is above 0 where the score is too sure of itself at a temperature."""
        return float(log_odds @ (pixels * bin_probabilities(temperature) - positives))

    low, high = TEMPERATURE_RANGE
    if excess(low) <= 0:
        raise OpenSetError(
            "the score is right about all pixels at a threshold of 0.5, so no temperature can be "
            "fitted: calibrate on more or harder data"
        )
    if excess(high) >= 0:
        raise OpenSetError(
            "the score is no better than a constant 0.5, so no temperature can be fitted: choose "
            "another score or other data"
        )
    for _ in range(BISECTIONS):
        middle = math.sqrt(low * high)
        if excess(middle) > 0:
            low = middle
        else:
            high = middle
    return _short(math.sqrt(low * high))


def published_threshold(
    histogram: RankingHistogram, temperature: float, wanted: WantedRate
) -> float:
    """Return the threshold of the published probability that has the wanted rate.

    The highest one of at least the true-positive rate, or the lowest one of at most the
    false-positive rate. Raises OpenSetError where there is none.
    """
    if wanted.kind == "true_positive_rate":
        threshold = histogram.threshold_for_true_positive_rate(wanted.value)
        return _short(tempered(threshold, temperature))
    threshold = _short(
        tempered(histogram.threshold_for_false_positive_rate(wanted.value), temperature)
    )
    if rates(histogram, temperature, threshold)[1] > wanted.value:
        # Near 1, probabilities just below the threshold are the same number in float32.
        threshold = _short(np.nextafter(np.float32(threshold), np.float32(2)))
    if not threshold <= 1:
        raise OpenSetError(
            f"no threshold has a false-positive rate of {wanted.value:g} or less, for more inlier "
            "pixels than that have a probability of 1: ask for a higher rate"
        )
    return threshold


def rates(
    histogram: RankingHistogram, temperature: float, threshold: float
) -> tuple[float, float]:
    """Return true- and false-positive rate at a threshold of the published probability.

    Probabilities are published as float32, where those near 1 merge, and all of log-odds above
    17 are 1: this counts as they do.
    """
    called = bin_probabilities(temperature).astype(np.float32) >= np.float32(threshold)
    false_positive_rate, true_positive_rate = (
        int(counts[called].sum()) / int(counts.sum()) for counts in histogram.counts
    )
    return true_positive_rate, false_positive_rate


def _short(value: float) -> float:
    """Return the shortest decimal number that is the same in float32."""
    return float(str(np.float32(value)))
