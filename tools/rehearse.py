"""Does here what Containerfile, compose.yaml, the systemd units and docs/operations.md say, and looks at the end.

For machines where no container engine runs. Every step is read from those files, so that none of them can say what does
not work: each `RUN` and `COPY` is carried out in an overlay of this machine's own root (its Python stands for the base
image's, its PostgreSQL for the database's), every service in a view of its own, read-only where the file says so. All
of it lives in namespaces of its own and is gone when the last process ends. It needs Linux and root.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import re
import shlex
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).parents[1]
HANDBOOK = REPOSITORY / "docs" / "operations.md"
INSIDE = "LEAVER_REHEARSAL"
CERTIFICATES = "./leaver"
"""The folder beside compose.yaml that holds the application's certificate."""
OF_THE_MACHINE = re.compile(r"(PIP|UV|SSL|REQUESTS|HTTPS?|NO|https?|no)_.*|.*_proxy|LANG")
"""Variables that say how packages are fetched here."""
NEW_NETWORK = 0x40000000
PASSWORD = "a-password-of-the-rehearsal"
WISH = {"DisableSignIn": True, "ResetPass": True, "RemoveGroups": True, "ConvertToShared": True, "RemoveLicenses": True}


@dataclass
class Image:
    """What a stage of the Containerfile has come to."""

    root: Path
    env: dict[str, str]
    folder: str = "/"
    user: str = "root"
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)

    def run(self, words: Sequence[str], env: Mapping[str, str] | None = None, **options: Any) -> Any:
        """Run something in it to its end."""
        return subprocess.run(self.within(words, env or {}), check=True, **options)

    def within(self, words: Sequence[str], env: Mapping[str, str], root: Path | None = None) -> list[str]:
        """The command that runs something in it."""
        pairs = [f"{name}={value}" for name, value in {**self.env, **env}.items()]
        place = ["sh", "-c", 'cd "$1" && shift && exec "$@"', "sh", self.folder]
        return ["chroot", f"--userspec={self.user}:", str(root or self.root), "env", "-i", *pairs, *place, *words]


@dataclass
class Service:
    """A running service."""

    name: str
    process: subprocess.Popen[bytes]
    grace: float

    def stop(self) -> None:
        """As the engine does: ask, and take it as a fault when it has to be killed."""
        self.process.terminate()
        self.process.wait(self.grace)


