#!/usr/bin/env python3
"""Plays one dialogue (dialogues/FORMAT.md) against espat-sim and judges every byte that the module sends.

  run_dialogue.py SIMULATOR DIALOGUE [--dialect NAME]

The simulator is a fresh module on a pty; the far ends that the dialogue needs are real sockets in a namespace of their own.
Exit status 1, with the transcript, if the module says anything else than the dialogue.
"""
import argparse
import contextlib
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
from broker import Broker  # noqa: E402
from control import Control  # noqa: E402
from far_end import Certificates, FarEnd, Failure  # noqa: E402
from module_port import ModulePort  # noqa: E402

STEP_LIMIT = 20.0  # seconds for a line; joins and scans take a few


# Where the guide's text is not what the released library prints (message-shapes, QUIRKS 9): what is played instead of a step.
READ_AS = {
    ('4.3.2', 'B', '{cccd} 2 "\\x02\\x00"'): b'02',
    ('4.3.3', 'D', '12'): b'\x01\x00',
    ('4.3.3', 'M', '+WRITE:0,1,6,1,2,12'): '+WRITE:0,1,6,1,2,01',
}


def words(text):
    return dict(w.split('=', 1) for w in re.findall(r'\w+=(?:"[^"]*"|\S+)', text))


BROKER = re.compile(r'MQTT broker (tcp|tls|ws|wss)://([^:/]+):(\d+)\S*(.*)')
BROKER_ADDRESS = '192.168.3.102'  # of a broker that the dialogue knows by name


def roles_of(dialogue):
    return dialogue.head['roles'][0].split() if dialogue.head['roles'] else ['module']


def world_of(dialogue, folder, number):
    """Writes the world file of the module with this number, from 0. Returns the addresses that must exist."""
    points, addresses = [], ['192.168.4.1', '192.168.4.2']
    devices = []
    world = {'access-points': points, 'bluetooth': {'peers': devices}, 'timing': {'boot-ms': 50, 'associate-ms': 20, 'dhcp-ms': 20, 'time-update-ms': 20}}
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
        elif kind == 'module' and 'wifi=connected' in need and not points:
            points.append({'ssid': 'joined', 'dhcp': {'address': '192.168.3.%d' % (112 + number), 'gateway': '192.168.3.1',
                                                      'netmask': '255.255.255.0'}})
            addresses.append(points[-1]['dhcp']['address'])
        elif kind == 'BLE' and 'addr' in keys:
            devices.append({'address': keys['addr'], 'address-type': int(keys.get('type', 0)), 'rssi': int(keys.get('rssi', -50)),
                            'advertisement': keys.get('adv', ''), 'advertises': 'role' not in keys})
        elif kind == 'module' and 'ble_addr' in keys and roles_of(dialogue)[number] in need.split():
            world['bluetooth']['address'] = keys['ble_addr']
        elif broker := BROKER.match(need):
            host = broker[2]
            if not re.fullmatch(r'[\d.]+', host):
                world['dns'] = {'records': {host: BROKER_ADDRESS}}
            addresses.append(BROKER_ADDRESS)
        addresses += re.findall(r'(?:server|peer) (\d+\.\d+\.\d+\.\d+):', need)
    if needs_certificates(dialogue):
        world['certificates'] = {name + '.' + str(i): file for i in (0, 1) for name, file in (
            ('client_cert', 'client.pem'), ('client_key', 'client.key'), ('client_ca', 'authority.pem'),
            ('server_cert', 'server.pem'), ('server_key', 'server.key'), ('server_ca', 'authority.pem'),
            ('mqtt_cert', 'client.pem'), ('mqtt_key', 'client.key'), ('mqtt_ca', 'authority.pem'))}
    (folder / ('world%d.json' % number)).write_text(json.dumps(world))
    return addresses


def needs_certificates(dialogue):
    return any('SSL' in need or re.search(r'broker (tls|wss)', need) for need in dialogue.head['needs'])


