"""Bluetooth LE against peers of the world and against another simulator (guide 3.4 and 4.3, message-shapes, QUIRKS 8, 9, 62, 140)."""

import os
import tempfile
import unittest

from module import WORLD, Module

THERMOMETER = {
    "address": "5b:3b:6c:51:90:49", "address-type": 1, "rssi": -87, "interval-ms": 20,
    "advertisement": "02011a020a0c0aff4c001005071c3024dc", "scan-response": "0409616263",
    "services": [
        {"uuid": "1800", "characteristics": [{"uuid": "2A00", "properties": ["read"], "text": "abc"}]},
        {"uuid": "6e400001-b5a3-f393-e0a9-e50e24dcca9e", "characteristics": [
            {"uuid": "2A1C", "properties": ["read", "notify"], "value": "0d0a00", "notify-every-ms": 30,
             "notify-values": ["000d0a", "01"]},
            {"uuid": "C001", "properties": ["write"], "max-length": 4, "echo-to": "C002"},
            {"uuid": "C002", "properties": ["indicate"]},
            {"uuid": "C003", "properties": ["read"], "encrypted": True},
        ]},
    ],
}
BEACON = {"address": "c4:5b:be:93:ec:66", "rssi": -84, "interval-ms": 20, "advertisement": "0201060303111809095647543147572d58020a03",
          "connectable": False, "scannable": False}
ADDRESS = THERMOMETER["address"]


def world(**own):
    return {**WORLD, "bluetooth": {"initialise-ms": 20, "peers": [THERMOMETER, BEACON], **own}}


