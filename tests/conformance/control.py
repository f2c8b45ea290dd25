"""Tells the simulator to change its world (tests/simulator/control.hpp): one JSON object a line, one answer a line."""
import json
import socket

from far_end import Failure


class Control:
    def __init__(self, path):
        self.path = str(path)

    def order(self, **order):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(10)
            connection.connect(self.path)
            connection.sendall(json.dumps(order).encode() + b'\n')
            answer = json.loads(connection.makefile().readline())
        if 'error' in answer:
            raise Failure('the simulator refused %r: %s' % (order, answer['error']))
        return answer

    def join(self, ssid, password):
        self.order(do='join', ssid=ssid, password=password)
