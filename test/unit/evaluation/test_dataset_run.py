from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from bag_of_frames import make_samples
from rich.console import Console

from ldn_openset_ros import Predictor
from ldn_openset_ros.cli.figures import print_figures
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.evaluation.dataset_run import DatasetRun, run_dataset
from ldn_openset_ros.evaluation.evaluate import evaluate
from ldn_openset_ros.evaluation.measurement import MeasureSettings
from ldn_openset_ros.evaluation.model_choice import ModelChoice
from ldn_openset_ros.evaluation.summary import to_json
from ldn_openset_ros.inference.model_files import read_description, write_model
from ldn_openset_ros.metrics.components import ComponentMeasures
from ldn_openset_ros.nn.network import OpenSetNetwork
from ldn_openset_ros.taxonomy import Taxonomy, load_taxonomy
from ldn_openset_ros.taxonomy_mapping import folding_table

FRAMES = 4


class Classified(list):
    """Samples that tell the classes of their labels, as readers do."""

    def __init__(self, samples, taxonomy):
        super().__init__(samples)
        self.taxonomy = load_taxonomy(taxonomy)


@pytest.fixture
def job(tiny_model) -> DatasetRun:
    return DatasetRun(
        "noise",
        "test",
        ModelChoice(str(tiny_model), ("op",), device="cpu"),
        MeasureSettings(replicates=10),
    )


@pytest.fixture
def predictor(job) -> Predictor:
    return job.model.load()


def test_figures_are_those_of_evaluate(job, predictor):
    samples = make_samples(FRAMES)
    summary = run_dataset(job, predictor, samples)
    expected = evaluate(predictor, samples, ("op", "op_x_msm"))
    assert summary.title == "tiny on noise"
    assert list(summary.scores) == ["op", "op_x_msm"]
    assert summary.scores["op"].auroc.value == expected.ranking["op"].auroc
    assert summary.segmentation.class_iou == expected.class_iou
    assert summary.protocol.startswith("network at 64x48, measured at 64x48; 4 frames")
    assert (summary.configuration["dataset"], summary.configuration["split"]) == ("noise", "test")


def test_results_on_the_disk_are_those_returned_and_are_resumed(job, predictor, tmp_path):
    job = replace(job, output=tmp_path / "results")
    samples = make_samples(FRAMES)
    summary = run_dataset(job, predictor, samples)
    assert (tmp_path / "results" / "summary.json").read_text() == to_json(summary)
    frames = (tmp_path / "results" / "frames.jsonl").read_text().splitlines()
    assert [json.loads(line)["frame"] for line in frames] == [s.name for s in samples]
    assert [json.loads(line)["stamp_ns"] for line in frames] == [None] * FRAMES
    with pytest.raises(OpenSetError, match="holds results already"):
        run_dataset(job, predictor, samples)
    assert run_dataset(replace(job, resume=True), predictor, samples) == summary
    with pytest.raises(OpenSetError, match=r"other settings \(samples\)"):
        run_dataset(replace(job, resume=True), predictor, samples[:2])


def test_components_are_measured_at_the_threshold_of_best_f1(job, predictor):
    samples = make_samples(FRAMES)
    summary = run_dataset(replace(job, track="obstacle"), predictor, samples)
    for name, score in summary.scores.items():
        threshold = score.best_f1_threshold
        expected = ComponentMeasures("obstacle")
        for sample in samples:
            log_odds = predictor.log_odds(predictor.infer(sample.rgb), name)
            called = log_odds >= math.log(threshold) - math.log1p(-threshold)
            expected.add(called, sample.outlier)
        measures = expected.measures()
        assert score.components.threshold == threshold
        assert score.components.true_components == measures.true_components == FRAMES
        assert score.components.mean_siou == measures.mean_siou
        assert score.components.mean_f1 == pytest.approx(measures.mean_f1)


