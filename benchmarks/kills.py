"""Random SIGKILLs over datagen, training, saving, decoding, export and a server's reload.

    python benchmarks/kills.py --kills=100             # all scenes
    python benchmarks/kills.py --kills=10 --scene=export --seed=1

Each scene first runs undisturbed, which gives what is right and how long it takes. Then the same
command is killed again and again, at moments drawn at random, and at last left alone. What it left
must be equal to the bit to what the undisturbed one left, and nothing half-written may lie about or
be taken for whole in between. Exit status 1 if anything differs.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import tiny_job

_SHARES = {"datagen": 25, "training": 25, "saving": 15, "decoding": 10, "export": 13, "reload": 12}
_IN_A_ROW = 5  # kills of one disturbed piece of work before it is left alone
_STEPS = 24
_RATES = re.compile(r', "(examples|tokens)_per_second": [^,}]*')


@dataclass
class Scene:
    """A piece of work that is killed.

    Attributes:
      command: of what writes into a folder.
      contents: what is compared, of that folder: name -> content.
      begun: a file of the folder shows that the work has begun: importing is not killed much.
      aim: kill while this is there, where given.
      check: looks at the folder after each kill, and says what is wrong.
    """

    command: Callable[[Path], list[str]]
    contents: Callable[[Path], dict[str, object]]
    begun: Callable[[Path], bool] = lambda folder: folder.exists() and any(folder.iterdir())
    aim: Callable[[Path], bool] | None = None
    check: Callable[[Path], list[str]] = lambda folder: []


@dataclass
class Tally:
    """What came of a scene."""

    kills: int = 0
    ends: int = 0
    too_late: int = 0  # the work was done before the kill
    wrong: list[str] = field(default_factory=list)


def main() -> int:
    """Runs the scenes, prints a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--scene", action="append", choices=list(_SHARES), help="default: all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="keep everything here")
    args = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    names = args.scene or list(_SHARES)
    total = sum(_SHARES[name] for name in names)
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="kills-") as holder:
        folder = args.folder or Path(holder)
        house = House(folder)
        for name in names:
            begin = time.monotonic()
            kills = max(1, round(args.kills * _SHARES[name] / total))
            rng = random.Random(f"{args.seed}/{name}")
            tally = (
                house.reloads(kills, rng) if name == "reload" else house.disturb(name, kills, rng)
            )
            wrong += len(tally.wrong)
            print(f"{name}: {tally.kills} kills, {tally.ends} ends, {len(tally.wrong)} wrong "
                  f"({tally.too_late} ended before their kill), {time.monotonic() - begin:.0f} s",
                  flush=True)  # fmt: skip
            for line in tally.wrong[:5]:
                print(f"  {line}", flush=True)
    return int(bool(wrong))


