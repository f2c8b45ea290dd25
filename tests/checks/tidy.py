#!/usr/bin/python3
"""clang-tidy on the parts that do no I/O: they hold the logic, and without Asio's headers a file takes a second, not a quarter minute.

Usage: tidy.py BUILD-DIRECTORY [FILE...]
"""

import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys

from files import SOURCE, project_files

HEAVY = ("boost/asio", "sdbus-c++", "awaitable", "nlohmann/json.hpp")


def is_light(name):
    return not any(header in (SOURCE / name).read_text() for header in HEAVY)


def main(build, *chosen):
    database = json.loads(pathlib.Path(build, "compile_commands.json").read_text())
    built = {os.path.relpath(entry["file"], SOURCE) for entry in database}
    parts = ("daemon/at/*.cpp", "daemon/net/*.cpp", "daemon/app/configuration*.cpp")
    files = chosen or [name for name in project_files(*parts) if name in built and is_light(name)]
    if not files:
        sys.exit("nothing to look at: is this a build directory?")

    def look(name):
        command = ["clang-tidy", "--quiet", "-p", build, str(SOURCE / name)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        return name, result.returncode, result.stdout

    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, status, output in pool.map(look, files):
            print(name, "ok" if status == 0 else "NOT OK", flush=True)
            if status:
                failed += 1
                print(output, flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
