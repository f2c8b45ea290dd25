#!/usr/bin/env python3
"""Plays one dialogue (dialogues/FORMAT.md) against espat-sim and judges every byte that the module sends.

  run_dialogue.py SIMULATOR DIALOGUE [--dialect NAME]

The simulator is a fresh module on a pty; the far ends that the dialogue needs are real sockets in a namespace of their own.
Exit status 1, with the transcript, if the module says anything else than the dialogue.
"""
import argparse
import datetime
import json
import os
import pathlib
import re
import select
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent / 'dialogues'))

import check  # noqa: E402  (the format's own parser)
import namespace  # noqa: E402
from control import Control  # noqa: E402
from far_end import Certificates, FarEnd, Failure  # noqa: E402
from module_port import ModulePort  # noqa: E402

STEP_LIMIT = 20.0  # seconds for a line; joins and scans take a few


def words(text):
    return dict(w.split('=', 1) for w in re.findall(r'\w+=(?:"[^"]*"|\S+)', text))


def world_of(dialogue, folder):
    """The simulator's world file, and the addresses that must exist."""
    points, addresses = [], ['192.168.4.1', '192.168.4.2']
    world = {'access-points': points, 'timing': {'boot-ms': 50, 'associate-ms': 20, 'dhcp-ms': 20, 'time-update-ms': 20}}
    for need in dialogue.head['needs']:
        kind, _, rest = need.partition(' ')
        keys = words(rest)
        if kind == 'AP':
            points.append({'ssid': keys['ssid'], 'psk': keys.get('psk', ''),
                           'dhcp': {'address': keys.get('ip', '192.168.3.112'), 'gateway': keys.get('gw', '192.168.3.1'),
                                    'netmask': keys.get('mask', '255.255.255.0')}})
            addresses.append(points[-1]['dhcp']['address'])
        elif kind == 'NTP':
            local = datetime.datetime.strptime(keys['time'].strip('"'), '%a %b %d %H:%M:%S %Y')
            zone = datetime.timezone(datetime.timedelta(hours=8))  # every example asks for zone 8
            world['sntp'] = {'time': int(local.replace(tzinfo=zone).timestamp())}
        addresses += re.findall(r'(?:server|peer) (\d+\.\d+\.\d+\.\d+):', need)
    if any('SSL' in n for n in dialogue.head['needs']):
        world['certificates'] = {name + '.' + str(i): file for i in (0, 1) for name, file in (
            ('client_cert', 'client.pem'), ('client_key', 'client.key'), ('client_ca', 'authority.pem'),
            ('server_cert', 'server.pem'), ('server_key', 'server.key'), ('server_ca', 'authority.pem'))}
    (folder / 'world.json').write_text(json.dumps(world))
    return addresses


def act(step, bound, far_end, control):
    verb, positional, keys = step.x
    fill = lambda text: re.sub(r'\{(\w+)\}', lambda m: bound[m.group(1)], text)  # noqa: E731
    if verb == 'connect':
        far_end.connect(fill(positional[0]), keys.get('link'), keys.get('from'))
    elif verb == 'send':
        far_end.peer(fill(positional[0])).send(positional[1])
    elif verb == 'expect':
        far_end.peer(fill(positional[0])).expect(positional[1])
    elif verb == 'join':
        control.join(keys['ssid'], keys.get('pwd', ''))
    else:
        raise Failure('this runner cannot do "X %s"' % step.text)


def play(dialogue, port, far_end, control):
    bound, may, said_ok = {}, [], False
    may_lines = list(dialogue.may)
    for step in dialogue.steps:
        while may_lines and may_lines[0][0] < step.line:
            may.append(check.compile_pattern(may_lines.pop(0)[2])[0])
        try:
            if step.kind == 'H':
                port.command(step.text)
                said_ok = False
                if step.text.startswith('AT+CIPSNTPCFG=1'):
                    may.append(re.compile(r'\+TIME_UPDATED'))  # FORMAT.md "Accepted at any time"
            elif step.kind == 'D':
                if step.data == b'+++':
                    time.sleep(0.05)  # the guard before it; FORMAT.md asks for 20 ms
                port.write(step.data)
            elif step.kind == 'M':
                pattern, _, is_open = check.compile_pattern(step.text, bound)
                bound.update(port.line(pattern, is_open, may, STEP_LIMIT).groupdict())
                said_ok = step.text == 'OK'
            elif step.kind == 'P':
                port.prompt(not said_ok, STEP_LIMIT)
            elif step.kind == 'B':
                data = port.count(step.n, STEP_LIMIT)
                if step.data is not None and data != step.data:
                    raise Failure('expected the bytes %r, got %r' % (step.data, data))
            elif step.kind == 'W':
                time.sleep(step.n / 1000)
            elif step.kind == 'X':
                act(step, bound, far_end, control)
        except (Failure, OSError) as failure:
            raise Failure('line %d, "%s %s": %s' % (step.line, step.kind, step.text, failure)) from None
    port.nothing_more(may)


def start(simulator, folder, dialect):
    process = subprocess.Popen(
        [simulator, '--world', folder / 'world.json', '--link', folder / 'module', '--dialect', dialect,
         '--nvs', folder / 'nvs.json', '--control', folder / 'control'], stdout=subprocess.PIPE)
    if not select.select([process.stdout], [], [], 10)[0] or not process.stdout.readline():
        raise Failure('the simulator did not start')
    return process


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('simulator')
    parser.add_argument('dialogue')
    parser.add_argument('--dialect', help='play it against this dialect instead of its own')
    options = parser.parse_args()
    namespace.enter()
    dialogue = check.parse(options.dialogue)
    if dialogue.errors:
        sys.exit('\n'.join(dialogue.errors))
    with tempfile.TemporaryDirectory(prefix='espat-dialogue-') as name:
        folder = pathlib.Path(name)
        certificates = None
        if any('SSL' in need for need in dialogue.head['needs']):
            certificates = Certificates(folder)
        namespace.add_addresses(world_of(dialogue, folder))
        far_end = FarEnd(dialogue, certificates)
        process = start(options.simulator, folder, options.dialect or dialogue.head['dialect'][0])
        port = ModulePort(os.fspath(folder / 'module'), far_end.accept_waiting)
        try:
            port.line(re.compile('ready'), False, [re.compile('.*')], STEP_LIMIT)
            play(dialogue, port, far_end, Control(folder / 'control'))
        except Failure as failure:
            for direction, data in port.transcript:
                print(direction, repr(data)[2:-1], file=sys.stderr)
            sys.exit('%s: %s' % (pathlib.Path(options.dialogue).name, failure))
        finally:
            port.close()
            process.terminate()
            process.wait(10)


if __name__ == '__main__':
    main()