class Rehearsal:
    """One go, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.images: dict[str, Image] = {}
        self.running: list[Service] = []
        self.simulator: subprocess.Popen[str] | None = None
        self._views = 0
        self.log = (folder / "log").open("ab")

    # The image

    def build(self) -> Image:
        """Carry out the Containerfile; the last stage is the image."""
        image: Image | None = None
        arguments: dict[str, str] = {}
        for word, rest in instructions(REPOSITORY / "Containerfile"):
            if word == "ARG":
                name, _, default = rest.partition("=")
                arguments[name] = default
                continue
            if word == "FROM":
                base, _, name = rest.partition(" AS ")
                say(f"FROM {expanded(base, arguments)}: this machine, {sys.version.split()[0]}")
                image = self._stage(name or "image")
                continue
            assert image is not None, "the Containerfile begins with FROM"
            self._carry_out(image, word, rest)
        assert image is not None
        return image

    def _stage(self, name: str) -> Image:
        parts = {part: self.folder / name / part for part in ("upper", "work", "root")}
        for part in parts.values():
            part.mkdir(parents=True)
        if not mounted(
            "overlay", "overlay", parts["root"], f"lowerdir=/,upperdir={parts['upper']},workdir={parts['work']}"
        ):
            inner = self.folder / name / "memory"  # the disk itself is an overlay, which cannot lie on another one
            inner.mkdir()
            mount("tmpfs", "tmpfs", inner)
            for layer in ("upper", "work"):
                (inner / layer).mkdir()
            mount(
                "overlay", "overlay", parts["root"], f"lowerdir=/,upperdir={inner / 'upper'},workdir={inner / 'work'}"
            )
        root = parts["root"]
        mount("proc", "proc", root / "proc")
        subprocess.run(["mount", "--rbind", "/dev", str(root / "dev")], check=True)
        mount("tmpfs", "tmpfs", root / "tmp", "mode=1777")
        for folder in reversed(
            Path(sys.base_prefix).relative_to("/").parents
        ):  # a Python in root's home is for all here
            (root / folder).chmod((root / folder).stat().st_mode | 0o555)
        shutil.rmtree(root / "opt" / "leaver", ignore_errors=True)
        env = {name: value for name, value in os.environ.items() if OF_THE_MACHINE.fullmatch(name)}
        env["PATH"] = f"{sys.base_prefix}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        self.images[name] = Image(root, env)
        return self.images[name]

    def _carry_out(self, image: Image, word: str, rest: str) -> None:
        say(f"{word} {rest}")
        if word == "RUN":
            image.run(["sh", "-ec", rest], stdout=self.log, stderr=subprocess.STDOUT)
        elif word == "COPY":
            self._copy(image, shlex.split(rest))
        elif word == "WORKDIR":
            image.folder = rest
            (image.root / rest.lstrip("/")).mkdir(parents=True, exist_ok=True)
        elif word == "USER":
            image.user = rest
        elif word == "ENV":
            image.env |= dict(pair.split("=", 1) for pair in shlex.split(expanded(rest, image.env)))
        elif word == "ENTRYPOINT":
            image.entrypoint = json.loads(rest)
        elif word == "CMD":
            image.command = json.loads(rest)
        elif word not in ("EXPOSE", "VOLUME", "LABEL", "HEALTHCHECK", "STOPSIGNAL"):
            raise SystemExit(f"The rehearsal does not know what {word} does. Teach it.")

    def _copy(self, image: Image, words: list[str]) -> None:
        source_root = REPOSITORY
        if words[0].startswith("--from="):
            source_root = self.images[words.pop(0).removeprefix("--from=")].root
        *sources, target = words
        for source in sources:
            path = source_root / source.lstrip("/")
            place = image.root / (Path(image.folder) / target).relative_to("/")
            if path.is_dir():
                ignored = shutil.ignore_patterns("__pycache__") if source_root == REPOSITORY else None
                shutil.copytree(path, place, symlinks=True, ignore=ignored, dirs_exist_ok=True)
            else:
                place.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, place)

    # The services

    def start(self, image: Image, name: str, said: Mapping[str, Any], env: Mapping[str, str]) -> Service:
        """Start a service as compose does."""
        command = [*image.entrypoint, *said.get("command", image.command)]
        say(f"{name}: {shlex.join(command)}")
        words = self._in_view(image, said, command, env)
        process = subprocess.Popen(words, stdout=self.log, stderr=subprocess.STDOUT)
        service = Service(name, process, seconds(said.get("stop_grace_period", "10s")))
        self.running.append(service)
        return service

    def by_hand(self, image: Image, said: Mapping[str, Any], script: str, env: Mapping[str, str]) -> str:
        """Run commands of the handbook beside a service, with what it has, and a folder for backups."""
        volumes = [*said.get("volumes", ()), "backup:/backup"]
        words = ["sh", "-ec", script]
        env = {**env, "BACKUP": "/backup"}
        words = self._in_view(image, {**said, "volumes": volumes}, words, env)
        done = subprocess.run(words, check=False, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{script}\n{done.stdout}{done.stderr}")
        return done.stdout

    def _in_view(
        self, image: Image, said: Mapping[str, Any], command: Sequence[str], env: Mapping[str, str]
    ) -> list[str]:
        """The command that runs something in a view of its own on the image."""
        self._views += 1
        view = self.folder / "views" / str(self._views)
        view.mkdir(parents=True)
        volumes = [([*volume.split(":"), ""])[:3] for volume in said.get("volumes", ())]
        for _, target, _ in volumes:
            (image.root / target.lstrip("/")).mkdir(parents=True, exist_ok=True)
        lines = [f"mount --rbind {image.root} {view}"]
        if said.get("read_only"):
            lines.append(f"mount -o remount,bind,ro {view}")
        lines += [f"mount -t tmpfs tmpfs {view}{place}" for place in said.get("tmpfs", ())]
        for source, target, mode in volumes:
            lines.append(f"mount --bind {self.volume(image, source)} {view}{target}")
            lines += [f"mount -o remount,bind,ro {view}{target}"] if mode == "ro" else []
        script = " && ".join([*lines, f"exec {shlex.join(image.within(command, env, view))}"])
        return ["unshare", "--mount", "--propagation", "private", "sh", "-ec", script]

    def volume(self, image: Image, source: str) -> Path:
        """A named volume, which begins with its owner, or a folder beside compose.yaml."""
        path = self.folder / ("beside" if source.startswith(".") else "volumes") / source.lstrip("./")
        if not path.exists():
            path.mkdir(parents=True)
            if not source.startswith("."):
                shutil.chown(path, *owner(image))
                path.chmod(0o700)
        return path

    def stop(self) -> None:
        """Stop every service, the last one first."""
        while self.running:
            self.running.pop().stop()


def instructions(path: Path) -> list[tuple[str, str]]:
    """The instructions of a Containerfile."""
    text = re.sub(r"\\\n\s*", " ", path.read_text())
    lines = [line.strip() for line in text.splitlines()]
    pairs = [line.partition(" ") for line in lines if line and not line.startswith("#")]
    return [(word, rest.strip()) for word, _, rest in pairs]


def block(heading: str) -> str:
    """The first block of commands below a heading of the handbook."""
    _, found, below = HANDBOOK.read_text().partition(f"# {heading}\n")
    code = re.search(r"```sh\n(.*?)```", below, re.DOTALL)
    if not found or code is None or "\n#" in below[: code.start()]:
        raise SystemExit(f"docs/operations.md has no commands below {heading!r}.")
    return code[1]


def expanded(text: str, values: Mapping[str, str]) -> str:
    """With `$NAME`, `${NAME}` and `${NAME:?}` filled in."""
    return re.sub(r"\$\{?(\w+)(?::\?[^}]*)?\}?", lambda found: values[found[1]], text)


def seconds(text: str) -> float:
    """What compose calls a duration."""
    return float(text.removesuffix("s"))


def owner(image: Image) -> tuple[int, int]:
    """The numbers of the image's user."""
    for line in (image.root / "etc" / "passwd").read_text().splitlines():
        name, _, number, group, *_ = line.split(":")
        if name == image.user:
            return int(number), int(group)
    raise SystemExit(f"The image has no user {image.user!r}.")


