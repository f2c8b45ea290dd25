#!/usr/bin/python3
"""The house stays as DESIGN section 3 lays it out: what the top level holds, which way includes point, and what no file may have."""

import re
import sys
import unittest

from files import SOURCE, project_files

TOP_LEVEL = set(
    """daemon cli dbus systemd config tests debian .ci CMakeLists.txt CMakePresets.json README.md LICENSE CHANGELOG.md
    .clang-format .clang-tidy .gitignore""".split()
)

SERVICES = "wifi bluetooth mqtt http websocket storage firmware peripherals power provisioning time".split()
PARTS = ["at", "transport", "module", "net", *SERVICES, "bus", "app"]
# What a part may include besides itself. The vocabulary of at/types.hpp (results, end points) is everybody's.
MAY_INCLUDE = {
    "at": [],
    "transport": ["at"],
    "module": ["at", "transport"],
    "net": ["at", "module"],
    **{service: ["at", "module"] for service in SERVICES},
    "bus": ["at", "module", "net", *SERVICES],
    "app": PARTS,
}
# Libraries that have their one place.
KEPT_OUT = {
    r"boost/asio|spdlog|sdbus|systemd/|sys/socket": ["at"],
    r"sdbus-c\+\+": [part for part in PARTS if part not in ("bus", "app")],
    r"netlink/|linux/if_tun": [part for part in PARTS if part != "net"],
}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
LONGEST_FILE = 450


def sources(*patterns):
    for name in project_files(*patterns):
        yield name, (SOURCE / name).read_text(errors="replace")


def lines_with(pattern, *patterns, but=()):
    found = []
    for name, text in sources(*patterns):
        if name in but:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if re.search(pattern, line):
                found.append(f"{name}:{number}: {line.strip()}")
    return found


class Layout(unittest.TestCase):
    maxDiff = None

    def test_the_top_level_holds_what_was_agreed(self):
        found = {name.split("/", 1)[0] for name in project_files()}
        self.assertEqual(found - TOP_LEVEL, set())

    def test_includes_point_one_way(self):
        wrong = []
        for part in PARTS:
            allowed = {part, *MAY_INCLUDE[part]}
            for name, text in sources(f"daemon/{part}/*"):
                for _, include in INCLUDE.findall(text):
                    other = include.split("/", 1)[0]
                    if "/" in include and other in PARTS and other not in allowed:
                        wrong.append(f"{name} includes {include}")
        self.assertEqual(wrong, [])

    def test_libraries_stay_in_their_place(self):
        wrong = []
        for library, parts in KEPT_OUT.items():
            for part in parts:
                for name, text in sources(f"daemon/{part}/*"):
                    wrong += [f"{name} includes {found}" for _, found in INCLUDE.findall(text) if re.search(library, found)]
        self.assertEqual(wrong, [])

    def test_simulator_and_cli_share_no_code_with_the_daemon(self):
        wrong = []
        for name, text in sources("tests/simulator/*", "cli/*"):
            for kind, include in INCLUDE.findall(text):
                if kind == '"' and (include.split("/", 1)[0] in PARTS and "/" in include or "daemon" in include):
                    wrong.append(f"{name} includes {include}")
        self.assertEqual(wrong, [])

    def test_files_fit_on_a_few_screens(self):
        long = {name: lines for name, text in sources("*.cpp", "*.hpp") if (lines := text.count("\n")) > LONGEST_FILE}
        self.assertEqual(long, {})

    def test_nothing_is_left_for_later(self):
        pattern = r'(?<!")\b(TO' + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b"
        self.assertEqual(lines_with(pattern, "daemon", "cli", "dbus", "systemd", "config", "debian", "tests/*.py", "tests/*pp"), [])

    def test_nothing_waits_by_sleeping(self):
        self.assertEqual(lines_with(r"sleep_for|sleep_until|\busleep\(|\bnanosleep\(", "daemon", "cli", "tests/unit"), [])

    def test_no_coroutine_returns_a_choice_that_awaits(self):
        # g++ 12 performs the co_await in `co_return a ? b : co_await c()` whatever a is.
        self.assertEqual(lines_with(r"co_return[^;]*\?[^;]*co_await", "daemon", "cli", "tests/*pp"), [])

    def test_no_path_of_one_machine(self):
        pattern = r"(?<!\w)/(wo" + r"rk/|ro" + r"ot/\.|ho" + r"me/[a-z])"
        self.assertEqual(lines_with(pattern, "*.cpp", "*.hpp", "*.py", "*.txt", "*.json", "*.md", "tests", ".ci", "debian", "systemd"), [])


if __name__ == "__main__":
    unittest.main(verbosity=2, argv=sys.argv)