class House:
    """Where the scenes are played: raw files, and what undisturbed commands left.

    Args:
      folder: for everything.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.raw = folder / "raw"
        tiny_job.write_raw(self.raw, examples=400)
        (folder / "in.txt").write_text(
            "".join(
                f"{' '.join(random.Random(i).choices(tiny_job.DIGITS, k=5))}\n" for i in range(64)
            )
        )
        self.scenes = {
            "datagen": Scene(self._datagen, data_contents, check=data_check),
            "training": Scene(self._training, run_contents, check=run_check),
            "saving": Scene(self._training, run_contents, aim=is_saving, check=run_check),
            "decoding": Scene(self._decoding, file_contents),
            "export": Scene(self._export, export_contents, check=export_check),
        }
        self._right: dict[str, tuple[Path, float, float]] = {}

    def _datagen(self, folder: Path) -> list[str]:
        flags = [f"--problems_file={self.raw / 'tiny.toml'}", f"--problems={tiny_job.PROBLEMS}"]
        return [*_program("t2t_datagen"), *flags, f"--data_dir={folder}", "--num_workers=2"]

    def _training(self, folder: Path) -> list[str]:
        flags = tiny_job.flags(self.raw, self.undisturbed("datagen"), folder, _STEPS)
        return [*_program("t2t_trainer"), *flags]

    def _decoding(self, folder: Path) -> list[str]:
        folder.mkdir(parents=True, exist_ok=True)
        flags = [f"--output_dir={self.undisturbed('training')}", "--problem=tiny_digits"]
        flags += [
            f"--decode_from_file={self.folder / 'in.txt'}",
            f"--decode_to_file={folder / 'out.txt'}",
        ]
        return [*_program("t2t_decoder"), *flags, "--decode_hparams=batch_size=4"]

    def _export(self, folder: Path) -> list[str]:
        return [
            *_program("t2t_exporter"),
            f"--output_dir={self.undisturbed('training')}",
            f"--export_dir={folder}",
        ]

    def undisturbed(self, name: str) -> Path:
        """The folder that an undisturbed run of a scene left."""
        return self._measured("training" if name == "saving" else name)[0]

    def _measured(self, name: str) -> tuple[Path, float, float]:
        """That folder, and the seconds until its work had begun and ended."""
        if name not in self._right:
            scene, folder = self.scenes[name], self.folder / "undisturbed" / name
            command = scene.command(folder)
            begin, begun = time.monotonic(), None
            process = _start(command, folder)
            while process.poll() is None:
                if begun is None and scene.begun(folder):
                    begun = time.monotonic() - begin
                time.sleep(0.01)
            if process.returncode:
                raise SystemExit(f"{name} fails undisturbed: {_log(folder)}")
            end = time.monotonic() - begin
            self._right[name] = folder, (end / 2 if begun is None else begun), end
        return self._right[name]

    def disturb(self, name: str, kills: int, rng: random.Random) -> Tally:
        """Kills a scene's command so often, some times in a row before each end."""
        scene, tally = self.scenes[name], Tally()
        right, begun, end = self._measured("training" if name == "saving" else name)
        wanted = scene.contents(right)
        while tally.kills < kills:
            folder = self.folder / "disturbed" / f"{name}-{tally.ends}"
            for _ in range(min(rng.randint(1, _IN_A_ROW), kills - tally.kills)):
                killed = _killed(scene, folder, rng.uniform(0.9 * begun, end), rng)
                tally.kills += killed
                tally.too_late += not killed
                tally.wrong += [f"after kill {tally.kills}: {line}" for line in scene.check(folder)]
                if not killed:
                    break
            process = _start(scene.command(folder), folder)
            if process.wait():
                tally.wrong.append(f"{folder.name} fails after its kills: {_log(folder)}")
            tally.ends += 1
            tally.wrong += _differences(wanted, scene.contents(folder), folder)
        return tally

    def reloads(self, kills: int, rng: random.Random) -> Tally:
        """Kills a server while it loads a new version, and whoever copies one while it does.

        The new versions hold other weights; after each kill a new server must answer as the export
        that is the highest whole one.
        """
        tally, whole = Tally(), _only_version(self.undisturbed("export"))
        texts = (self.folder / "in.txt").read_text().splitlines()[:4]
        served = self.folder / "served"
        shutil.rmtree(served, ignore_errors=True)
        shutil.copytree(whole, served / "1")
        number, answers = 1, None
        while tally.kills < kills:
            server = Server(served)
            try:
                got = server.answers(texts)
                answers = answers or got
                if got != answers:
                    tally.wrong.append(
                        f"after kill {tally.kills}: other answers: {got} not {answers}"
                    )
                if server.version() != str(number):
                    tally.wrong.append(f"version {server.version()} is served, not {number}")
                number += 1
                if rng.random() < 0.4:  # a copier that is killed: what it left is never served
                    _copied_in_part(whole, served / str(number), rng)
                    time.sleep(rng.uniform(0, 1.0))
                    if server.answers(texts) != answers:
                        tally.wrong.append("other answers beside a half-copied version")
                    server.kill()
                    shutil.rmtree(served / str(number))
                    number -= 1
                else:
                    shutil.copytree(whole, served / f".{number}")
                    (served / f".{number}").rename(served / str(number))
                    time.sleep(rng.uniform(0, 2.0))
                    server.kill()
                tally.kills += 1
            finally:
                server.kill()
            tally.ends += 1
        return tally


