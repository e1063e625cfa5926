"""Is anything lost or torn when a process is killed at any moment?

    python scripts/benchmarks/kill_harness.py --points 60 --seed 0

Every kill point is a new process that does one piece of work (build a catalogue, build a cache,
fit a stage, train a run of two stages, cross-validate, export) and gets SIGKILL: either just
before its n-th change of a file or folder, or after a part of the time the work takes. `two`
starts two of them on one folder and kills one. Then the work is called again, as a user would call
it, and has to end with the results of one that was not disturbed, without temporary files, locks
or staging folders beside them.

Work runs in forks of this process, which has imported TensorFlow but never used it: a start costs
nothing. Cross-validation starts its own children, and none of them may outlive it. Linux only.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ["PYTHONPATH"] = str(ROOT)  # of the children of `crossval`

_REFUSED = 2
_CHANGES = (
    "os.rename",
    "os.remove",
    "os.rmdir",
    "os.mkdir",
    "os.link",
    "os.symlink",
    "os.truncate",
)
_OPTIMIZER = {"learning_rate": 0.005, "schedule": {"first_cycle_epochs": 2}}
_TRAINING = {
    "name": "killed",
    "image_size": 32,
    "deterministic": True,
    "workers": 0,
    "checkpoint_every": 2,
    "model": {"variant": "v1", "backbone": "mbconv_tiny", "metadata_units": [8, 8]},
    "stages": {
        "cnn": {"epochs": 2, "batch_size": 4, "ema": 0.9, "optimizer": _OPTIMIZER},
        "head": {"epochs": 2, "batch_size": 4, "views": 1, "optimizer": _OPTIMIZER},
    },
}


@dataclass(frozen=True)
class Work:
    """One piece of work.

    Attributes:
        do: Does it, in the folder it is given, or goes on with what is there.
        prepare: Fills that folder before.
        results: What an undisturbed one leaves, in a form that can be compared.
        weight: How many of the kill points it gets, relative to the others.
        processes: How many start at once; one of them is killed.
    """

    do: Callable[[Path], None]
    prepare: Callable[[Path], None]
    results: Callable[[Path], dict[str, Any]]
    weight: int
    processes: int = 1


def fork(do: Callable[[Path], None], folder: Path, at_change: int | None = None) -> int:
    """Start a piece of work in a process of its own, and return its number.

    Args:
        do: The work.
        folder: Its folder.
        at_change: The change of a file below the folder before which it kills itself.
    """
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        os.setsid()
        said = os.open(folder.with_suffix(".log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for stream in (1, 2):
            os.dup2(said, stream)
        changes = _watch(folder, at_change)
        try:
            do(folder)
            code = 0
        except _user_error() as error:
            print(f"refused: {error}", file=sys.stderr)
            code = _REFUSED
        folder.with_suffix(".changes").write_text(str(changes[0]))
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _user_error() -> type[Exception]:
    from skinnet_keras.errors import UserError

    return UserError


def _watch(folder: Path, at_change: int | None) -> list[int]:
    """Count the changes of files below a folder; end at one of them, if asked to."""
    count, prefix = [0], str(folder)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            changes = isinstance(arguments[1], str) and bool(set(arguments[1]) & set("wxa+"))
        else:
            changes = event in _CHANGES
        paths = [str(item) for item in arguments if isinstance(item, str | os.PathLike)]
        if not changes or not any(path.startswith(prefix) for path in paths):
            return
        count[0] += 1
        if count[0] == at_change:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    return count


def wait(process: int) -> int:
    """Wait for a process; its exit code, negative for a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def finish(do: Callable[[Path], None], folder: Path) -> None:
    """Do the work to its end."""
    code = wait(fork(do, folder))
    if code:
        raise AssertionError(
            f"called again it ended with {code}:\n{folder.with_suffix('.log').read_text()[-3000:]}"
        )


