"""The project's own files: what git knows, and what it would take in."""

import pathlib
import subprocess

SOURCE = pathlib.Path(__file__).resolve().parents[2]


def project_files(*patterns):
    """Paths relative to the top, sorted. safe.directory: tests/run may be started with sudo in somebody's clone."""
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns]
    listing = subprocess.run(command, cwd=SOURCE, capture_output=True, text=True, check=True).stdout
    names = sorted(set(filter(None, listing.split("\0"))))
    return [name for name in names if (SOURCE / name).exists()]
