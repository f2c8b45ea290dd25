#!/bin/bash
# Builds the Debian packages from a clean copy of the sources and looks at them with lintian.
# Usage: package.sh DIRECTORY (what is in there is replaced: sources in espat/, packages beside it)
set -eu
source=$(cd "$(dirname "$0")/../.." && pwd)
directory=$1

rm -rf "$directory"
mkdir -p "$directory/espat"
cd "$source"
git -c safe.directory='*' ls-files -z --cached --others --exclude-standard |
  while IFS= read -r -d '' file; do if [ -e "$file" ]; then printf '%s\0' "$file"; fi; done |
  tar --create --null --no-recursion --files-from=- | tar --extract --directory "$directory/espat"

cd "$directory/espat"
# The tests ran already, in the builds of tests/run.
export DEB_BUILD_OPTIONS="nocheck noautodbgsym parallel=$(nproc)" DEB_BUILD_PROFILES=nocheck
dpkg-buildpackage --build=binary --unsigned-source --unsigned-changes
cd ..
lintian --fail-on error,warning --suppress-tags initial-upload-closes-no-bugs,bad-distribution-in-changes-file ./*.changes
ls -l ./*.deb
