"""`ldn-openset info`: what a model is."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from ldn_openset_ros.cli.json_file import write_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("model", help="model folder or name of a shipped model")
    parser.add_argument("--json", type=Path, help="write the description to this file")


def run(args: argparse.Namespace) -> int:
    """Check the model's files and print what they hold."""
    from rich.console import Console

    from ldn_openset_ros.cli import calibrate, domain
    from ldn_openset_ros.inference.model_files import find_model, read_description, read_network

    folder = find_model(args.model)
    description = read_description(folder)
    network = read_network(folder, description)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    decision = description.decision
    names = ", ".join(entry["name"] for entry in description.taxonomy["classes"])
    rows = {
        "model": description.name,
        "folder": folder,
        "backbone": description.network.backbone,
        "parameters": f"{parameters:,}",
        "classes": f"{description.network.num_classes}: {names}",
        "recognition": description.recognition.name,
        "trained": "yes" if description.trained else "no: its heads are random",
        "fusion": decision.fusion,
        "threshold": decision.threshold,
        "resolution": decision.resolution or "as it comes",
        "calibration": "none",
        "domain": "not measured",
    }
    if description.calibration:
        rows["calibration"] = _lines(calibrate.summary(description.calibration))
    if description.domain:
        rows["domain"] = _lines(domain.summary(description.domain))
    if args.json:
        values = {**asdict(description), "parameters": parameters}
        write_json(args.json, values)
    console = Console()
    for name, value in rows.items():
        console.print(f"[bold]{name:12}[/bold] {value}", highlight=False, soft_wrap=True)
    return 0


def _lines(lines: list[str]) -> str:
    return ("\n" + " " * 13).join(lines)
