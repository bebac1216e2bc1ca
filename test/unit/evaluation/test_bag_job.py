"""Bags in, results folders out."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from bag_of_frames import make_samples, stamp_ns, write_bag

from ldn_openset_ros import Predictor
from ldn_openset_ros.bags.discovery import find_topics
from ldn_openset_ros.bags.faults import Faults
from ldn_openset_ros.bags.frames import frames
from ldn_openset_ros.bags.reader import BagReader
from ldn_openset_ros.bags.writer import BagWriter
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.evaluation import results_folder
from ldn_openset_ros.evaluation.bag_frames import RECORDED
from ldn_openset_ros.evaluation.bag_job import BagJob, evaluate_bags
from ldn_openset_ros.evaluation.evaluate import evaluate
from ldn_openset_ros.evaluation.measurement import Measurement, MeasureSettings
from ldn_openset_ros.evaluation.model_choice import ModelChoice
from ldn_openset_ros.evaluation.summary import RunSummary, TimingSummary, read_summary

SAME_IN_EVERY_RUN = ("summary.json", "frames.jsonl", "faults.jsonl", "configuration.json")
FRAMES = 7


@pytest.fixture
def job(tiny_model, tmp_path) -> BagJob:
    """Judge a bag by the tiny model; tests choose the bag."""
    return BagJob(
        bag=tmp_path / "bag",
        output=tmp_path / "results",
        model=ModelChoice(str(tiny_model), ("op", "msm"), device="cpu"),
        measures=MeasureSettings(replicates=20),
    )


def contents(folder: Path) -> dict[str, bytes]:
    """All that must be the same in two runs."""
    files = [folder / name for name in SAME_IN_EVERY_RUN] + sorted(folder.glob("pictures/*"))
    return {path.name: path.read_bytes() for path in files}


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
@pytest.mark.parametrize("compression", [None, "png"])
def test_figures_are_those_of_the_samples_themselves(job, storage, compression):
    samples = make_samples(FRAMES)
    write_bag(job.bag, samples, storage, compression)
    summary = evaluate_bags(job, [job.bag])
    predictor = Predictor.load(job.model.model, device="cpu", backend="torch")
    expected = evaluate(predictor, samples, ("op", "msm", "op_x_msm"))
    assert list(summary.scores) == ["op", "msm", "op_x_msm"]
    for name, score in summary.scores.items():
        measures = expected.ranking[name]
        assert score.average_precision.value == measures.average_precision
        assert score.auroc.value == measures.auroc
        assert score.fpr95.value == measures.fpr95
        assert score.average_precision.lower <= score.average_precision.value
        assert score.positives == measures.positives == FRAMES * 54 - score_void(samples)
    assert summary.segmentation.mean_iou.value == expected.mean_iou
    assert (summary.frames, summary.ranked_frames, summary.faults) == (FRAMES, FRAMES, {})
    assert "network at 64x48" in summary.protocol


def score_void(samples) -> int:
    """Outlier pixels that the void rows of the last lines took."""
    return sum(54 - int((sample.outlier == 1).sum()) for sample in samples)


def test_results_say_what_happened_to_every_frame(job):
    samples = make_samples(FRAMES)
    write_bag(job.bag, samples)
    summary = evaluate_bags(job, [job.bag])
    predictor = Predictor.load(job.model.model, device="cpu", backend="torch")
    records = lines(job.output / "frames.jsonl")
    assert [record["stamp_ns"] for record in records] == [stamp_ns(n) for n in range(FRAMES)]
    assert records[2]["frame"] == "3.000000000"
    for record, sample in zip(records, samples, strict=True):
        called = predictor(sample.rgb).open_set == 11
        assert record["outlier_share"] == called.mean()
        assert record["missed"] == int(((sample.outlier == 1) & ~called).sum())
        assert record["false_alarms"] == int(((sample.outlier == 0) & called).sum())
    assert summary.decision.score == "op_x_msm"
    found = sum(record["outliers"] - record["missed"] for record in records)
    outliers = sum(record["outliers"] for record in records)
    assert summary.decision.true_positive_rate == found / outliers
    timing = read_summary(TimingSummary, job.output / "timing.json")
    assert list(timing.stages)[:5] == ["read", "decode", "network", "score", "measure"]
    assert timing.frames == FRAMES
    assert summary.configuration["model_sha256"]
    assert len(summary.configuration_hash) == 64


def test_two_runs_are_byte_identical_but_for_times(job, tmp_path):
    write_bag(job.bag, make_samples(FRAMES))
    evaluate_bags(job, [job.bag])
    again = replace(job, output=tmp_path / "again")
    evaluate_bags(again, [job.bag])
    assert contents(job.output) == contents(again.output)
    assert (job.output / "pictures").is_dir()


def test_an_interrupted_run_is_resumed_to_the_same_end(job, tmp_path, monkeypatch):
    """With a fault of each sort before and after the interruption."""
    samples = make_samples(FRAMES)
    samples[1] = replace(samples[1], outlier=None)
    samples[5] = replace(samples[5], labels=None)
    write_bag(job.bag, samples)
    evaluate_bags(job, [job.bag])

    monkeypatch.setattr(results_folder, "SECONDS_BETWEEN_STATES", 0.0)
    add, seen = Measurement.add, []

    def interrupted(self, frame):
        seen.append(frame.name)
        if len(seen) == 5:
            raise KeyboardInterrupt
        return add(self, frame)

    monkeypatch.setattr(Measurement, "add", interrupted)
    again = replace(job, output=tmp_path / "again")
    with pytest.raises(KeyboardInterrupt):
        evaluate_bags(again, [job.bag])
    assert len(lines(again.output / "frames.jsonl")) == 4
    with pytest.raises(OpenSetError, match="go on with --resume"):
        evaluate_bags(again, [job.bag])
    evaluate_bags(replace(again, resume=True), [job.bag])
    assert seen[5:] == [sample.name for sample in samples[4:]]
    assert contents(job.output) == contents(again.output)
    assert read_summary(RunSummary, again.output / "summary.json").faults == {"unmatched_image": 2}


def test_faults_behind_the_last_frame_count_once_where_the_summary_was_not_written(
    job, tmp_path, monkeypatch
):
    write_bag(job.bag, make_samples(2))
    (job.bag / "not_listed.mcap").touch()
    evaluate_bags(job, [job.bag])

    def interrupted(*arguments):
        raise KeyboardInterrupt

    again = replace(job, output=tmp_path / "again")
    with monkeypatch.context() as context:
        context.setattr(results_folder.ResultsFolder, "finish", interrupted)
        with pytest.raises(KeyboardInterrupt):
            evaluate_bags(again, [job.bag])
    summary = evaluate_bags(replace(again, resume=True), [job.bag])
    assert summary.faults == {"damaged_bag": 1}
    assert contents(job.output) == contents(again.output)


def test_a_picture_that_cannot_be_written_is_no_fault_of_its_frame(job):
    write_bag(job.bag, make_samples(2))
    # A folder in the way of the picture: the disk refuses it and takes everything else.
    (job.output / "pictures" / "000000.jpg").mkdir(parents=True)
    with pytest.raises(OpenSetError, match=r"cannot write .*000000\.jpg"):
        evaluate_bags(job, [job.bag])
    assert lines(job.output / "faults.jsonl") == []


def test_a_finished_run_is_not_run_again(job, monkeypatch):
    write_bag(job.bag, make_samples(2))
    first = evaluate_bags(job, [job.bag])
    monkeypatch.setattr(Measurement, "add", None)
    assert evaluate_bags(replace(job, resume=True), [job.bag]) == first


def test_other_settings_do_not_resume(job):
    write_bag(job.bag, make_samples(2))
    evaluate_bags(job, [job.bag])
    other = replace(job, model=replace(job.model, threshold=0.25), resume=True)
    with pytest.raises(OpenSetError, match=r"other settings \(threshold\)"):
        evaluate_bags(other, [job.bag])


def test_recorded_outputs_are_judged_like_the_model_that_made_them(job, tmp_path):
    write_bag(job.bag, make_samples(FRAMES))
    by_model = evaluate_bags(replace(job, output_bag=tmp_path / "outputs"), [job.bag])
    recorded = replace(job, model=None, output=tmp_path / "recorded")
    summary = evaluate_bags(recorded, [tmp_path / "outputs"])
    assert summary.method == "recorded"
    assert list(summary.scores) == [RECORDED]
    for name in ("average_precision", "auroc", "fpr95"):
        expected = getattr(by_model.scores["op_x_msm"], name).value
        assert getattr(summary.scores[RECORDED], name).value == pytest.approx(expected, abs=5e-4)
    for name in ("mean_iou", "open_set_mean_iou"):
        expected = getattr(by_model.segmentation, name).value
        assert getattr(summary.segmentation, name).value == expected
    assert summary.segmentation.open_set_class_iou == by_model.segmentation.open_set_class_iou
    assert summary.decision.threshold == by_model.decision.threshold
    assert summary.decision.true_positive_rate == by_model.decision.true_positive_rate
    assert summary.decision.outlier_share == by_model.decision.outlier_share


def test_the_output_bag_holds_input_truth_and_outputs_with_their_headers(job, tmp_path):
    samples = make_samples(3)
    write_bag(job.bag, samples)
    evaluate_bags(replace(job, output_bag=tmp_path / "outputs"), [job.bag])
    predictor = Predictor.load(job.model.model, device="cpu", backend="torch")
    with BagReader(tmp_path / "outputs") as reader:
        faults = Faults()
        written = list(frames(reader, find_topics(reader), faults))
    assert faults.counts == {}
    for number, (frame, sample) in enumerate(zip(written, samples, strict=True)):
        result = predictor(sample.rgb)
        assert (frame.stamp_ns, frame.frame_id) == (stamp_ns(number), "camera_optical_frame")
        assert np.array_equal(frame.rgb, sample.rgb)
        assert np.array_equal(frame.outlier_truth, sample.outlier)
        assert np.array_equal(frame.label_truth, sample.labels)
        assert np.array_equal(frame.labels, result.labels)
        assert np.array_equal(frame.outlier_probability, result.outlier)
        assert np.array_equal(frame.open_set, result.open_set)


def test_outputs_are_recorded_when_their_image_was(job, tmp_path):
    with BagWriter(job.bag) as bag:
        sample = make_samples(1)[0]
        bag.write(sample, stamp_ns(0))
    with BagReader(job.bag) as reader:
        source = list(reader.raw_messages(list(reader.topics)))
    later = 10**18
    shifted = tmp_path / "shifted"
    with BagReader(job.bag) as reader, BagWriter(shifted) as bag:
        for topic, _, data in source:
            bag.copy(reader, topic, later, data)
    evaluate_bags(replace(job, output_bag=tmp_path / "outputs"), [shifted])
    with BagReader(tmp_path / "outputs") as reader:
        times = {topic: time_ns for topic, time_ns, _ in reader.raw_messages(list(reader.topics))}
        assert "/openset/open_set" in times
        assert set(times.values()) == {later}


@pytest.mark.parametrize("threshold", [7.0, -1.0, float("nan")])
def test_a_threshold_that_is_none_is_refused(job, threshold):
    with BagWriter(job.bag) as bag:
        bag.write_outputs(stamp_ns(0), "", None, np.zeros((4, 6), np.float32), None)
    with pytest.raises(OpenSetError, match="give a"):
        evaluate_bags(replace(job, model=None, threshold=threshold), [job.bag])
    assert not job.output.exists()


@pytest.mark.parametrize("output", ["labels", "outlier_probability", "open_set"])
def test_a_single_recorded_output_is_enough_and_an_undecodable_one_is_left_out(job, output):
    with BagWriter(job.bag) as bag:
        for number, width in enumerate((6, 0, 6)):  # no image may be 0 pixels wide
            maps = dict.fromkeys(("labels", "outlier_probability", "open_set"))
            bag.write_outputs(stamp_ns(number), "", **{**maps, output: np.zeros((4, width))})
    summary = evaluate_bags(replace(job, model=None), [job.bag])
    assert (summary.frames, summary.faults) == (2, {"undecodable": 1})


def test_a_threshold_replaces_that_of_the_recording(job, tmp_path):
    write_bag(job.bag, make_samples(3))
    evaluate_bags(replace(job, output_bag=tmp_path / "outputs"), [job.bag])
    recorded = replace(job, model=None, output=tmp_path / "recorded", threshold=0.0)
    summary = evaluate_bags(recorded, [tmp_path / "outputs"])
    assert summary.decision.threshold == 0.0
    assert summary.decision.outlier_share == 1.0
    assert summary.decision.false_positive_rate == 1.0
    assert summary.segmentation.open_set_mean_iou.value == 0.0


CLASSES = [{"id": number, "name": f"c{number}", "colour": [number, 0, 0]} for number in range(3)]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"threshold": "high"}, "threshold of the recorded legend is 'high'"),
        ({"threshold": float("nan")}, "threshold of the recorded legend is nan"),
        ({"classes": 3}, "recorded legend is malformed"),
        ({"classes": CLASSES[::2]}, "recorded legend is malformed.*ids are not 0, 1, 2"),
        ({"outlier_id": 99}, "recorded legend is malformed.*ids are not 0, 1, 2"),
    ],
)
def test_a_malformed_legend_is_one_clear_error(job, change, reason):
    legend = {"threshold": 0.5, "outlier_id": 3, "classes": CLASSES, **change}
    with BagWriter(job.bag) as bag:
        bag.write_legend(json.dumps(legend), 0)
        bag.write_outputs(stamp_ns(0), "", None, np.zeros((4, 6)), None)
    with pytest.raises(OpenSetError, match=reason):
        evaluate_bags(replace(job, model=None), [job.bag])


def test_without_truth_there_are_shares_times_and_pictures(job):
    samples = [replace(sample, outlier=None, labels=None) for sample in make_samples(3)]
    write_bag(job.bag, samples)
    summary = evaluate_bags(job, [job.bag])
    assert (summary.frames, summary.ranked_frames, summary.scores) == (3, 0, {})
    assert summary.segmentation is None
    assert summary.decision.outlier_share is not None
    assert summary.decision.true_positive_rate is None
    assert summary.faults == {}
    shares = [record["outlier_share"] for record in lines(job.output / "frames.jsonl")]
    assert all(0 <= share <= 1 for share in shares)
    shown = {worst.picture for worst in summary.most_outliers}
    assert shown
    assert shown == {f"pictures/{path.name}" for path in job.output.glob("pictures/*")}


@pytest.fixture
def one_thread():
    """As several bags are evaluated, so that sums of floats are the same to the last digit."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("one_thread")
