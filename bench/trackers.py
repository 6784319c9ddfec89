"""Whether the real TensorBoard and MLflow read what `topwork report --to` writes: every figure of every row and
seed, and every epoch, is looked up in both and held against results.json and the event stream.

    just bench-trackers RUN

writes bench/trackers.md. It needs bench/trackers.txt installed.
"""

import json
import math
import pathlib
import subprocess
import sys
import tempfile
from importlib.metadata import version

ROOT = pathlib.Path(__file__).resolve().parent.parent


def topwork(*arguments):
    command = [ROOT / "target/release/topwork", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def expected(run):
    """Of every row and seed its figures, and of every stage of a row its epochs, as the run tells them."""
    results = json.loads((run / "results.json").read_text())
    seeds = [
        (row["title"], seed["seed"], seed["figures"])
        for row in results["strategies"]
        for seed in row["seeds"]
    ]
    stages, epochs = [], {}
    for line in (run / "events.jsonl").read_text().splitlines():
        event = json.loads(line)
        if event["event"] == "run-started":
            stages = event["stages"]
        if event["event"] == "epoch-ended" and event.get("fold") is None:
            stage = stages[event["stage"]]
            row = None if stage["row"] is None else results["strategies"][stage["row"]]["title"]
            epochs.setdefault((row, stage["seed"]), {})[event["epoch"]] = event["loss"]
    return results, seeds, epochs


def tensorboard(folder, results, seeds, epochs):
    from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer

    multiplexer = EventMultiplexer().AddRunsFromDirectory(str(folder))
    multiplexer.Reload()
    runs = multiplexer.Runs()
    # TensorBoard keeps 32-bit floats.
    same = lambda a, b: math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-7)
    places = {row["title"]: place for place, row in enumerate(results["strategies"], 1)}
    name_of = lambda title, seed: next(
        name for name in runs if f"/{places[title]:02}-" in name and name.endswith(f"/seed-{seed}")
    )
    figures = 0
    for title, seed, values in seeds:
        for figure, value in values.items():
            (scalar,) = multiplexer.Scalars(name_of(title, seed), f"figure/{figure}")
            assert same(scalar.value, value), (title, seed, figure, scalar.value, value)
            figures += 1
    losses = 0
    for (title, seed), values in epochs.items():
        name = f"{results['run']}/source/seed-{seed}" if title is None else name_of(title, seed)
        scalars = {scalar.step: scalar.value for scalar in multiplexer.Scalars(name, "epoch/loss")}
        assert scalars.keys() == values.keys(), (name, scalars, values)
        for epoch, value in values.items():
            assert same(scalars[epoch], value), (name, epoch)
            losses += 1
    return len(runs), figures, losses


def mlflow(folder, results, seeds, epochs):
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=folder.as_uri())
    experiment = client.get_experiment_by_name(results["run"])
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id], max_results=50_000)}
    figures = 0
    for title, seed, values in seeds:
        run = runs[f"{title}, seed {seed}"]
        assert run.info.status == "FINISHED" and run.data.params["row.seed"] == str(seed)
        for figure, value in values.items():
            assert run.data.metrics[figure] == value, (title, seed, figure)
            figures += 1
    losses = 0
    for (title, seed), values in epochs.items():
        if title is None:
            continue
        history = client.get_metric_history(runs[f"{title}, seed {seed}"].info.run_id, "epoch/loss")
        found = {metric.step: metric.value for metric in history}
        assert found == values, (title, seed, found, values)
        losses += len(values)
    return len(runs), figures, losses


def main():
    run = pathlib.Path(sys.argv[1]).resolve()
    results, seeds, epochs = expected(run)
    lines = [
        "# What trackers read of a run",
        "",
        "Written by `just bench-trackers`; do not edit. Each reads with its own package what `topwork report --to` has",
        "written, and every value is held against the run: figures against `results.json`, losses of epochs against the",
        "event stream. TensorBoard keeps 32-bit floats, MLflow must have the same 64 bits.",
        "",
        f"Run: `{results['run']}`, {len(results['strategies'])} rows.",
        "",
        "| tracker | package | runs in it | figures that agree | losses of epochs that agree |",
        "|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as temporary:
        for name, package, read in [
            ("tensorboard", "tensorboard", tensorboard),
            ("mlflow", "mlflow-skinny", mlflow),
        ]:
            folder = pathlib.Path(temporary) / name
            topwork("report", run.name, "--runs-dir", run.parent, "--to", name, folder)
            count, figures, losses = read(folder, results, seeds, epochs)
            lines.append(f"| {name} | {package} {version(package)} | {count} | {figures} | {losses} |")
    text = "\n".join(lines) + "\n"
    (ROOT / "bench/trackers.md").write_text(text)
    print(text, end="")


if __name__ == "__main__":
    main()
