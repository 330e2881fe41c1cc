"""Google's emulators as context managers: started without gcloud's own wrapper, ended with the process that started them."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

Kind = Literal["datastore", "firestore"]

HOST = "127.0.0.1"
START_SECONDS = 60.0
MEMORY = "-Xmx3g"  # the legacy emulator keeps the results of every query of the last half minute
_POLL_SECONDS = 0.05
_COMPONENTS = {"datastore": "cloud-datastore-emulator", "firestore": "cloud-firestore-emulator"}
_SCRIPTS = {"datastore": "cloud_datastore_emulator", "firestore": "cloud_firestore_emulator"}
# The shell leads a process group of its own. It kills the group when its input ends, which is when we close it or die ourselves, and
# when the emulator ends.
_GUARD = '("$@" </dev/null; kill -KILL 0) & cat >/dev/null; kill -KILL 0'


class EmulatorError(RuntimeError):
    """An emulator cannot be started; the text says what is missing."""


class Emulator:
    """One emulator process; it keeps nothing on disk."""

    def __init__(
        self,
        kind: Kind,
        *,
        port: int | None = None,
        consistency: float = 1.0,
        require_indexes: bool = False,
        index_file: Path | None = None,
        quiet: bool = True,
    ) -> None:
        """Prepare an emulator of Cloud Datastore or of Firestore in Datastore mode.

        `consistency` is the probability, 0.0 to 1.0, that a query of the legacy store sees a pending write; `require_indexes` makes it
        refuse queries whose composite index is not in `index_file`. Not `quiet` lets the emulator write to our output.
        """
        if kind not in _COMPONENTS:
            raise EmulatorError(f"There is no emulator {kind!r}; choose one of {', '.join(map(repr, _COMPONENTS))}.")
        if kind == "firestore" and (consistency != 1.0 or require_indexes or index_file is not None):
            raise EmulatorError("The Firestore emulator is always consistent and never requires indexes; use the 'datastore' one.")
        self.kind = kind
        self.port = port or free_port()
        self._consistency = consistency
        self._require_indexes = require_indexes
        self._index_file = index_file
        self._quiet = quiet
        self._process: subprocess.Popen[bytes] | None = None
        self._directory: tempfile.TemporaryDirectory[str] | None = None

    @property
    def host(self) -> str:
        """Host and port, as in DATASTORE_EMULATOR_HOST."""
        return f"{HOST}:{self.port}"

    def __enter__(self) -> Self:
        if self._process is None:
            self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        """Start the process and wait until it answers. EmulatorError tells what is missing."""
        script = find_script(self.kind)
        environment = _environment()
        _check_port(self.port)
        self._directory = tempfile.TemporaryDirectory(prefix="kindstore-emulator-")
        log = Path(self._directory.name) / "log"
        command = ["sh", "-c", _GUARD, "kindstore-emulator", str(script), *self._arguments(Path(self._directory.name))]
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=output if self._quiet else None,
                stderr=output if self._quiet else None,
                env=environment,
                cwd=self._directory.name,
                start_new_session=True,
            )
        try:
            self._wait(log)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the process and all that it started."""
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):  # it has ended by itself
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
        if self._directory is not None:
            self._directory.cleanup()
            self._directory = None

    def wait(self) -> int:
        """Wait until the process ends, and return its exit code."""
        if self._process is None:
            raise EmulatorError("The emulator is not running; call start() first.")
        return self._process.wait()

    def _arguments(self, directory: Path) -> list[str]:
        arguments = ["start", f"--host={HOST}", f"--port={self.port}"]
        if self.kind == "firestore":
            return [*arguments, "--database-mode=datastore-mode"]
        (directory / "WEB-INF").mkdir()
        arguments += [f"--consistency={self._consistency}", "--store_on_disk=False"]
        if self._require_indexes:
            arguments.append("--require_indexes")
        if self._index_file is not None:
            arguments.append(f"--index_file={self._index_file.resolve()}")
        return [*arguments, str(directory)]

    def _wait(self, log: Path) -> None:
        assert self._process is not None
        end = time.monotonic() + START_SECONDS
        while not is_answering(self.host):
            if self._process.poll() is not None:
                raise EmulatorError(f"The {self.kind} emulator ended while it started.{_last_lines(log)}")
            if time.monotonic() > end:
                raise EmulatorError(f"The {self.kind} emulator did not answer on {self.host} in {START_SECONDS:.0f} s.{_last_lines(log)}")
            time.sleep(_POLL_SECONDS)


def start_emulator(
    kind: Kind, *, port: int | None = None, consistency: float = 1.0, require_indexes: bool = False, index_file: Path | None = None
) -> Emulator:
    """Return an emulator that is running; use it as a context manager, or call its `stop()`."""
    emulator = Emulator(kind, port=port, consistency=consistency, require_indexes=require_indexes, index_file=index_file)
    emulator.start()
    return emulator


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    return port


def is_answering(host: str) -> bool:
    """Return whether an emulator answers at a host and port."""
    connection = http.client.HTTPConnection(host, timeout=2)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def find_script(kind: Kind) -> Path:
    """Return the script that starts an emulator, from the Google Cloud SDK that `gcloud` on the PATH belongs to."""
    gcloud = shutil.which("gcloud")
    if gcloud is None:
        raise EmulatorError(
            "The command `gcloud` is not on the PATH. Install the Google Cloud CLI: https://cloud.google.com/sdk/docs/install."
        )
    component = _COMPONENTS[kind]
    for root in (Path(gcloud).resolve().parent.parent, _sdk_root(gcloud)):
        script = root / "platform" / component / _SCRIPTS[kind]
        if script.is_file():
            return script
    raise EmulatorError(
        f"The Google Cloud CLI at {gcloud} lacks the component {component}. Run `gcloud components install {component}`, "
        f"or install the package google-cloud-cli-{component.removeprefix('cloud-')} of your distribution."
    )


def _sdk_root(gcloud: str) -> Path:
    command: Sequence[str] = (gcloud, "info", "--format=value(installation.sdk_root)")
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise EmulatorError(f"`{' '.join(command)}` failed: {done.stderr.strip()[-500:]}.")
    return Path(done.stdout.strip())


def _environment() -> Mapping[str, str]:
    java = os.environ.get("JAVA") or "java"
    if shutil.which(java) is None:
        raise EmulatorError(f"The emulators need Java, but {java!r} is not on the PATH. Install a Java runtime, version 17 or later.")
    options = f"{os.environ.get('JAVA_TOOL_OPTIONS', '')} {MEMORY}".strip()
    return os.environ | {"JAVA_TOOL_OPTIONS": options}


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise EmulatorError(f"Port {port} of {HOST} cannot be used ({error.strerror}). Choose another one.") from error


def _last_lines(log: Path) -> str:
    text = log.read_text(errors="replace").strip() if log.exists() else ""
    return " Its last words: " + " | ".join(text.splitlines()[-5:]) if text else ""
