"""Some traffic for a page to show: traffic.py INTERFACE SECONDS. A thousand frames of UDP a second, two hundred flows."""

import socket
import struct
import sys
import time

interface, seconds = sys.argv[1], float(sys.argv[2])
out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
out.bind((interface, 0))


def frame(number):
    payload = b"x" * 400
    udp = struct.pack("!HHHH", 20000 + number % 200, 53 + number % 7, 8 + len(payload), 0) + payload
    addresses = bytes([10, 0, number % 5, 1 + number % 20, 192, 0, 2, 1 + number % 10])
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), number & 0xFFFF, 0, 64, 17, 0)
    total = sum(struct.unpack("!10H", head + addresses))
    total = (total & 0xFFFF) + (total >> 16)
    checksum = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
    ip = head[:10] + struct.pack("!H", checksum) + addresses
    return b"\x02\0\0\0\0\1\x02\0\0\0\0\2\x08\0" + ip + udp


end = time.monotonic() + seconds
number = 0
while time.monotonic() < end:
    for _ in range(10):
        out.send(frame(number))
        number += 1
    time.sleep(0.01)
