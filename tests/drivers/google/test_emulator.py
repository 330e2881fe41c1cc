from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from kindstore.testing import emulator
from kindstore.testing.emulator import Emulator, EmulatorError, find_script, is_answering, start_emulator

# Tells the test session that a real emulator has to be installed.
NEEDS_EMULATOR = pytest.mark.usefixtures("datastore_emulator")
# Prints the host of an emulator, and dies without stopping it.
ORPHAN = """
import os, signal
from kindstore.testing.emulator import start_emulator
print(start_emulator("datastore").host, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def no_programs(monkeypatch, tmp_path):
    """Put an empty folder on the PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA", raising=False)
    return tmp_path


def gone(host: str) -> bool:
    """Wait until a server that was killed has let its connections go, and tell whether it has."""
    address, _, port = host.rpartition(":")
    try:
        with socket.create_connection((address, int(port)), timeout=10) as connection:
            return connection.recv(1) == b""
    except (ConnectionRefusedError, ConnectionResetError):
        return True


@NEEDS_EMULATOR
def test_a_started_emulator_is_a_context_manager():
    with start_emulator("datastore") as running:
        host = running.host
        assert is_answering(host)
    assert not is_answering(host)


@pytest.mark.parametrize("kind", ["datastore", "firestore"])
def test_it_answers_while_the_block_runs(kind):
    with Emulator(kind) as running:
        host = running.host
        assert is_answering(host)
    assert not is_answering(host)


@NEEDS_EMULATOR
def test_it_is_ready_when_start_returns_and_ends_with_stop():
    running = start_emulator("datastore", consistency=0.5)
    try:
        assert is_answering(running.host)
    finally:
        running.stop()
    running.stop()
    assert not is_answering(running.host)


@NEEDS_EMULATOR
def test_it_ends_when_the_process_that_started_it_dies():
    done = subprocess.run([sys.executable, "-c", ORPHAN], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    assert gone(done.stdout.strip())


def test_an_unknown_kind_lists_the_kinds():
    with pytest.raises(EmulatorError, match="'datastore', 'firestore'"):
        Emulator("mongodb")


@pytest.mark.parametrize("option", [{"consistency": 0.9}, {"require_indexes": True}, {"index_file": Path("index.yaml")}])
def test_the_firestore_emulator_lacks_the_legacy_options(option):
    with pytest.raises(EmulatorError, match="use the 'datastore' one"):
        Emulator("firestore", **option)


def test_without_gcloud_it_says_what_to_install(no_programs):
    with pytest.raises(EmulatorError, match="`gcloud` is not on the PATH"):
        start_emulator("firestore")


def test_without_the_component_it_says_which(no_programs):
    fake = no_programs / "gcloud"
    fake.write_text(f"#!{shutil.which('sh', path=os.defpath)}\necho {no_programs}\n")
    fake.chmod(0o755)
    with pytest.raises(EmulatorError, match="gcloud components install cloud-firestore-emulator"):
        find_script("firestore")


def test_a_gcloud_that_fails_is_quoted(no_programs):
    fake = no_programs / "gcloud"
    fake.write_text(f"#!{shutil.which('sh', path=os.defpath)}\necho broken python >&2; exit 3\n")
    fake.chmod(0o755)
    with pytest.raises(EmulatorError, match="broken python"):
        find_script("firestore")


def test_without_java_it_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(emulator, "find_script", lambda _kind: tmp_path / "script")
    monkeypatch.setenv("JAVA", "no-such-java")
    with pytest.raises(EmulatorError, match="'no-such-java' is not on the PATH"):
        start_emulator("firestore")


def test_a_port_that_is_taken_is_named():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(EmulatorError, match=f"Port {port} .* Choose another"):
            start_emulator("datastore", port=port)


def test_an_emulator_that_ends_at_once_has_its_last_words_quoted(monkeypatch, tmp_path):
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\necho no such option >&2\nexit 1\n")
    script.chmod(0o755)
    monkeypatch.setattr(emulator, "find_script", lambda _kind: script)
    with pytest.raises(EmulatorError, match=r"ended while it started.*no such option"):
        start_emulator("datastore")


def test_waiting_for_one_that_was_not_started_is_an_error():
    with pytest.raises(EmulatorError, match="not running"):
        Emulator("datastore").wait()


@NEEDS_EMULATOR
def test_the_command_prints_the_line_to_paste_and_stops_at_an_interrupt(tmp_path):
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)  # it is ignored where tests run in the background\n"
    code += "from django.conf import settings; settings.configure(INSTALLED_APPS=['kindstore.core']); import django; django.setup()\n"
    code += "from django.core.management import call_command; call_command('kindstore_emulator', 'datastore')"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        try:
            line = process.stdout.readline().strip()
            host = line.removeprefix("export DATASTORE_EMULATOR_HOST=")
            assert is_answering(host)
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0
        finally:
            process.kill()
    assert not is_answering(host)