class Central(unittest.TestCase):
    def setUp(self):
        self.module = Module(dialect="esp32c61", surroundings=world()).ready()
        self.addCleanup(self.module.close)

    def check(self, command, answer, **options):
        with self.subTest(command):
            self.assertEqual(self.module.ask(command, **options), answer)

    def connect(self):
        self.check("AT+BLEINIT=1", b"\r\nOK\r\n")
        self.check(f'AT+BLECONN=0,"{ADDRESS}",1', b'+BLECONN:0,"%s"\r\n\r\nOK\r\n' % ADDRESS.encode())

    def discover(self):
        self.module.ask("AT+BLEGATTCPRIMSRV=0")
        self.module.ask("AT+BLEGATTCCHAR=0,2")

    def test_nothing_works_before_the_role_is_set_and_the_role_stays(self):
        for command in ("AT+BLESCAN=1,1", "AT+BLEADVSTART", "AT+BLENAME?", f'AT+BLECONN=0,"{ADDRESS}"', "AT+BLEGATTSSRV?"):
            self.check(command, b"\r\nERROR\r\n")
        self.check("AT+BLECONN?", b"\r\nOK\r\n")
        self.check("AT+BLEINIT?", b"+BLEINIT:0\r\n\r\nOK\r\n")
        self.check("AT+BLEINIT=1", b"\r\nOK\r\n")
        self.check("AT+BLEINIT=2", b"\r\nERROR\r\n")
        self.check("AT+CIPMODE=1", b"\r\nERROR\r\n")
        self.check("AT+BLEADVSTART", b"\r\nERROR\r\n")

    def test_an_active_scan_reports_advertisement_and_scan_response_apart(self):
        self.module.ask("AT+BLEINIT=1")
        self.check("AT+BLESCANPARAM=1,0,0,100,50", b"\r\nOK\r\n")
        self.check("AT+BLESCANPARAM?", b"+BLESCANPARAM:1,0,0,100,50\r\n\r\nOK\r\n")
        self.module.write(b"AT+BLESCAN=1,1\r\n")
        got = self.module.until(b"+BLESCANDONE\r\n").split(b"\r\n")
        self.assertEqual(got[:2], [b"", b"OK"])
        self.assertEqual(set(got[2:]), {
            b'+BLESCAN:"5b:3b:6c:51:90:49",-87,02011a020a0c0aff4c001005071c3024dc,,1', b'+BLESCAN:"5b:3b:6c:51:90:49",-87,,0409616263,1',
            b'+BLESCAN:"c4:5b:be:93:ec:66",-84,0201060303111809095647543147572d58020a03,,0', b"+BLESCANDONE", b""})

    def test_a_scan_hears_no_more_than_the_line_carries(self):
        crowd = [{**BEACON, "address": f"c0:de:00:00:00:{number:02x}"} for number in range(50)]  # 100 kB a second
        module = Module(dialect="esp32c61", surroundings=world(peers=crowd, **{"repeat-ms": 0})).ready()
        self.addCleanup(module.close)
        module.ask("AT+BLEINIT=1")
        module.write(b"AT+BLESCAN=1,2\r\n")
        heard = module.until(b"+BLESCANDONE\r\n", limit=60)
        # What the line carries in two seconds, the transmit buffer, and what one round through the crowd says; without a bound 200 kB.
        self.assertLess(len(heard), 2 * 11520 + 8192 + 50 * 100 + 20000)
        self.assertGreater(len(heard), 8192)
        for line in heard.split(b"\r\n"):
            self.assertRegex(line, rb'^(\+BLESCAN:"c0:de:00:00:00:..",-84,0201060303111809095647543147572d58020a03,,0|\+BLESCANDONE|OK|)$')

    def test_filters_let_one_device_through(self):
        self.module.ask("AT+BLEINIT=1")
        for command in ('AT+BLESCAN=1,1,1,"C4:5B:BE:93:EC:66"', 'AT+BLESCAN=1,1,2,"VGT1GW-X"'):
            self.module.write(command.encode() + b"\r\n")
            got = self.module.until(b"+BLESCANDONE\r\n")
            self.assertIn(b"c4:5b:be:93:ec:66", got)
            self.assertNotIn(b"5b:3b:6c:51:90:49", got)

    def test_discovery_reading_and_writing_answer_as_the_library_prints(self):
        self.connect()
        self.check("AT+BLEGATTCCHAR=0,2", b"\r\nERROR\r\n")
        self.check("AT+BLEGATTCPRIMSRV=0", b"+BLEGATTCPRIMSRV:0,1,0x1800,1\r\n"
                   b"+BLEGATTCPRIMSRV:0,2,0x6E400001B5A3F393E0A9E50E24DCCA9E,1\r\n\r\nOK\r\n")
        self.check("AT+BLEGATTCRD=0,2,1", b"\r\nERROR\r\n")
        self.check("AT+BLEGATTCCHAR=0,2", b'+BLEGATTCCHAR:"char",0,2,1,0x2A1C,0x12\r\n+BLEGATTCCHAR:"desc",0,2,1,1,0x2902\r\n'
                   b'+BLEGATTCCHAR:"char",0,2,2,0xC001,0x08\r\n+BLEGATTCCHAR:"char",0,2,3,0xC002,0x20\r\n'
                   b'+BLEGATTCCHAR:"desc",0,2,3,1,0x2902\r\n+BLEGATTCCHAR:"char",0,2,4,0xC003,0x02\r\n\r\nOK\r\n')
        self.check("AT+BLEGATTCRD=0,2,1", b"+BLEGATTCRD:0,3,\r\n\0\r\n\r\nOK\r\n")
        self.check("AT+BLEGATTCRD=0,2,2", b"\r\nERROR\r\n")
        self.check("AT+BLEGATTCRD=0,2,4", b"\r\nERROR\r\n")
        self.check("AT+BLEGATTCWR=0,2,2,,21", b"\r\nERROR\r\n")
        self.module.write(b"AT+BLEGATTCWR=0,2,2,,2\r\n")
        self.assertEqual(self.module.until(b">"), b"\r\n>")
        self.check(b"\r\n", b"\r\nOK\r\n")
        self.assertEqual(self.module.order(do="ble-heard", address=ADDRESS)["heard"], [{"written": "C001", "value": "0d0a"}])

    def subscribe(self, characteristic, value):
        self.module.write(b"AT+BLEGATTCWR=0,2,%d,1,2\r\n" % characteristic)
        self.module.until(b">")
        self.module.write(value)
        return self.module.until(b"OK\r\n", b"ERROR\r\n")

    def test_notifications_and_indications_name_the_firmwares_own_indices(self):
        self.connect()
        self.discover()
        self.assertEqual(self.subscribe(1, b"12"), b"\r\nERROR\r\n")
        self.assertEqual(self.subscribe(1, b"\1\0"), b"\r\nOK\r\n")
        got = self.module.until(b"+NOTIFY:0,3,6,1,\1\r\n")
        self.assertTrue(got.startswith(b"+NOTIFY:0,3,6,3,\0\r\n\r\n"), got)
        self.subscribe(1, b"\0\0")
        self.module.quiet(0.1)
        self.subscribe(3, b"\2\0")
        self.module.write(b"AT+BLEGATTCWR=0,2,2,,3\r\n")
        self.module.until(b">")
        self.module.write(b"\0,\n")
        self.assertEqual(self.module.until(b"OK\r\n"), b"+INDICATE:0,3,7,3,\0,\n\r\n\r\nOK\r\n")

    def test_the_mtu_is_exchanged_once(self):
        self.connect()
        self.check("AT+BLECFGMTU?", b"+BLECFGMTU:0,23\r\n\r\nOK\r\n")
        self.module.write(b"AT+BLECFGMTU=0\r\n")
        self.assertEqual(self.module.until(b"+BLECFGMTU:0,203\r\n"), b"\r\nOK\r\n+BLECFGMTU:0,203\r\n")
        self.check("AT+BLECFGMTU=0", b"\r\nERROR\r\n")

    def test_parameters_are_reported_when_they_have_changed_and_a_vanished_peer_is_lost_after_its_time(self):
        self.connect()
        self.check("AT+BLECONNPARAM?", b"+BLECONNPARAM:0,0,0,24,0,500\r\n\r\nOK\r\n")
        self.check("AT+BLECONNPARAM=0,24,24,0,6", b"\r\nERROR\r\n")
        self.module.write(b"AT+BLECONNPARAM=0,12,24,0,20\r\n")
        self.assertEqual(self.module.until(b",20\r\n"), b"\r\nOK\r\n+BLECONNPARAM:0,12,24,24,0,20\r\n")
        self.module.order(do="ble-vanish", address=ADDRESS)
        self.assertEqual(self.module.until(b'+BLEDISCONN:0,"%s"\r\n' % ADDRESS.encode())[:3], b"+BL")
        self.check("AT+BLECONN?", b"\r\nOK\r\n")

    def test_a_connection_that_fails_says_so(self):
        self.module.ask("AT+BLEINIT=1")
        self.check(f'AT+BLECONN=0,"{ADDRESS}",0,3', b"+BLECONN:0,-1\r\n\r\nERROR\r\n")
        self.check('AT+BLECONN=0,"c4:5b:be:93:ec:66",0,3', b"+BLECONN:0,-1\r\n\r\nERROR\r\n")

    def test_disconnecting_is_reported_after_the_answer(self):
        self.connect()
        self.module.write(b"AT+BLEDISCONN=0\r\n")
        self.assertEqual(self.module.until(b'9"\r\n'), b'\r\nOK\r\n+BLEDISCONN:0,"%s"\r\n' % ADDRESS.encode())
        self.check("AT+BLEDISCONN=0", b"\r\nERROR\r\n")


