"""Installs the baselines' packages beside the benchmark: the project does not depend on them."""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
REQUIREMENTS = HERE / "requirements.txt"
FOLDER = HERE / ".packages"


class InstallError(Exception):
    """pip failed. The message is for the user."""


def install() -> None:
    """Fills `.packages` with exactly what requirements.txt names, unless it is there."""
    stamp = FOLDER / ".stamp"
    made_from = hashlib.sha256(
        REQUIREMENTS.read_bytes() + platform.python_version().encode()
    ).hexdigest()
    if stamp.exists() and stamp.read_text() == made_from:
        return
    print("installing the packages of the baselines (about 300 MB, once)", file=sys.stderr)
    shutil.rmtree(FOLDER, ignore_errors=True)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--target", str(FOLDER), "--requirement", str(REQUIREMENTS)]
    if subprocess.run(command).returncode != 0:
        raise InstallError(
            "the packages of the baselines could not be installed; --no-baselines runs without them"
        )
    stamp.write_text(made_from)