def mounted(kind: str, what: str, place: Path, options: str = "") -> bool:
    """Whether it could be mounted."""
    words = ["mount", "-t", kind, *(["-o", options] if options else []), what, str(place)]
    return subprocess.run(words, check=False, capture_output=True).returncode == 0


def mount(kind: str, what: str, place: Path, options: str = "") -> None:
    """Mount, or say what is missing."""
    if not mounted(kind, what, place, options):
        raise SystemExit(f"A {kind} cannot be mounted here. The rehearsal needs a Linux that lets root mount.")


def say(text: str) -> None:
    """One line for whoever watches."""
    print(f"  {text}", flush=True)


def alone_in_the_network() -> None:
    """From here on nothing but this rehearsal is on the network, on the ports that the files name."""
    if ctypes.CDLL(None, use_errno=True).unshare(NEW_NETWORK) != 0:
        raise SystemExit("A network of its own cannot be made here.")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh", b"lo", 0x1 | 0x40))  # SIOCSIFFLAGS: up and running


def until(what: str, there: Callable[[], bool], patience: float = 120) -> None:
    """Wait for something."""
    deadline = time.monotonic() + patience
    while not there():
        if time.monotonic() > deadline:
            raise SystemExit(f"{what}: not within {patience:.0f} seconds")
        time.sleep(0.3)


def ask(path: str, token: str = "", body: Any = None) -> Any:
    """Ask the portal's API."""
    request = urllib.request.Request(f"http://127.0.0.1:8365{path}")
    request.add_header("Content-Type", "application/json")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    if body is not None:
        request.data = json.dumps(body).encode()
    with urllib.request.urlopen(request, timeout=60) as answer:
        text = answer.read().decode()
        return json.loads(text) if "json" in answer.headers["content-type"] else text


def answers(path: str) -> bool:
    """Whether it answers well."""
    try:
        ask(path)
    except (urllib.error.URLError, ConnectionError):
        return False
    return True


def offboard(leaver: Callable[..., str], ready: Mapping[str, Any]) -> str:
    """A tenant, a token, and one offboarding through the API, to its end; its id."""
    tenant = ready["tenants"][0]
    leaver("tenant", "add", tenant["id"], "--domain", tenant["domain"])
    token = json.loads(leaver("token", "create", "--name", "rehearsal", "--role", "operator", "--json"))["token"]
    body = {"tenantFilter": tenant["domain"], "user": tenant["leaver"], **WISH}
    ask("/api/ExecOffboardUser", token, body)
    shown: dict[str, Any] = {}

    def ended() -> bool:
        shown.update(ask("/api/v1/offboardings", token)["items"][0])
        return bool(shown["ended_at"])

    until("the offboarding", ended)
    assert shown["state"] in ("completed", "follow_up"), shown
    say(f"offboarded {tenant['leaver']} through the API: {shown['state']}")
    return str(shown["id"])