class Peripheral(unittest.TestCase):
    def setUp(self):
        self.module = Module(dialect="esp32c61", surroundings=world()).ready()
        self.addCleanup(self.module.close)
        self.module.ask("AT+BLEINIT=2")

    def order(self, name, **more):
        return self.module.order(do="ble-" + name, address=ADDRESS, **more)

    def test_a_phone_connects_subscribes_writes_and_reads(self):
        module = self.module
        self.assertIn("error", self.order("connect"))
        self.assertEqual(module.ask("AT+BLEADVSTART"), b"\r\nOK\r\n")
        self.order("connect")
        self.assertEqual(module.until(b",24,0,500\r\n"), b'+BLECONN:0,"5b:3b:6c:51:90:49"\r\n'
                         b"+BLECONNPARAM:0,0,0,6,0,500\r\n+BLECONNPARAM:0,0,0,24,0,500\r\n")
        self.assertEqual(module.ask("AT+BLEGATTSNTFY=0,1,6,1"), b"\r\nERROR\r\n")
        self.order("write", service=3, characteristic=6, descriptor=1, value="0100")
        self.order("write", service=3, characteristic=6, descriptor=1, value="0100")
        self.order("write", service=3, characteristic=3, value="000d0a")
        self.assertEqual(module.quiet(), b"+WRITE:0,1,6,1,2,01\r\n+WRITE:0,1,3,,3,\0\r\n\r\n")
        self.assertEqual(self.order("read", service=3, characteristic=1)["value"], "30")
        self.assertEqual(module.quiet(), b'+READ:0,"5b:3b:6c:51:90:49"\r\n')
        module.write(b"AT+BLEGATTSNTFY=0,1,6,3\r\n")
        self.assertEqual(module.until(b">"), b"\r\n>")
        self.assertEqual(module.ask(b"\0,\1"), b"\r\nOK\r\n")
        self.assertEqual(self.order("heard")["heard"], [{"notified": [3, 6], "value": "002c01"}])
        self.order("disconnect")
        self.assertEqual(module.until(b'9"\r\n'), b'+BLEDISCONN:0,"5b:3b:6c:51:90:49"\r\n')

    def test_advertising_data_is_bounded_and_composed(self):
        ask = self.module.ask
        self.assertEqual(ask('AT+BLEADVDATA="' + "00" * 32 + '"'), b"\r\nERROR\r\n")
        self.assertEqual(ask("AT+BLEADVPARAM=50,50,6,0,7,0,,"), b"\r\nOK\r\n")
        self.assertEqual(ask('AT+BLEADVDATA="' + "00" * 119 + '"'), b"\r\nOK\r\n")
        self.assertEqual(ask('AT+BLEADVDATAEX="ESP-AT","A002","0102030405",1'), b"\r\nOK\r\n")
        self.assertEqual(ask("AT+BLEADVDATAEX?"), b'+BLEADVDATAEX:"ESP-AT","A002","0102030405",1\r\n\r\nOK\r\n')
        self.assertEqual(ask("AT+BLEADVPARAM?"), b'+BLEADVPARAM:50,50,0,0,7,0,0,"00:00:00:00:00:00",1,1\r\n\r\nOK\r\n')


