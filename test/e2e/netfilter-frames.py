"""Sends raw frames by several devices and tells what came out, frame by frame.

    netfilter-frames.py DEVICE=ROUTER_MAC=ROUTER_IP [...]

Each line in, `DEVICE HEX`, is a frame to send; the lines out are what was received for it,
`DEVICE HEX` each, ended by `.`. Nothing is timed: behind the frame goes an ARP probe (RFC 5227
section 2.1.1), which the router answers from the same queue, so that all that it does at once
about the frame lies before the answer.
"""

import os
import select
import socket
import struct
import sys

ALL_TYPES = 3  # ETH_P_ALL
OUTGOING = 4  # PACKET_OUTGOING
PROMISCUOUS = struct.pack("HH8s", 1, 0, b"")  # PACKET_MR_PROMISC, behind the index
PROBE_MAC = bytes.fromhex("020000009a11")
LONGEST = 1 << 16
ANSWER_SECONDS = 20


class Device:
    def __init__(self, text):
        self.name, mac, address = text.split("=")
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_TYPES))
        self.socket.bind((self.name, 0))
        index = socket.if_nametoindex(self.name).to_bytes(4, sys.byteorder)
        self.socket.setsockopt(263, 1, index + PROMISCUOUS)  # SOL_PACKET, ADD_MEMBERSHIP
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.socket.setblocking(False)
        request = bytes.fromhex("0806" "0001080006040001") + PROBE_MAC + bytes(4)
        target = bytes(6) + socket.inet_aton(address)
        self.probe = bytes.fromhex(mac.replace(":", "")) + PROBE_MAC + request + target

    def received(self):
        while True:
            try:
                frame, (_, _, kind, _, _) = self.socket.recvfrom(LONGEST)
            except BlockingIOError:
                return
            if kind != OUTGOING:
                yield frame


def is_answer(frame):
    return frame[:6] == PROBE_MAC


def exchange(devices, device, frame):
    """Frames received until the probe behind `frame` is answered: (device, bytes)."""
    device.socket.send(frame)
    device.socket.send(device.probe)
    found = []
    answered = False
    while not answered:
        ready, _, _ = select.select([device.socket], [], [], ANSWER_SECONDS)
        if not ready:
            raise SystemExit("netfilter-frames: " + device.name + ": no answer to a probe")
        for each in devices:
            for got in each.received():
                if is_answer(got):
                    answered = True
                else:
                    found.append((each, got))
    return found


def main():
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # one queue of received frames
    devices = [Device(text) for text in sys.argv[1:]]
    by_name = {device.name: device for device in devices}
    print("ready", flush=True)
    for line in sys.stdin:
        name, text = line.split()
        for device, got in exchange(devices, by_name[name], bytes.fromhex(text)):
            print(device.name, got.hex())
        print(".", flush=True)


main()