def broker_host(dialogue):
    return next((match[2] for match in map(BROKER.match, dialogue.head['needs']) if match), None)


def start_broker(dialogue, folder):
    for match in filter(None, map(BROKER.match, dialogue.head['needs'])):
        scheme, host, port, rest = match.groups()
        keys = words(rest)
        return Broker(host if re.fullmatch(r'[\d.]+', host) else BROKER_ADDRESS, int(port),
                      user=(keys['user'], keys['pwd']) if 'user' in keys else None,
                      certificates=folder if scheme in ('tls', 'wss') else None, verify='verify=client' in rest,
                      websockets=scheme in ('ws', 'wss'))
    return None


def act_on_broker(verb, topic, data, broker, watchers):
    if verb == 'send':
        broker.publish(topic, data)
        return
    got = watchers[topic].message()[3]
    if got != data:
        raise Failure('the broker was told %r, not %r' % (got, data))


def act(step, bound, far_end, control):
    verb, positional, keys = step.x
    fill = lambda text: re.sub(r'\{(\w+)\}', lambda m: bound[m.group(1)], text)  # noqa: E731
    if verb == 'connect' and positional[0].startswith('ble:'):
        control.order(do='ble-connect', address=keys['from'])
    elif verb == 'connect':
        far_end.connect(fill(positional[0]), keys.get('link'), keys.get('from'))
    elif verb == 'send':
        far_end.peer(fill(positional[0])).send(positional[1])
    elif verb == 'expect':
        far_end.peer(fill(positional[0])).expect(positional[1])
    elif verb == 'join':
        control.join(keys['ssid'], keys.get('pwd', ''))
    else:
        raise Failure('this runner cannot do "X %s"' % step.text)


def play_scan(steps, port, bound, may):
    """Results come in any order, again, and mixed with others (FORMAT.md); the next step waits until the scan has ended."""
    missing = [step.text for step in steps]
    while missing:
        text = port.line(re.compile(r'\+BLESCAN:.*'), False, may, STEP_LIMIT).group()
        for pattern in list(missing):
            match = check.compile_pattern(pattern, bound)[0].fullmatch(text)
            if match:
                bound.update(match.groupdict())
                missing.remove(pattern)
    port.line(re.compile(r'\+BLESCANDONE'), False, [*may, re.compile(r'\+BLESCAN:.*')], STEP_LIMIT)


def play(dialogue, modules, far_end, broker):
    section = re.search(r' section (\S+)', dialogue.head['source'][0])[1]
    bound, may, said_ok, asked_for_time = {}, [], False, False
    may_lines = list(dialogue.may)
    watched = [s.x[1][0][5:] for s in dialogue.steps if s.kind == 'X' and s.x[0] == 'expect' and s.x[1][0].startswith('mqtt:')]
    watchers = {topic: broker.watch(topic) for topic in set(watched)}
    scan = []
    for step, following in zip(dialogue.steps, [*dialogue.steps[1:], None]):
        port, control = modules.get(step.role) or next(iter(modules.values()))
        while may_lines and may_lines[0][0] < step.line:
            may.append(check.compile_pattern(may_lines.pop(0)[2])[0])
        data = READ_AS.get((section, step.kind, step.text), step.data if step.kind in 'DB' else step.text)
        if step.kind == 'M' and step.text.startswith('+BLESCAN:'):
            scan.append(step)
            if following is None or not following.text.startswith('+BLESCAN:'):
                play_scan(scan, port, bound, may)
                scan = []
            continue
        try:
            if step.kind == 'H':
                port.command(step.text)
                said_ok = False
                asked_for_time = step.text.startswith('AT+CIPSNTPCFG=1')
            elif step.kind == 'D':
                if step.data == b'+++':
                    time.sleep(0.05)  # the guard before it; FORMAT.md asks for 20 ms
                port.write(data)
            elif step.kind == 'M':
                pattern, _, is_open = check.compile_pattern(data, bound)
                bound.update(port.line(pattern, is_open, may, STEP_LIMIT).groupdict())
                said_ok = step.text == 'OK'
                if asked_for_time and said_ok:
                    # What the examples go on with is the real time; typed earlier, the next command's echo could be cut (A.4).
                    port.line(re.compile(r'\+TIME_UPDATED'), False, may, STEP_LIMIT)
                    asked_for_time = False
            elif step.kind == 'P':
                port.prompt(not said_ok, STEP_LIMIT)
            elif step.kind == 'B':
                got = port.count(step.n, STEP_LIMIT)
                if data is not None and got != data:
                    raise Failure('expected the bytes %r, got %r' % (data, got))
            elif step.kind == 'W':
                time.sleep(step.n / 1000)
            elif step.kind == 'X' and step.x[1] and step.x[1][0].startswith('mqtt:'):
                act_on_broker(step.x[0], step.x[1][0][5:], step.x[1][1], broker, watchers)
            elif step.kind == 'X':
                act(step, bound, far_end, control)
        except (Failure, OSError, AssertionError) as failure:
            raise Failure('line %d, "%s %s": %s' % (step.line, step.kind, step.text, failure)) from None
    for port, _ in modules.values():
        port.nothing_more(may)