def simulator(rehearsal: Rehearsal, image: Image) -> dict[str, Any]:
    """A fresh Microsoft 365 over HTTPS; what a client needs is put where the services find it."""
    if rehearsal.simulator is not None:
        rehearsal.simulator.terminate()
        rehearsal.simulator.wait(10)
    tls = rehearsal.volume(image, CERTIFICATES)
    words = [sys.executable, "-m", "m365_simulator", "--port", "9443", "--tls-dir", str(tls)]
    rehearsal.simulator = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=rehearsal.log, text=True)
    assert rehearsal.simulator.stdout is not None
    ready: dict[str, Any] = json.loads(rehearsal.simulator.stdout.readline())
    for path in tls.iterdir():
        path.chmod(0o644)
    pairs = ready["environment"].items()
    return {**ready, "environment": {name: value.replace(str(tls), "/etc/leaver") for name, value in pairs}}


def postgresql(rehearsal: Rehearsal, said: Mapping[str, Any], values: Mapping[str, str]) -> None:
    """The machine's PostgreSQL in place of the image's, with what compose tells that one."""
    binaries = max(Path("/usr/lib/postgresql").glob("*/bin/initdb")).parent
    env = {name: expanded(value, values) for name, value in said["environment"].items()}
    home = rehearsal.folder / "postgresql"
    home.mkdir()
    (home / "password").write_text(env["POSTGRES_PASSWORD"])
    shutil.chown(home, "postgres", "postgres")
    (home / "password").chmod(0o644)
    data, user = home / "data", env["POSTGRES_USER"]
    by = {"user": "postgres", "group": "postgres", "cwd": home, "stdout": rehearsal.log, "stderr": rehearsal.log}
    make = [
        binaries / "initdb",
        "-D",
        data,
        "-U",
        user,
        "-A",
        "scram-sha-256",
        "-E",
        "UTF8",
        f"--pwfile={home / 'password'}",
    ]
    subprocess.run(make, check=True, **by)  # type: ignore[call-overload]
    run = [binaries / "postgres", "-D", data, "-c", f"unix_socket_directories={home}"]
    process = subprocess.Popen(run, **by)  # type: ignore[call-overload]
    service = Service("db", process, 30)
    rehearsal.running.append(service)
    check = [binaries / said["healthcheck"]["test"][1], "-h", "127.0.0.1", *said["healthcheck"]["test"][2:]]
    until("db", lambda: subprocess.run(check, check=False, stdout=rehearsal.log).returncode == 0)
    create: list[str | Path] = [binaries / "createdb", "-h", "127.0.0.1", "-U", user, env.get("POSTGRES_DB", user)]
    subprocess.run(create, check=True, env={"PGPASSWORD": env["POSTGRES_PASSWORD"]})
    say(f"db: {binaries.parent.name}, in place of {said['image']}")


def with_compose(rehearsal: Rehearsal, image: Image) -> None:
    """compose.yaml: database, upgrade, portal, workers; then what the handbook says about running them."""
    services = yaml.safe_load((REPOSITORY / "compose.yaml").read_text())["services"]
    (image.root / "etc" / "hosts").write_text(f"127.0.0.1 localhost {' '.join(services)}\n")
    values = {"POSTGRES_PASSWORD": PASSWORD}
    ready = simulator(rehearsal, image)
    said = services["portal"]
    assert CERTIFICATES in said["volumes"][1]

    def fresh_key() -> str:
        return rehearsal.by_hand(image, {}, block("Making a key"), {}).strip()

    key = fresh_key()
    env = ready["environment"] | {"LEAVER_SECRET_KEY": key}  # what the operator writes into leaver.env
    env |= {name: expanded(value, values) for name, value in said["environment"].items()}

    def by_hand(script: str) -> str:
        return rehearsal.by_hand(image, said, script, env)

    def leaver(*words: str) -> str:
        return by_hand(f"leaver {shlex.join(words)}")

    def healthy() -> bool:
        check = said["healthcheck"]["test"]
        assert check[0] == "CMD"
        words = image.within(check[1:], env)
        return subprocess.run(words, check=False, stderr=rehearsal.log).returncode == 0

    def up() -> None:
        leaver(*services["upgrade"]["command"])
        for name in ("portal", "worker"):
            for _ in range(services[name].get("deploy", {}).get("replicas", 1)):
                rehearsal.start(image, name, services[name], env)
        until("portal", healthy)

    postgresql(rehearsal, services["db"], values)
    up()
    done = offboard(leaver, ready)
    assert "leaver_due 0" in ask("/metrics")
    assert answers("/healthz")

    before = leaver("audit", "export")
    by_hand(block("Backing PostgreSQL up"))
    leaver("token", "create", "--name", "after the backup", "--role", "viewer")
    assert leaver("audit", "export") != before
    while len(rehearsal.running) > 1:
        rehearsal.running.pop().stop()
    by_hand(block("Restoring PostgreSQL"))
    assert leaver("audit", "export") == before
    assert json.loads(leaver("status", done, "--json"))["offboardings"][0]["id"] == done
    say("backed up and restored, as docs/operations.md says; the audit trail is whole")

    env["LEAVER_SECRET_KEY"] = f"{fresh_key()},{key}"
    by_hand(block("Rotating the keys of the environment"))
    env["LEAVER_SECRET_KEY"] = env["LEAVER_SECRET_KEY"].partition(",")[0]
    by_hand(block("Retention"))
    up()
    rehearsal.stop()
    say("keys rotated, pruned, started again with the new key alone, stopped in time")