def leftovers(folder: Path) -> list[str]:
    """Names that only a process at work may leave behind."""
    marks = (".~", ".+", ".export-", ".publish", ".lock")
    return [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.name.startswith(marks) or path.name.endswith((".lock", ".lock.json", ".partial"))
    ]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _build_work(images: Path) -> Work:
    from skinnet_keras.data.building import build_catalogue
    from skinnet_keras.data.fingerprint_store import FingerprintStore

    def do(folder: Path) -> None:
        out = folder / "catalogue"
        done = (out / "catalogue.csv").is_file()
        build_catalogue({"synthetic": images}, out, update=done, workers=1)

    def results(folder: Path) -> dict[str, Any]:
        out = folder / "catalogue"
        found: dict[str, Any] = {
            name: sha256(out / name) for name in ("catalogue.csv", "duplicates.csv", "sources.json")
        }
        report = json.loads((out / "build.json").read_text())["report"]
        report.pop("reused")
        store = FingerprintStore(out / "fingerprints")
        return found | {"report": report, "measured": sorted(store._known)}

    return Work(do, lambda folder: None, results, weight=4)


def _cache_work(images: Path) -> Work:
    from skinnet_keras.data.building import build_catalogue
    from skinnet_keras.data.cache import open_cache
    from skinnet_keras.data.catalogue import Catalogue

    def prepare(folder: Path) -> None:
        build_catalogue({"synthetic": images}, folder / "catalogue", workers=1)

    def do(folder: Path) -> None:
        open_cache(Catalogue.load(folder / "catalogue"), 48, workers=1)

    def results(folder: Path) -> dict[str, Any]:
        files = sorted((folder / "catalogue" / "cache").rglob("*"))
        return {str(path.relative_to(folder)): sha256(path) for path in files if path.is_file()}

    return Work(do, prepare, results, weight=3)


