"""Reads recordings/*.recording: what a real module was heard to say, with what has to happen around it.

A file holds sections, each on a module of its own that has just booted and joined the recorded access point:

    === A.3 echo and the data phase      a section; the name is that of reference/measured-esp32-v4.1.0.0-dev.md
    ;  remark                            ours: why a line is left out, …
    #  remark                            of the one who recorded
    >    0  AT\\r\\n                       the host writes; VERBATIM from the recording, the number is the recorded time in ms
    <    2  \\r\\nOK\\r\\n                   the module writes; VERBATIM
    !  action                            ours: what the remark before it means (run_recording.py lists the actions)

Bytes are escaped as in a Python bytes literal. Over 400 bytes the recording keeps the two ends and the length only. A host's
middle is known, because payload is a fixed pattern; of a module's, the ends and the length are compared.
"""
import re

ELISION = re.compile(r'^(.*?) <\.\.\. (\d+) bytes in all ?(?:\.\.\.> ?(.*)|(; the rest was not kept)>)$', re.S)
SPECIAL = re.compile(r'pattern\((?:(\d+)\.\.)?(\d+)\)')


def pattern(size):
    """The printable payload that the recorder used."""
    return bytes(32 + 7 * i % 95 for i in range(size))


def unescape(text):
    return re.sub(rb'\\(x[0-9a-fA-F]{2}|.)',
                  lambda m: {b'r': b'\r', b'n': b'\n', b't': b'\t', b'\\': b'\\'}.get(m[1]) or bytes([int(m[1][1:], 16)]),
                  text.encode())


def action_bytes(text):
    """Bytes of an action: escaped text, pattern(SIZE) or pattern(FROM..TO)."""
    match = SPECIAL.fullmatch(text)
    return pattern(int(match[2]))[int(match[1] or 0):] if match else unescape(text)


class Expected:
    """What the module says: all of it, or its ends and its length."""

    def __init__(self, text):
        match = ELISION.match(text)
        self.whole = None if match else unescape(text)
        if match:
            self.head, self.length, self.tail = unescape(match[1]), int(match[2]), unescape(match[3] or '')

    def __repr__(self):
        return repr(self.whole) if self.whole is not None else '%r … %d bytes … %r' % (self.head, self.length, self.tail)


def written(text):
    """What the host writes. The middle of a long one is the pattern or the last character before the gap."""
    match = ELISION.match(text)
    if not match:
        return unescape(text)
    head, size, tail = unescape(match[1]), int(match[2]), unescape(match[3] or '')
    data = pattern(size)
    if not (data.startswith(head) and data.endswith(tail)):
        data = head + head[-1:] * (size - len(head) - len(tail)) + tail
    return data


class Step:
    def __init__(self, number, kind, text):
        self.number, self.kind, self.text = number, kind, text  # kind: one of > < !


class Section:
    def __init__(self, title):
        self.title = title
        self.name = title.split(' ', 1)[0] if not title.startswith('X') else title
        self.steps = []


def read(path):
    sections = []
    for number, line in enumerate(path.read_text().split('\n'), 1):
        if line.startswith('=== '):
            sections.append(Section(line[4:]))
        elif line[:1] in ('>', '<'):
            sections[-1].steps.append(Step(number, line[0], re.sub(r'    \(last byte at \d+\)$', '', line[10:])))
        elif line[:1] == '!':
            sections[-1].steps.append(Step(number, '!', line[1:].strip()))
        elif line and line[0] not in '#;':
            raise ValueError('%s:%d: what is this: %s' % (path, number, line))
    return sections


# What may differ (issue 2: addresses, counters and versions aside). Applied to both sides.
MASKS = [
    (re.compile(rb'(\+(?:CIPSTATE|CIPSTATUS|LINK_CONN):[^\r]*)'),
     lambda m: re.sub(rb'\b(3[3-9]\d{3}|[4-6]\d{4}|32[89]\d\d|327[7-9]\d|3276[89])\b', b'<port>', m[1])),
    (re.compile(rb'\+SYSRAM:\d+,\d+'), b'+SYSRAM:<ram>'),
    (re.compile(rb'\+SYSTIMESTAMP:\d+'), b'+SYSTIMESTAMP:<time>'),
    (re.compile(rb'\d\d:\d\d:\d\d 1970'), b'<time> 1970'),
    (re.compile(rb'\+PING:\d+'), b'+PING:<ms>'),
    (re.compile(rb'(\+CWJAP:"[^"]*","[^"]*",\d+,)-\d+'), rb'\1<rssi>'),
]


def masked(data):
    for expression, replacement in MASKS:
        data = expression.sub(replacement, data)
    return data