def _program(name: str) -> list[str]:
    return [sys.executable, "-m", f"t2t_mm.bin.{name}"]


def _start(command: list[str], folder: Path) -> subprocess.Popen:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{folder}.log", "ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)


def _log(folder: Path) -> str:
    return Path(f"{folder}.log").read_text(errors="replace").strip()[-800:]


def _killed(scene: Scene, folder: Path, after: float, rng: random.Random) -> bool:
    """Starts a command and kills it; False if it had ended before."""
    process = _start(scene.command(folder), folder)
    until = time.monotonic() + after
    if scene.aim:
        skipped = rng.randrange(4)
        while process.poll() is None and time.monotonic() < until + 60:
            if scene.aim(folder):
                if not skipped:
                    break
                skipped -= 1
                while scene.aim(folder) and process.poll() is None:
                    time.sleep(0.0005)
            time.sleep(0.0005)
        time.sleep(rng.uniform(0, 0.02))
    else:
        while process.poll() is None and time.monotonic() < until:
            time.sleep(0.002)
    if process.poll() is not None:
        return False
    if rng.random() < 0.5:
        os.kill(process.pid, signal.SIGKILL)  # its own children are left behind, as by the kernel
    else:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return True


def _differences(wanted: dict[str, object], got: dict[str, object], folder: Path) -> list[str]:
    names = sorted(wanted.keys() | got.keys())
    return [
        f"{folder.name}: {name} "
        + ("is missing" if name not in got else "is too much" if name not in wanted else "differs")
        for name in names
        if wanted.get(name) != got.get(name)
    ]


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.endswith(".lock"):
            yield path.relative_to(folder).as_posix(), path


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def file_contents(folder: Path) -> dict[str, object]:
    """All files, by their digests."""
    return {name: _digest(path) for name, path in _files(folder)}


data_contents = file_contents


def data_check(folder: Path) -> list[str]:
    """Names what a manifest says is whole, and is not."""
    wrong = []
    for path in folder.glob("*.manifest.json"):
        manifest = json.loads(path.read_text())
        for shards in manifest["splits"].values():
            for shard in filter(None, shards):
                if not (folder / shard["file"]).is_file():
                    wrong.append(f"{shard['file']} is missing")
                elif _digest(folder / shard["file"]) != shard["sha256"]:
                    wrong.append(f"{shard['file']} is not what the manifest says")
    return wrong


def run_contents(folder: Path) -> dict[str, object]:
    """The last checkpoint's values, the best one's, metrics without rates, run.json."""
    import tensorflow as tf

    found: dict[str, object] = {}
    for part in ("checkpoints", "best"):
        path = tf.train.latest_checkpoint(str(folder / part))
        if path:
            reader = tf.train.load_checkpoint(path)
            found[f"{part} is"] = Path(path).name
            for key in reader.get_variable_to_shape_map():
                # A count of a process's saves is TensorFlow's own: none of ours reads it.
                if not key.startswith(("_CHECKPOINTABLE", "iterators", "save_counter")):
                    value = reader.get_tensor(key)
                    found[f"{part}/{key}"] = value if isinstance(value, bytes) else value.tobytes()
    lines = (folder / "metrics.jsonl").read_text().splitlines() if folder.exists() else []
    found |= {f"metrics.jsonl, line {i}": _RATES.sub("", line) for i, line in enumerate(lines)}
    record = json.loads((folder / "run.json").read_text())
    found |= {f"run.json, {key}": value for key, value in record.items() if key != "command"}
    found |= {
        name: "there" for name, _ in _files(folder) if name.endswith(".tmp") or "tempstate" in name
    }
    return found


