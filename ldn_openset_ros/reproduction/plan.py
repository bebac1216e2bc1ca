"""What a reproduction consists of, as `config/reproduce` says it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.evaluation.test_sets import COMPOSED, TEST_SET_NAMES
from ldn_openset_ros.recognition.names import RECOGNITION_NAMES
from ldn_openset_ros.reproduction.names import PROFILE_NAMES
from ldn_openset_ros.resources import config_file
from ldn_openset_ros.score_names import check_score
from ldn_openset_ros.settings import FROZEN, read_yaml, settings_from_dict
from ldn_openset_ros.training.settings import (
    TrainingSettings,
    merge,
    read_experiment,
    read_training_settings,
)

MEASURED_SCORES = ("op", "msm", "op_x_msm")
"""Measured together, so that tables share what is measured."""


@dataclass(frozen=True)
class MeasuredSet:
    """A test set of `evaluation.test_sets` and how it is measured.

    root: below the data root. resolution: shorter side in pixels, 0 = as frames come. every: each
    n-th frame. assays: draws of a composed test set.
    """

    dataset: str
    root: str = "."
    split: str | None = None
    resolution: int = 0
    every: int = 1
    assays: int = 1

    __pydantic_config__ = FROZEN

    def __post_init__(self) -> None:
        if self.dataset not in TEST_SET_NAMES:
            raise OpenSetError(
                f"no test set {self.dataset!r}: choose one of {', '.join(TEST_SET_NAMES)}"
            )
        if self.resolution < 0 or self.every < 1 or self.assays < 1:
            raise OpenSetError(
                f"test set {self.dataset}: give a resolution of at least 0, every and assays of "
                "at least 1"
            )
        if self.assays > 1 and self.dataset not in COMPOSED:
            raise OpenSetError(
                f"test set {self.dataset} is not drawn at random: leave assays {self.assays} out"
            )


@dataclass(frozen=True)
class Profile:
    """On which data, how long and how often the rows are trained and measured.

    needs: folders below the data root. experiment: a file relative to the profile's. start: one
    that is trained first and that every row starts from. passes: of MC dropout. tests: by the
    part they play in the tables.
    """

    name: str
    needs: tuple[str, ...]
    experiment: str
    seeds: tuple[int, ...]
    tests: dict[str, MeasuredSet]
    start: str | None = None
    passes: int = 50
    notes: tuple[str, ...] = ()

    __pydantic_config__ = FROZEN


@dataclass(frozen=True)
class Column:
    """A measure of one test set, shown in per cent."""

    key: str
    title: str
    test: str
    measure: Literal["average_precision", "auroc", "fpr95", "mean_iou"]

    __pydantic_config__ = FROZEN


@dataclass(frozen=True)
class Row:
    """A training with the recognition module and the score it is judged by.

    recognition: where it differs from the training's. paper: the paper's figures by column.
    """

    title: str
    run: str
    score: str
    recognition: str | None = None
    paper: dict[str, float] = field(default_factory=dict)

    __pydantic_config__ = FROZEN

    def __post_init__(self) -> None:
        check_score(self.score)
        if self.score not in MEASURED_SCORES:
            raise OpenSetError(
                f"row {self.title!r}: score {self.score} is not measured: choose one of "
                f"{', '.join(MEASURED_SCORES)}"
            )
        if self.recognition is not None and self.recognition not in RECOGNITION_NAMES:
            raise OpenSetError(
                f"row {self.title!r}: no recognition module {self.recognition!r}: choose one of "
                f"{', '.join(RECOGNITION_NAMES)}"
            )


@dataclass(frozen=True)
class Table:
    """A table of the paper, or with `area_edges` its figure by outlier size on `area_test`."""

    title: str
    rows: tuple[Row, ...]
    columns: tuple[Column, ...] = ()
    area_edges: tuple[float, ...] = ()
    area_test: str = ""

    __pydantic_config__ = FROZEN

    def __post_init__(self) -> None:
        if bool(self.area_edges) != bool(self.area_test):
            raise OpenSetError(f"table {self.title!r}: area_edges and area_test go together")

    def tests(self) -> tuple[str, ...]:
        """Return the parts of the test sets that the table needs."""
        named = [column.test for column in self.columns] + (
            [self.area_test] * bool(self.area_test)
        )
        return tuple(dict.fromkeys(named))


def read_table(name: str) -> Table:
    """Read `config/reproduce/<name>.yaml`."""
    path = config_file("reproduce", f"{name}.yaml")
    return settings_from_dict(Table, read_yaml(path), path)


def read_profile(name: str) -> Profile:
    """Read `config/reproduce/<name>.yaml`."""
    path = config_file("reproduce", f"{name}.yaml")
    return settings_from_dict(Profile, {"name": name, **read_yaml(path)}, path)


def choose_profile(data: Path, name: str | None = None) -> Profile:
    """Return the named profile, or the first whose data are below `data`.

    Raises OpenSetError that names the missing folders.
    """
    profiles = [read_profile(known) for known in ((name,) if name else PROFILE_NAMES)]
    missing = {
        profile.name: [folder for folder in profile.needs if not (data / folder).is_dir()]
        for profile in profiles
    }
    for profile in profiles:
        if not missing[profile.name]:
            return profile
    lacking = "; ".join(f"{known} lacks {', '.join(names)}" for known, names in missing.items())
    raise OpenSetError(
        f"{data} has not the data of a profile: {lacking}; put these folders there or give "
        "another --data"
    )


def check_tests(table: Table, profile: Profile, data: Path) -> None:
    """Raise OpenSetError where a test set that the table needs is not there.

    Before the training, which takes hours or days, not after it.
    """
    for test in table.tests():
        if test not in profile.tests:
            raise OpenSetError(
                f"profile {profile.name} has no test set {test!r}, which {table.title!r} needs: "
                f"it has {', '.join(profile.tests)}"
            )
        root = data / profile.tests[test].root
        if not root.is_dir():
            raise OpenSetError(
                f"no folder {root}, which {table.title!r} is measured on: put "
                f"{profile.tests[test].dataset} there"
            )


def start_settings(profile: Profile) -> TrainingSettings | None:
    """Return the settings of the training that every row starts from, if there is one."""
    if profile.start is None:
        return None
    return read_training_settings(config_file("reproduce", profile.start))


def run_settings(
    profile: Profile, run: str, seed: int, initial_model: str | None = None
) -> TrainingSettings:
    """Return the settings of a training: the profile's experiment with the run's differences.

    initial_model: what it starts from, None = what the experiment says.
    """
    runs = read_yaml(config_file("reproduce", "runs.yaml"))
    if run not in runs:
        raise OpenSetError(f"no run {run!r} in runs.yaml: choose one of {', '.join(runs)}")
    path = config_file("reproduce", profile.experiment)
    values = merge(read_experiment(path), runs[run])
    settings = settings_from_dict(TrainingSettings, values, f"{path} with run {run}")
    recognition = replace(settings.recognition, passes=profile.passes)
    return replace(
        settings,
        name=run,
        seed=seed,
        recognition=recognition,
        initial_model=initial_model or settings.initial_model,
    )
