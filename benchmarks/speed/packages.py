"""Installs what the rivals are, each in a folder of its own: the project depends on none."""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

FOLDER = Path(__file__).parent / ".packages"
LIMIT = 900
"""So many seconds an installation may take."""


def install(language: str, packages: Sequence[str]) -> str | None:
    """Fills the folder of these packages unless it is there; says in a line why it could not."""
    folder = folder_of(language, packages)
    stamp = folder / ".stamp"
    if not packages or stamp.exists():
        return None
    print(f"installing {', '.join(packages)} (once)", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if language == "node":
        (folder / "package.json").write_text('{ "private": true }\n')
        command = ["npm", "install", "--no-audit", "--no-fund", "--loglevel=error"]
        command += ["--prefix", str(folder), *packages]
    else:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        command += ["--target", str(folder), *packages]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{type(error).__name__} of {command[0]}"
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        return lines[-1] if lines else f"code {done.returncode}"
    stamp.write_text("")
    return None


def folder_of(language: str, packages: Sequence[str]) -> Path:
    made_from = " ".join([language, platform.python_version(), *packages])
    return FOLDER / hashlib.sha256(made_from.encode()).hexdigest()[:16]