class TwoModules(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.server = self.start("24:0a:c4:d6:e4:46")
        self.client = self.start("7c:df:a1:b3:8d:de")
        self.server.ask("AT+BLEINIT=2")
        self.client.ask("AT+BLEINIT=1")

    def start(self, address):
        module = Module("--ether", os.path.join(self.directory.name, "ether"), dialect="esp32c61",
                        surroundings=world(address=address, peers=[])).ready()
        self.addCleanup(lambda: module.process.poll() is None and module.close())
        return module

    def connect(self):
        self.server.ask("AT+BLEADVSTART")
        self.assertEqual(self.client.ask('AT+BLECONN=0,"24:0a:c4:d6:e4:46"'), b'+BLECONN:0,"24:0a:c4:d6:e4:46"\r\n\r\nOK\r\n')
        self.server.until(b'+BLECONN:0,"7c:df:a1:b3:8d:de"\r\n')

    def test_one_is_heard_connected_read_written_and_notifies(self):
        self.server.ask('AT+BLEADVDATA="020106"')
        self.server.ask("AT+BLEADVSTART")
        self.client.write(b"AT+BLESCAN=1,1\r\n")
        self.assertIn(b'+BLESCAN:"24:0a:c4:d6:e4:46",-50,020106,,0\r\n', self.client.until(b"+BLESCANDONE\r\n"))
        self.server.ask("AT+BLEADVSTOP")
        self.connect()
        self.client.ask("AT+BLEGATTCPRIMSRV=0")
        self.assertIn(b"0xC307", self.client.ask("AT+BLEGATTCCHAR=0,3"))
        self.assertEqual(self.client.ask("AT+BLEGATTCRD=0,3,1"), b"+BLEGATTCRD:0,1,0\r\n\r\nOK\r\n")
        self.assertEqual(self.server.quiet(), b'+READ:0,"7c:df:a1:b3:8d:de"\r\n')
        for characteristic, value, command, report in ((6, b"\1\0", b"NTFY", b"+NOTIFY:0,3,6"), (7, b"\2\0", b"IND", b"+INDICATE:0,3,7")):
            self.client.write(b"AT+BLEGATTCWR=0,3,%d,1,2\r\n" % characteristic)
            self.client.until(b">")
            self.assertEqual(self.client.ask(value), b"\r\nOK\r\n")
            self.assertEqual(self.server.quiet(), b"+WRITE:0,1,%d,1,2,%02x\r\n" % (characteristic, value[0]))
            self.server.write(b"AT+BLEGATTS%s=0,1,%d,2\r\n" % (command, characteristic))
            self.server.until(b">")
            self.assertEqual(self.server.ask(b"\r\n"), b"\r\nOK\r\n")
            self.assertEqual(self.client.until(report + b",2,\r\n\r\n")[:1], b"+")

    def test_who_goes_out_of_range_is_lost_after_the_supervision_time_on_both_sides(self):
        self.connect()
        self.client.ask("AT+BLECONNPARAM=0,24,24,0,20")
        self.server.until(b",20\r\n")
        self.client.quiet()
        self.server.order(do="ble-range", on=False)
        self.assertEqual(self.client.until(b'6"\r\n'), b'+BLEDISCONN:0,"24:0a:c4:d6:e4:46"\r\n')
        self.assertEqual(self.server.until(b'e"\r\n'), b'+BLEDISCONN:0,"7c:df:a1:b3:8d:de"\r\n')

    def test_a_simulator_that_is_killed_is_lost_too_and_another_can_come(self):
        self.connect()
        self.client.ask("AT+BLECONNPARAM=0,24,24,0,20")
        self.server.until(b",20\r\n")
        self.client.quiet()
        self.server.process.kill()
        self.server.process.wait()
        self.server.process.stdout.close()
        self.assertEqual(self.client.until(b'6"\r\n'), b'+BLEDISCONN:0,"24:0a:c4:d6:e4:46"\r\n')
        self.server = self.start("24:0a:c4:d6:e4:46")
        self.server.ask("AT+BLEINIT=2")
        self.connect()
        self.client.write(b"AT+BLEDISCONN=0\r\n")
        self.assertEqual(self.server.until(b'e"\r\n'), b'+BLEDISCONN:0,"7c:df:a1:b3:8d:de"\r\n')

    def test_a_restart_is_noticed_by_silence(self):
        self.connect()
        self.client.ask("AT+BLECONNPARAM=0,24,24,0,20")
        self.server.until(b",20\r\n")
        self.client.quiet()
        self.server.ask("AT+RST")
        self.assertEqual(self.client.until(b'6"\r\n'), b'+BLEDISCONN:0,"24:0a:c4:d6:e4:46"\r\n')


if __name__ == "__main__":
    unittest.main()