def with_systemd(rehearsal: Rehearsal, image: Image) -> None:
    """The unit: verified, and its command run as it says, on SQLite."""
    units = sorted((REPOSITORY / "deploy").glob("*.service"))
    place = image.root / "etc" / "systemd" / "system"
    place.mkdir(parents=True, exist_ok=True)
    for path in units:
        shutil.copy(path, place)
    if shutil.which("systemd-analyze"):
        names = [path.name.replace("@.", "@1.") for path in units]
        as_root = replace(image, user="root", folder="/etc/systemd/system")
        as_root.run(["systemd-analyze", "verify", *names])
        say(f"systemd-analyze verify: {', '.join(names)}")
    unit = next(path for path in units if path.name == "leaver.service")
    lines = [line.partition("=") for line in unit.read_text().splitlines()]
    settings = {name: value for name, _, value in lines if name != "Environment"}
    ready = simulator(rehearsal, image)
    env = ready["environment"] | dict(value.split("=", 1) for name, _, value in lines if name == "Environment")
    image = replace(image, user=settings["User"], entrypoint=[], command=shlex.split(settings["ExecStart"]))
    said = {
        "read_only": settings["ProtectSystem"] == "strict",
        "tmpfs": ["/tmp"],
        "volumes": [f"state:{env['LEAVER_DATA_DIR']}", f"{CERTIFICATES}:/etc/leaver:ro"],
        "stop_grace_period": settings["TimeoutStopSec"],
    }

    def by_hand(script: str) -> str:
        return rehearsal.by_hand(image, said, script, env)

    def up() -> None:
        rehearsal.start(image, unit.name, said, env)
        until(unit.name, lambda: answers("/readyz"))

    up()
    done = offboard(lambda *words: by_hand(f"leaver {shlex.join(words)}"), ready)
    by_hand(block("Backing SQLite up"))
    before = by_hand("leaver audit export")
    by_hand("leaver token create --name later --role viewer")
    rehearsal.stop()
    by_hand(block("Restoring SQLite"))
    assert by_hand("leaver audit export") == before
    assert done in by_hand(f"leaver status {done} --json")
    by_hand(block("Rotating the key of the data folder"))
    up()
    rehearsal.stop()
    say("the unit's command: served, backed up, restored, its key rotated, started again and stopped in time")


def main() -> None:
    """All of it, inside; outside, a place for it that is taken away afterwards."""
    if sys.platform != "linux" or os.geteuid() != 0:
        raise SystemExit("The rehearsal needs Linux and root: it mounts, and makes a network of its own.")
    if INSIDE in os.environ:
        inside(Path(os.environ[INSIDE]))
        return
    folder = Path(tempfile.mkdtemp(prefix="leaver-rehearsal-", dir="/var/tmp"))
    folder.chmod(0o755)
    words = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private"]
    try:
        ended = subprocess.run(
            [*words, sys.executable, *sys.argv], env={**os.environ, INSIDE: str(folder)}, check=False
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(ended.returncode)


def inside(folder: Path) -> None:
    """Everything that is mounted and started here goes with this process."""
    rehearsal = Rehearsal(folder)
    try:
        image = rehearsal.build()
        alone_in_the_network()
        with_compose(rehearsal, image)
        with_systemd(rehearsal, image)
    except BaseException:
        print("\n".join((folder / "log").read_text(errors="replace").splitlines()[-40:]), file=sys.stderr)
        raise
    print("The files do what they say.")


if __name__ == "__main__":
    main()