def test_several_bags_give_exactly_what_one_bag_of_all_frames_gives(job, tmp_path):
    samples = make_samples(9)
    bags = [
        write_bag(tmp_path / "in" / f"bag-{number}", samples[3 * number : 3 * number + 3])
        for number in range(3)
    ]
    merged = evaluate_bags(job, bags)
    predictor = Predictor.load(job.model.model, device="cpu", backend="torch")
    expected = evaluate(predictor, samples, ("op",))
    assert merged.frames == 9
    assert merged.sources == ("bag-0", "bag-1", "bag-2")
    assert merged.scores["op"].average_precision.value == (
        expected.ranking["op"].average_precision
    )
    assert merged.segmentation.mean_iou.value == expected.mean_iou
    assert [record["source"] for record in lines(job.output / "frames.jsonl")] == [
        f"bag-{number // 3}" for number in range(9)
    ]
    for kind in ("missed_outliers", "false_alarms", "most_outliers"):
        frames_ = getattr(merged, kind)
        assert all((job.output / worst.picture).is_file() for worst in frames_)
        assert [worst.pixels for worst in frames_] == sorted(
            (worst.pixels for worst in frames_), reverse=True
        )
    with pytest.raises(OpenSetError, match="holds results already"):
        evaluate_bags(job, bags)
    assert evaluate_bags(replace(job, resume=True), bags) == merged


