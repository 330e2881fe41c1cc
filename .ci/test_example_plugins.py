"""Build each example plugin into a wheel, install it, and run its tests against what is installed."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLUGINS = sorted(path.parent for path in (ROOT / "examples" / "plugins").glob("*/pyproject.toml"))
REPORTS = ROOT / ".tox" / "reports"


def install(plugin: Path, folder: str) -> None:
    """Install a plugin from its wheel, which is built from its sdist."""
    subprocess.run([sys.executable, "-m", "build", "--outdir", folder, str(plugin)], check=True)
    (wheel,) = Path(folder).glob(f"{plugin.name.replace('-', '_')}-*.whl")
    subprocess.run([sys.executable, "-m", "pip", "install", "--no-deps", "--force-reinstall", str(wheel)], check=True)


def test(plugin: Path, arguments: list[str]) -> int:
    """Run the tests of a plugin and return pytest's exit code; the folder of the plugin is not on the path."""
    report = REPORTS / f"plugins-{plugin.name}.xml"
    command = [sys.executable, "-P", "-m", "pytest", f"--junitxml={report}", "--rootdir", str(plugin), *arguments]
    return subprocess.run(command, cwd=plugin, env={**os.environ, "PYTHONSAFEPATH": "1"}, check=False).returncode


def main(arguments: list[str]) -> int:
    """Test all of them, and return 1 when one failed."""
    with tempfile.TemporaryDirectory() as folder:
        for plugin in PLUGINS:
            install(plugin, folder)
    codes = [test(plugin, arguments) for plugin in PLUGINS]
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
