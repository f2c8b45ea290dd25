#!/usr/bin/python3
"""Every C++ file is formatted as .clang-format says (version 14, which Debian 12 has: others break lines differently)."""

import re
import shutil
import subprocess
import sys

from files import SOURCE, project_files

SKIPPED = 77


def main():
    tool = shutil.which("clang-format-14") or "clang-format"
    version = subprocess.run([tool, "--version"], capture_output=True, text=True, check=True).stdout
    if not re.search(r"version 14\.", version):
        print(f"skipped: needs clang-format 14, this is {version.strip()}")
        return SKIPPED
    files = project_files("*.cpp", "*.hpp")
    print(f"{len(files)} files")
    return subprocess.run([tool, "--dry-run", "--Werror", *files], cwd=SOURCE, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