def run_check(folder: Path) -> list[str]:
    """A run directory whose record or latest checkpoint cannot be read."""
    from t2t_mm.errors import UserError
    from t2t_mm.runs.checkpoints import find
    from t2t_mm.runs.stored import StoredCheckpoint

    if not (folder / "run.json").exists():
        return []
    try:
        json.loads((folder / "run.json").read_text())
        if (folder / "checkpoints" / "checkpoint").exists():
            stored = StoredCheckpoint(find(folder))
            for name in stored.variables:
                stored.variable(name)
    except (UserError, ValueError) as error:
        return [str(error)]
    return []


def is_saving(folder: Path) -> bool:
    """True while a checkpoint is written, until the file that names it is."""
    place = folder / "checkpoints"
    names = {path.name for path in place.iterdir()} if place.is_dir() else set()
    try:
        told = (place / "checkpoint").read_text() if "checkpoint" in names else ""
    except OSError:
        told = ""
    new = [name for name in names if name.endswith(".index") and f'"{name[:-6]}"' not in told]
    return bool(new) or any("temp" in name for name in names)


def export_contents(folder: Path) -> dict[str, object]:
    """Reads what every version holds, the same in all; nothing else lies there."""
    found: dict[str, object] = {}
    for path in folder.iterdir():
        if path.name.isdecimal():
            digests = {
                name: digest
                for name, digest in file_contents(path).items()
                if name != "saved_model.pb"
            }
            found.setdefault("a version", digests)
            if digests != found["a version"]:
                found[f"version {path.name}"] = digests
        elif not path.name.endswith(".lock"):
            found[path.name] = "left over"
    return found


def export_check(folder: Path) -> list[str]:
    """A version that is not whole."""
    from t2t_mm.serving.http.version_folders import scan

    versions = scan(folder) if folder.is_dir() else []
    return [f"version {one.number} lacks {one.missing}" for one in versions if one.missing]


def _only_version(folder: Path) -> Path:
    return next(path for path in sorted(folder.iterdir()) if path.name.isdecimal())


def _copied_in_part(whole: Path, to: Path, rng: random.Random) -> None:
    """Some of a version's files, the last of them cut."""
    files = [(name, path) for name, path in _files(whole)]
    rng.shuffle(files)
    for name, path in files[: rng.randint(1, len(files) - 1)]:
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, to / name)
    (to / name).write_bytes((to / name).read_bytes()[: rng.randrange(path.stat().st_size)])


class Server:
    """A server's process, ready.

    Args:
      folder: the export's.
    """

    def __init__(self, folder: Path):
        self.log = Path(f"{folder}.log")
        self.log.write_text("")
        flags = [f"--export_dir={folder}", "--port=0", "--poll_seconds=0.1", "--quiet"]
        self.process = _start([*_program("t2t_query_server"), *flags], folder)
        until = time.monotonic() + 120
        while "is served" not in self.log.read_text():
            if self.process.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"the server does not serve: {self.log.read_text()[-800:]}")
            time.sleep(0.05)
        self.address = re.search(r"at http://(\S+?)/ ", self.log.read_text())[1]

    def ask(self, method: str, path: str, body: str | None = None) -> dict:
        """The answer as JSON."""
        connection = http.client.HTTPConnection(self.address, timeout=60)
        connection.request(method, path, body)
        return json.loads(connection.getresponse().read())

    def answers(self, texts: list[str]) -> object:
        """Gives what it answers to some texts."""
        body = json.dumps({"signature_name": "tiny_digits", "instances": texts})
        return self.ask("POST", "/v1/models/t2t_mm:predict", body)

    def version(self) -> str:
        """The version that is served."""
        return self.ask("GET", "/readyz")["version"]

    def kill(self) -> None:
        """SIGKILL, if it runs."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


if __name__ == "__main__":
    sys.exit(main())
