"""A network namespace of one's own, without root: addresses for the module and its far ends."""
import os
import subprocess
import sys

MARK = 'ESPAT_IN_NAMESPACE'


def enter():
    """Starts the calling program again in new user and network namespaces, once."""
    if os.environ.get(MARK):
        return
    os.environ[MARK] = '1'
    os.execvp('unshare', ['unshare', '--user', '--map-root-user', '--net', '--kill-child', sys.executable, *sys.argv])


def add_addresses(addresses):
    subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
    for address in sorted(set(addresses)):
        subprocess.run(['ip', 'address', 'add', address + '/32', 'dev', 'lo'], check=True)