@pytest.fixture
def many_threads():
    """As on a machine whose environment does not say otherwise."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    assert torch.get_num_threads() == 2, "what was set for a bag must not stay"
    torch.set_num_threads(before)


@pytest.mark.usefixtures("many_threads")
def test_workers_find_the_same_as_one_process(job, tmp_path):
    bags = [write_bag(tmp_path / "in" / f"bag{n}", make_samples(3, seed=n)) for n in range(3)]
    evaluate_bags(job, bags)
    parallel = replace(job, output=tmp_path / "parallel")
    evaluate_bags(parallel, bags, workers=2)
    assert contents(job.output) == contents(parallel.output)


@pytest.mark.usefixtures("many_threads")
def test_ray_finds_the_same_as_one_process(job, tmp_path):
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'ldn_openset_ros[ray]'")
    bags = [write_bag(tmp_path / "in" / f"bag{n}", make_samples(3, seed=n)) for n in range(3)]
    evaluate_bags(job, bags)
    distributed = replace(job, output=tmp_path / "distributed")
    evaluate_bags(distributed, bags, workers=2, ray="local")
    assert contents(job.output) == contents(distributed.output)


def test_a_bag_that_cannot_be_used_is_a_fault_of_the_whole(job, tmp_path):
    good = write_bag(tmp_path / "good", make_samples(2))
    (tmp_path / "bad.mcap").write_bytes(b"no bag at all")
    summary = evaluate_bags(job, [tmp_path / "bad.mcap", good], workers=2)
    assert (summary.frames, summary.sources) == (2, ("good",))
    assert summary.faults == {"unusable_bag": 1}
    (fault,) = lines(job.output / "faults.jsonl")
    assert "bad.mcap" in fault["reason"]
    other = replace(job, output=tmp_path / "other")
    with pytest.raises(OpenSetError, match=r"no bag can be used; the first, .*bad\.mcap"):
        evaluate_bags(other, [tmp_path / "bad.mcap", tmp_path / "none.mcap"])


def test_results_of_single_bags_are_never_left_out(job, tmp_path):
    bags = [write_bag(tmp_path / f"bag{n}", make_samples(2, seed=n)) for n in range(2)]
    evaluate_bags(job, bags)
    for name in ("configuration.json", "summary.json"):  # as if interrupted before the merge
        (job.output / name).unlink()
    with pytest.raises(OpenSetError, match="000_bag0 holds results already"):
        evaluate_bags(job, bags)
    other = replace(job, measures=replace(job.measures, downsample=2), resume=True)
    with pytest.raises(OpenSetError, match="was evaluated with other settings"):
        evaluate_bags(other, bags)
    assert evaluate_bags(replace(job, resume=True), bags).frames == 4


def test_several_bags_without_intervals(job, tmp_path):
    bags = [write_bag(tmp_path / f"bag{n}", make_samples(2, seed=n)) for n in range(2)]
    summary = evaluate_bags(replace(job, measures=MeasureSettings(replicates=0)), bags)
    assert summary.frames == 4
    assert summary.scores["op"].average_precision.lower is None


def test_bags_of_one_name_are_told_apart(job, tmp_path):
    bags = [
        write_bag(tmp_path / where / "drive", make_samples(2, n)) for n, where in enumerate("ab")
    ]
    summary = evaluate_bags(job, bags)
    assert summary.sources == ("drive (1)", "drive (2)")
    assert {worst.frame for worst in summary.most_outliers} <= {
        f"drive ({bag}), {stamp}.000000000" for bag in (1, 2) for stamp in (1, 2)
    }


def test_another_bag_of_the_same_name_does_not_resume(job, tmp_path):
    write_bag(job.bag, make_samples(2))
    evaluate_bags(job, [job.bag])
    other = write_bag(tmp_path / "elsewhere" / job.bag.name, make_samples(3))
    with pytest.raises(OpenSetError, match=r"other settings \(duration_ns, messages\)"):
        evaluate_bags(replace(job, resume=True), [other])


def test_labels_of_other_classes_are_left_out_and_outliers_still_count(job):
    samples = make_samples(3)
    foreign = samples[1].labels.copy()
    foreign[3, 3] = 18
    samples[1] = replace(samples[1], labels=foreign)
    write_bag(job.bag, samples)
    summary = evaluate_bags(job, [job.bag])
    assert (summary.ranked_frames, summary.segmentation.frames) == (3, 2)
    assert summary.faults == {"invalid": 1}
    (fault,) = lines(job.output / "faults.jsonl")
    assert fault["topic"] == "/ground_truth/labels"
    assert "the id 18, which is none of the 11 classes" in fault["reason"]


def test_a_truncated_recording_gives_the_figures_of_its_good_part(job, tmp_path):
    write_bag(job.bag, make_samples(200))
    (path,) = job.bag.glob("*.mcap")
    cut = tmp_path / "cut.mcap"
    whole = path.read_bytes()
    cut.write_bytes(whole[: len(whole) // 2])
    summary = evaluate_bags(job, [cut])
    assert 10 < summary.frames < 150
    assert summary.faults["damaged_bag"] == 1
    (fault,) = [f for f in lines(job.output / "faults.jsonl") if f["kind"] == "damaged_bag"]
    assert fault["reason"]


def masks(samples):
    """The samples with truth as the usual masks: outliers 255, no pixel to ignore."""
    return [replace(s, outlier=np.where(s.outlier == 1, 255, 0).astype(np.uint8)) for s in samples]


def test_a_mask_of_0_and_255_is_refused_or_read(job, tmp_path):
    samples = make_samples(3)
    write_bag(job.bag, masks(samples))
    with pytest.raises(OpenSetError, match=r"truth of bag has no outlier .*--outlier-value 255;"):
        evaluate_bags(job, [job.bag])
    assert not (job.output / "summary.json").exists()
    read = evaluate_bags(replace(job, outlier_value=255, output=tmp_path / "read"), [job.bag])
    plain = [replace(s, outlier=(s.outlier == 1).astype(np.uint8)) for s in samples]
    (tmp_path / "plain").mkdir()
    write_bag(tmp_path / "plain" / "bag", plain)
    expected = evaluate_bags(
        replace(job, output=tmp_path / "expected"), [tmp_path / "plain" / "bag"]
    )
    assert read.scores == expected.scores
    assert read.decision == expected.decision
    ignored = evaluate_bags(replace(job, outlier_value=1, output=tmp_path / "1"), [job.bag])
    assert ignored.scores["op"].average_precision.value is None


def test_of_several_bags_one_may_have_no_outlier(job, tmp_path):
    write_bag(tmp_path / "a", make_samples(2))
    write_bag(tmp_path / "b", masks(make_samples(2, seed=1)))
    summary = evaluate_bags(job, [tmp_path / "a", tmp_path / "b"])
    assert (summary.frames, summary.faults) == (4, {})
    write_bag(tmp_path / "c", masks(make_samples(2)))
    with pytest.raises(OpenSetError, match="truth of the bags has no outlier pixel"):
        evaluate_bags(replace(job, output=tmp_path / "m"), [tmp_path / "b", tmp_path / "c"])


def test_the_reason_is_told_where_no_frame_can_be_measured(job):
    write_bag(job.bag, make_samples(3), "sqlite3", "jpeg")
    (file,) = job.bag.glob("*.db3")
    file.write_bytes(file.read_bytes().replace(b"\xff\xd8\xff", b"\0\0\0"))
    with pytest.raises(OpenSetError) as caught:
        evaluate_bags(job, [job.bag])
    assert str(caught.value).startswith(
        "bag: no frame could be measured; undecodable: 3 (/camera/image_raw/compressed: "
        "compressed image of "
    )
    assert "is neither JPEG, PNG, WebP, BMP nor TIFF" in str(caught.value)


def test_nothing_to_judge_is_one_clear_error(job, tmp_path):
    write_bag(job.bag, make_samples(2))
    with pytest.raises(OpenSetError, match="no outputs of a node"):
        evaluate_bags(replace(job, model=None), [job.bag])
    with pytest.raises(OpenSetError, match="has no topic /front"):
        evaluate_bags(replace(job, topics={"image": "/front"}), [job.bag])


def test_the_folder_one_is_in_has_its_name(job, monkeypatch, tmp_path):
    write_bag(tmp_path / "drive", make_samples(2))
    monkeypatch.chdir(tmp_path / "drive")
    assert evaluate_bags(job, [Path(".")]).sources == ("drive",)


def test_a_refused_output_bag_leaves_the_results_folder_to_the_next_try(job, tmp_path):
    write_bag(job.bag, make_samples(2))
    (tmp_path / "taken").mkdir()
    with pytest.raises(OpenSetError, match="taken exists already"):
        evaluate_bags(replace(job, output_bag=tmp_path / "taken"), [job.bag])
    assert evaluate_bags(replace(job, output_bag=tmp_path / "free"), [job.bag]).frames == 2


def test_truth_on_a_topic_of_the_outputs_is_not_mixed_with_them(job, tmp_path):
    with BagWriter(job.bag) as bag:
        for number, sample in enumerate(make_samples(2)):
            bag.write(replace(sample, labels=None), stamp_ns(number))
            bag.write_outputs(stamp_ns(number), "", sample.labels, None, None)
    pseudo_truth = replace(job, topics={"label_truth": "/openset/labels"})
    with pytest.raises(OpenSetError, match=r"/openset/labels of .* cannot be copied"):
        evaluate_bags(replace(pseudo_truth, output_bag=tmp_path / "outputs"), [job.bag])
    assert evaluate_bags(pseudo_truth, [job.bag]).segmentation is not None