def _eagerly() -> None:
    """Tracing would take most of the time of these few steps."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)


def _make_catalogue(folder: Path, labels: tuple[str, ...] = ()) -> None:
    """Twenty-four pictures; with `labels`, of these in turn."""
    from skinnet_keras.data.catalogue import Catalogue
    from tiny_run import make_catalogue

    made = make_catalogue(folder / "data", images=24)
    if labels:
        column = [labels[row % len(labels)] for row in range(len(made.table))]
        Catalogue(made.root, made.table.assign(label=column), made.sources).write(made.root)


def _run_results(run: Path) -> dict[str, Any]:
    """Weights, predictions, metrics and history of a run."""
    found: dict[str, Any] = {}
    for path in sorted(run.glob("*.keras")):
        with zipfile.ZipFile(path) as archive:
            found[path.name] = _weights(archive.read("model.weights.h5"))
    for path in (*sorted(run.glob("predictions_*.csv")), run / "metrics.json"):
        found[path.name] = sha256(path)
    found["history"] = _history(run)
    found["checkpoints"] = sorted(
        str(path.relative_to(run)) for path in (run / "checkpoints").rglob("*")
    )
    return found


def _history(run: Path) -> list[list[str]]:
    """The rows of `history.csv` without the times."""
    rows = [row.split(",") for row in (run / "history.csv").read_text().splitlines()]
    seconds = rows[0].index("seconds")
    return [row[:seconds] + row[seconds + 1 :] for row in rows]


def _weights(content: bytes) -> str:
    import io

    import h5py

    digest = hashlib.sha256()

    def add(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            digest.update(name.encode() + item[()].tobytes())

    with h5py.File(io.BytesIO(content)) as file:
        file.visititems(add)
    return digest.hexdigest()


def _stage_work() -> Work:
    """One stage of a training, of a few dozen weights: seconds, where a run takes a minute."""

    def do(folder: Path) -> None:
        from skinnet_keras.training.checkpoints import recover
        from skinnet_keras.training.fit import fit_stage
        from small_stage import small_run, small_stage, stage_config

        _eagerly()
        config = stage_config(epochs=5, ema=0.8)
        run = small_run(folder / "run", config)
        recover(run.stage_directory("cnn"), run.config.checkpoint_every)
        fit_stage(run, small_stage(config, (0.5, 0.7, 0.4, 0.6, 0.5)), None)

    def results(folder: Path) -> dict[str, Any]:
        run = folder / "run"
        stage = run / "checkpoints" / "cnn"
        found: dict[str, Any] = {
            path.name: _weights(path.read_bytes()) for path in stage.glob("*.h5")
        }
        return found | {"best": (stage / "best.json").read_text(), "history": _history(run)}

    return Work(do, lambda folder: None, results, weight=4)


def _train_work() -> Work:
    def do(folder: Path) -> None:
        from skinnet_keras.cli.training import train_from_config, train_resumed
        from skinnet_keras.runs.files import is_run

        _eagerly()
        config, run = folder / "config.yaml", folder / "run"
        if is_run(run):
            train_resumed(run, show=False)
        else:
            train_from_config(str(config), folder / "data", run, [], show=False)

    def prepare(folder: Path) -> None:
        _make_catalogue(folder)
        (folder / "config.yaml").write_text(json.dumps(_TRAINING))

    return Work(do, prepare, lambda folder: _run_results(folder / "run"), weight=1)


def _crossval_work() -> Work:
    def do(folder: Path) -> None:
        from skinnet_keras.cli import crossval

        crossval.crossval(
            [],
            config=str(folder / "config.yaml"),
            data=folder / "data",
            out=folder / "out",
            folds=2,
            bootstrap=0,
            as_json=True,
        )

    def prepare(folder: Path) -> None:
        _make_catalogue(folder, ("MEL", "NV"))  # enough of each for the folds
        stages = {"cnn": {**_TRAINING["stages"]["cnn"], "epochs": 1}}
        (folder / "config.yaml").write_text(json.dumps({**_TRAINING, "stages": stages}))

    def results(folder: Path) -> dict[str, Any]:
        out = folder / "out"
        names = ("metrics.json", "predictions_test.csv", "crossval.csv")
        found: dict[str, Any] = {name: sha256(out / name) for name in names}
        return found | {str(k): _run_results(out / f"fold_{k}") for k in range(2)}

    return Work(do, prepare, results, weight=1)


def _export_work() -> Work:
    def prepare(folder: Path) -> None:
        from tiny_run import build_positional_classifier, make_run

        make_run(
            folder,
            variant="v1",
            segmenter=False,
            classifier=build_positional_classifier(with_mask=False),
        )

    def do(folder: Path) -> None:
        from skinnet_keras.export.bundle import export_run

        export_run(
            folder / "run",
            folder / "exported",
            formats=["savedmodel", "tflite"],
            precisions=["float32"],
        )

    def results(folder: Path) -> dict[str, Any]:
        directory = folder / "exported" / "tiny_v1"
        sums = {}
        for line in (directory / "SHA256SUMS").read_text().splitlines():
            value, name = line.split("  ")
            if sha256(directory / name) != value:
                raise AssertionError(f"{name} is not what SHA256SUMS says")
            sums[name] = value
        files = {str(p.relative_to(directory)) for p in directory.rglob("*") if p.is_file()}
        if files != {*sums, "SHA256SUMS"}:
            raise AssertionError(f"SHA256SUMS does not list {files ^ {*sums, 'SHA256SUMS'}}")
        # Killed after its last rename, an export is there; the next one makes another version.
        newest = max(int(p.name) for p in (directory / "classifier").iterdir())
        described = {name: 0 for name in files if not name.startswith("classifier/")}
        version = directory / "classifier" / str(newest)
        return {
            "files": sorted(described),
            "version": sorted(str(p.relative_to(version)) for p in version.rglob("*")),
            "tflite": sums["tiny_v1_classifier_float32.tflite"],
        }

    return Work(do, prepare, results, weight=2)


def all_work(images: Path) -> dict[str, Work]:
    """The pieces of work by name."""
    build, cache, train = _build_work(images), _cache_work(images), _train_work()
    export = _export_work()

    def two(work: Work, weight: int) -> Work:
        return Work(work.do, work.prepare, work.results, weight, processes=2)

    return {
        "build": build,
        "cache": cache,
        "stage": _stage_work(),
        "train": train,
        "crossval": _crossval_work(),
        "export": export,
        "two builds": two(build, 1),
        "two caches": two(cache, 1),
        "two trainings": two(train, 1),
        "two exports": two(export, 1),
    }


class Harness:
    """Measures each piece of work once, and kills it as often as it is told.

    Args:
        folder: For everything; emptied piece by piece.
        seed: Decides the moments.
    """

    def __init__(self, folder: Path, seed: int):
        self._folder, self._random = folder, random.Random(seed)
        self._known: dict[str, tuple[dict[str, Any], int, float]] = {}
        images = folder / "images"
        wait(fork(lambda _: _write_images(images), folder / "writing"))
        self.work = all_work(images)

    def kill(self, name: str) -> str:
        """Do one piece of work, kill it, call it again and compare; say when it was killed.

        Raises:
            AssertionError: Something was lost, torn or left.
        """
        work = self.work[name]
        expected, changes, seconds = self._undisturbed(name)
        folder = self._new(name)
        wait(fork(work.prepare, folder))
        others = work.processes - 1
        if self._random.random() < 0.6:
            at_change = self._random.randint(1, changes)
            moment = f"before change {at_change} of {changes}"
            started = [fork(work.do, folder) for _ in range(others)]
            killed = fork(work.do, folder, at_change)
        else:
            after = self._random.uniform(0, seconds)
            moment = f"after {after:.2f} of {seconds:.2f} s"
            started = [fork(work.do, folder) for _ in range(others)]
            killed = fork(work.do, folder)
            time.sleep(after)
            with contextlib.suppress(ProcessLookupError):
                os.kill(killed, signal.SIGKILL)
        code = wait(killed)
        if code not in (0, -signal.SIGKILL, *([_REFUSED] if others else [])):
            raise AssertionError(f"{moment}: ended with {code}: {_log(folder)}")
        for process in started:
            if (code := wait(process)) not in (0, _REFUSED):
                raise AssertionError(f"{moment}: the other one ended with {code}: {_log(folder)}")
        _no_orphans(folder)
        finish(work.do, folder)
        found = work.results(folder)
        if found != expected:
            different = [key for key in expected if found.get(key) != expected[key]]
            raise AssertionError(f"{moment}: other results: {different}: {_log(folder)}")
        if left := leftovers(folder):
            raise AssertionError(f"{moment}: left behind: {left}")
        shutil.rmtree(folder)
        return moment

    def _undisturbed(self, name: str) -> tuple[dict[str, Any], int, float]:
        work = self.work[name]
        single = name if work.processes == 1 else _single(name)
        if single not in self._known:
            folder = self._new(single)
            wait(fork(work.prepare, folder))
            started = time.monotonic()
            finish(work.do, folder)
            seconds = time.monotonic() - started
            changes = int(folder.with_suffix(".changes").read_text())
            self._known[single] = work.results(folder), changes, seconds
            if left := leftovers(folder):
                raise AssertionError(f"undisturbed: left behind: {left}")
            shutil.rmtree(folder)
        return self._known[single]

    def _new(self, name: str) -> Path:
        folder = Path(tempfile.mkdtemp(prefix=name.replace(" ", "_"), dir=self._folder))
        folder.with_suffix(".log").touch()
        return folder


def _single(name: str) -> str:
    return {"two builds": "build", "two caches": "cache", "two trainings": "train"}.get(
        name, "export"
    )


def _log(folder: Path) -> str:
    return folder.with_suffix(".log").read_text()[-3000:]


def _no_orphans(folder: Path) -> None:
    """Wait a moment for the children of a killed process to be gone."""
    ends = time.monotonic() + 10
    while orphans := _processes_about(folder):
        if time.monotonic() > ends:
            raise AssertionError(f"processes {orphans} outlived the killed one")
        time.sleep(0.05)


def _processes_about(folder: Path) -> list[int]:
    """Numbers of the living processes whose command line names a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if str(folder) in path.read_text(errors="replace"):
                found.append(int(path.parent.name))
    return found


