"""Train and measure what a table compares; what is done already is not done again."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tqdm import tqdm

from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.evaluation.evaluate import evaluate, taxonomy_of
from ldn_openset_ros.evaluation.test_sets import open_test_set
from ldn_openset_ros.folders import make_folder
from ldn_openset_ros.inference.predictor import Predictor
from ldn_openset_ros.reproduction.plan import (
    MEASURED_SCORES,
    MeasuredSet,
    Profile,
    Table,
    check_tests,
    run_settings,
    start_settings,
)
from ldn_openset_ros.taxonomy import Taxonomy
from ldn_openset_ros.training.loop import MODEL_FOLDER, is_finished, settings_digest, train
from ldn_openset_ros.training.settings import TrainingSettings

START_FOLDER = "start"

Measurement = dict
"""What `Evaluation.to_dict` gives for one test set and assay, and `request`, what was asked."""


class Runner:
    """Trains and measures below one folder, `<run>/seed<n>`."""

    def __init__(self, profile: Profile, data: Path, output: Path, device: str) -> None:
        self._profile = profile
        self._data = data
        self._output = output
        self._device = device

    def measure(self, table: Table, seeds: Sequence[int]) -> dict[tuple, list[Measurement]]:
        """Return all measurements by (run, recognition, test); train and measure what is missing.

        There is one for each seed and assay, seeds first. Raises OpenSetError for a seed that the
        profile has not and, before any training, for test sets that are not there.
        """
        unknown = [seed for seed in seeds if seed not in self._profile.seeds]
        if unknown:
            raise OpenSetError(
                f"profile {self._profile.name} has no seed {unknown[0]}: choose "
                f"{', '.join(map(str, self._profile.seeds))}"
            )
        check_tests(table, self._profile, self._data)
        found: dict[tuple, list[Measurement]] = {}
        trainings = dict.fromkeys((row.run, row.recognition) for row in table.rows)
        initial_model = self._train_start()
        for seed in seeds:
            for run, recognition in trainings:
                settings = run_settings(self._profile, run, seed, initial_model)
                folder = self._output / run / f"seed{seed}"
                self._train(settings, folder)
                for test in table.tests():
                    key = (run, recognition, test)
                    found.setdefault(key, []).extend(
                        self._measure(settings, folder, recognition, test, assay, table)
                        for assay in range(self._profile.tests[test].assays)
                    )
        return found

    def _train_start(self) -> str | None:
        settings = start_settings(self._profile)
        if settings is None:
            return None
        self._train(settings, self._output / START_FOLDER)
        return str(self._output / START_FOLDER / MODEL_FOLDER)

    def _train(self, settings: TrainingSettings, folder: Path) -> None:
        if not is_finished(settings, folder):
            train(settings, self._data, folder, self._device)

    def _measure(
        self,
        settings: TrainingSettings,
        folder: Path,
        recognition: str | None,
        test: str,
        assay: int,
        table: Table,
    ) -> Measurement:
        test_set = self._profile.tests[test]
        edges = table.area_edges if test == table.area_test else ()
        request = {
            "training": settings_digest(settings),
            "recognition": recognition,
            "test": asdict(test_set),
            "assay": assay,
            "area_edges": list(edges),
        }
        parts = [test, recognition or "own", str(assay)] + ["by_area"] * bool(edges)
        path = folder / "measured" / f"{'_'.join(parts)}.json"
        if path.exists():
            known = read_measurement(path)
            if known["request"] == request:
                return known
        model = folder / MODEL_FOLDER
        predictor = Predictor.load(
            model,
            device=self._device,
            backend="torch",
            resolution=test_set.resolution,
            recognition=recognition,
        )
        samples = open_frames(test_set, self._data, assay)
        scores = [name for name in MEASURED_SCORES if name in predictor.usable_scores]
        description = f"{settings.name} seed {settings.seed}: {test}"
        # By index: iterating a Sequence would take an IndexError in a reader for its end.
        frames = (samples[i] for i in range(len(samples)))
        progress = tqdm(frames, desc=description, total=len(samples), unit="frame")
        evaluation = evaluate(predictor, progress, scores, edges, taxonomy_of(samples))
        measurement = {"request": request, **evaluation.to_dict()}
        write_measurement(path, measurement)
        return measurement


def write_measurement(path: Path, measurement: Measurement) -> None:
    """Write a measurement at once: a cut leaves no half a file."""
    make_folder(path.parent)
    new = path.with_suffix(".new")
    try:
        new.write_text(json.dumps(measurement, indent=1) + "\n")
        os.replace(new, path)
    except OSError as error:
        raise OpenSetError(f"cannot write {path}: {error.strerror}") from None


def read_measurement(path: Path) -> Measurement:
    """Read a measurement; a damaged file is an OpenSetError that names it."""
    try:
        known = json.loads(path.read_text())
        return {"request": known.pop("request"), **known}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise OpenSetError(f"{path} is damaged ({error!r}): delete it") from None


class EveryNth(Sequence[Sample]):
    """Each n-th sample of a test set."""

    def __init__(self, samples: Sequence[Sample], every: int) -> None:
        self._samples = samples
        self._places = range(0, len(samples), every)

    @property
    def taxonomy(self) -> Taxonomy | None:
        """Classes of the labels; None where the test set does not tell them."""
        return taxonomy_of(self._samples)

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> Sample:
        return self._samples[self._places[index]]


def open_frames(test_set: MeasuredSet, data: Path, assay: int) -> Sequence[Sample]:
    """Open the frames of a test set that a profile measures."""
    samples = open_test_set(test_set.dataset, data / test_set.root, test_set.split, assay)
    return EveryNth(samples, test_set.every)