def test_other_classes_give_no_mean_iou_and_say_so(job, predictor):
    """Train ids of Cityscapes would pass for CamVid's without a word."""
    labels = np.full((48, 64), 18, np.uint8)
    samples = [replace(sample, labels=labels) for sample in make_samples(FRAMES)]
    summary = run_dataset(job, predictor, Classified(samples, "cityscapes"))
    assert summary.segmentation is None
    assert summary.scores["op"].auroc.value is not None
    assert summary.class_mismatch == (
        "no mIoU (the truth's classes are those of cityscapes, the model's those of camvid: "
        "id 0 of 19 is road in cityscapes, 0 of 11 is sky in camvid)"
    )
    assert summary.class_mismatch in summary.protocol
    console = Console(record=True, width=400)
    print_figures(console, {"tiny": summary}, "tiny")
    lines = console.export_text().splitlines()
    assert f"segmentation: {summary.class_mismatch}" in lines


def test_finer_classes_are_folded_into_the_truths(job, tiny_model, tmp_path):
    """A model of Cityscapes on CamVid: labels, open-set maps and the worst frames' colours."""
    description = read_description(tiny_model)
    cityscapes, camvid = load_taxonomy("cityscapes"), load_taxonomy("camvid")
    network = replace(description.network, num_classes=19)
    description = replace(description, network=network, taxonomy=cityscapes.to_dict())
    write_model(tmp_path, description, OpenSetNetwork(network))
    predictor = Predictor.load(tmp_path, device="cpu")
    table = folding_table(cityscapes, camvid)
    samples = make_samples(FRAMES)
    # Truth is what the model says, once folded, so that every class is without an error.
    truths = [table[predictor(sample.rgb).labels] for sample in samples]
    samples = [replace(s, labels=t) for s, t in zip(samples, truths, strict=True)]
    choice = ModelChoice(str(tmp_path), device="cpu")
    summary = run_dataset(replace(job, model=choice), predictor, Classified(samples, "camvid"))
    assert summary.class_mismatch == ""
    assert "classes of cityscapes folded into those of camvid" in summary.protocol
    assert summary.segmentation.mean_iou.value == 1
    assert set(summary.segmentation.class_iou) == set(camvid.names)
    assert evaluate(predictor, samples, ["op"], taxonomy=camvid).mean_iou == 1


def test_the_same_classes_in_another_order_are_other_classes(job, predictor):
    camvid = load_taxonomy("camvid")
    samples = Classified(make_samples(2), "camvid")
    assert run_dataset(job, predictor, samples).segmentation.mean_iou.value is not None
    samples.taxonomy = Taxonomy("turned", camvid.classes[::-1])
    summary = run_dataset(job, predictor, samples)
    assert summary.segmentation is None
    assert "id 0 of 11 is bicyclist in turned, 0 of 11 is sky in camvid" in summary.class_mismatch


def test_labels_of_other_classes_alone_are_refused_with_the_reason(job, predictor):
    samples = Classified([replace(s, outlier=None) for s in make_samples(2)], "cityscapes")
    with pytest.raises(OpenSetError, match=r"nothing can be measured; no mIoU \(.*of the truth's"):
        run_dataset(job, predictor, samples)


def test_a_frame_that_cannot_be_measured_is_named(job, predictor):
    samples = make_samples(2)
    samples[1] = replace(samples[1], outlier=np.zeros((4, 4), np.uint8))
    with pytest.raises(OpenSetError, match=r"noise, frame 2\.000000000: .*shape"):
        run_dataset(job, predictor, samples)


def test_data_without_truth_is_refused(job, predictor):
    samples = [replace(sample, labels=None, outlier=None) for sample in make_samples(2)]
    with pytest.raises(OpenSetError, match="nothing can be measured"):
        run_dataset(job, predictor, samples)


def test_progress_sees_every_frame_of_every_pass(job, predictor):
    seen = []

    def progress(open_frames, name):
        def frames(start, faults):
            for frame in open_frames(start, faults):
                seen.append((name, frame.name))
                yield frame

        return frames

    run_dataset(replace(job, track="obstacle"), predictor, make_samples(2), progress)
    names = ["1.000000000", "2.000000000"]
    assert seen == [("tiny", n) for n in names] + [("components", n) for n in names]