def _write_images(folder: Path) -> None:
    from skinnet_keras.data.synthetic import write_synthetic

    write_synthetic(folder, lesions=24, image_size=64, seed=3)


def chosen_points(work: dict[str, Work], points: int) -> list[str]:
    """Deal the kill points out by weight; every piece of work gets one at least."""
    total = sum(each.weight for each in work.values())
    counts = {name: max(1, points * each.weight // total) for name, each in work.items()}
    names = [name for name, count in counts.items() for _ in range(count)]
    return [*names, *(["build"] * (points - len(names)))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--points", type=int, default=60, help="kill points in all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", help="pieces of work, separated by commas")
    arguments = parser.parse_args()
    # Once, for all forks. They must not make a tensor: its threads would not be in the forks.
    import skinnet_keras.experiment
    import skinnet_keras.export.bundle  # noqa: F401

    with tempfile.TemporaryDirectory() as folder:
        harness = Harness(Path(folder), arguments.seed)
        work = harness.work
        if arguments.only:
            work = {name: work[name] for name in arguments.only.split(",")}
        survived, failed = 0, []
        for name in chosen_points(work, arguments.points):
            try:
                moment = harness.kill(name)
                survived += 1
                print(f"{name}: killed {moment}: as undisturbed", flush=True)
            except AssertionError as error:
                failed.append(name)
                print(f"{name}: FAILED {error}", flush=True)
    print(json.dumps({"points": survived + len(failed), "survived": survived, "failed": failed}))
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