class Modules:
    """The modules of a dialogue, one simulator each, joined where the dialogue wants them so."""

    def __init__(self, simulator, folder, dialogue, dialect, between):
        self.processes, self.by_role = [], {}
        for number, role in enumerate(roles_of(dialogue)):
            file = lambda name: folder / ('%s%d' % (name, number))  # noqa: B023,E731
            process = subprocess.Popen(
                [simulator, '--world', folder / ('world%d.json' % number), '--link', file('module'), '--dialect', dialect,
                 '--nvs', file('nvs'), '--control', file('control'), '--ether', folder / 'ether'], stdout=subprocess.PIPE)
            self.processes.append(process)
            if not select.select([process.stdout], [], [], 10)[0] or not process.stdout.readline():
                raise Failure('the simulator did not start')
            port = ModulePort(os.fspath(file('module')), between)
            self.by_role[role] = (port, Control(file('control')))
            port.line(re.compile('ready'), False, [re.compile('.*')], STEP_LIMIT)
            need = [n for n in dialogue.head['needs'] if n.startswith('module') and 'wifi=connected' in n]
            if any(role in n.split() or len(self.by_role) == 1 == len(roles_of(dialogue)) for n in need):
                for command in ('AT+CWMODE=1', 'AT+CWJAP="joined",""'):
                    port.command(command)
                    port.line(re.compile('OK'), False, [re.compile('WIFI .*')], STEP_LIMIT)

    def stop(self):
        for port, _ in self.by_role.values():
            port.close()
        for process in self.processes:
            process.terminate()
            process.wait(10)


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
    with tempfile.TemporaryDirectory(prefix='espat-dialogue-') as name, contextlib.ExitStack() as last:
        folder = pathlib.Path(name)
        certificates = None
        if needs_certificates(dialogue):
            certificates = Certificates(folder, server=broker_host(dialogue) or 'host.test')
        addresses = [world_of(dialogue, folder, number) for number in range(len(roles_of(dialogue)))]
        namespace.add_addresses(sum(addresses, []))
        broker = start_broker(dialogue, folder)
        if broker:
            last.callback(broker.close)
        far_end = FarEnd(dialogue, certificates)
        modules = Modules(options.simulator, folder, dialogue, options.dialect or dialogue.head['dialect'][0],
                          far_end.accept_waiting)
        last.callback(modules.stop)
        try:
            play(dialogue, modules.by_role, far_end, broker)
        except Failure as failure:
            for role, (port, _) in modules.by_role.items():
                for direction, data in port.transcript:
                    print(role, direction, repr(data)[2:-1], file=sys.stderr)
            sys.exit('%s: %s' % (pathlib.Path(options.dialogue).name, failure))


if __name__ == '__main__':
    main()
