#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Send packets that no socket would, out of c0 of the client, and print what came back.

tcp DST PORT FLAGS N        N segments with these flags (as SA), each from another source port; prints how
                            many resets came back from that port
stream DST PORT SECONDS     bare ACKs all the time; prints how many were sent
vlan ID SRC DST             ARP request and ICMP echo, both tagged; prints what answered
"""
import random
import sys
import time

from scapy.all import (ARP, ICMP, IP, TCP, AsyncSniffer, Dot1Q, Ether, Raw, conf, get_if_hwaddr,
                       getmacbyip, sendp, srp1)

DEV = 'c0'
conf.verb = 0


def frame(dst, port, flags, source_port):
    data = Raw(b'x' * 10) if 'P' in flags else b''
    return (Ether(src=get_if_hwaddr(DEV), dst=getmacbyip(dst)) / IP(dst=dst, id=random.getrandbits(16)) /
            TCP(sport=source_port, dport=port, flags=flags, seq=random.getrandbits(32),
                ack=random.getrandbits(32) if 'A' in flags else 0, window=1000) / data)


def tcp(dst, port, flags, n):
    sniffer = AsyncSniffer(iface=DEV, filter=f'tcp and src host {dst} and src port {port} and tcp[13] & 4 != 0')
    sniffer.start()
    time.sleep(0.5)
    first = random.randint(20000, 30000)
    sendp([frame(dst, port, flags, first + i) for i in range(n)], iface=DEV)
    time.sleep(0.7)
    print(len(sniffer.stop()))


def stream(dst, port, seconds):
    frames = [frame(dst, port, 'A', 20000 + i) for i in range(20)]
    sock, end, sent = conf.L2socket(iface=DEV), time.monotonic() + seconds, 0
    while time.monotonic() < end:
        for f in frames:
            sock.send(f)
        sent += len(frames)
        time.sleep(0.02)
    print(sent)


def vlan(tag, src, dst):
    mac = get_if_hwaddr(DEV)
    head = Ether(src=mac, dst='ff:ff:ff:ff:ff:ff') / Dot1Q(vlan=tag)
    answer = srp1(head / ARP(op=1, hwsrc=mac, psrc=src, pdst=dst), iface=DEV, timeout=3, retry=2)
    if answer is None or Dot1Q not in answer or answer[Dot1Q].vlan != tag:
        sys.exit(f'ARP: {answer and answer.summary()}')
    print('arp', answer[ARP].hwsrc)
    head = Ether(src=mac, dst=answer[ARP].hwsrc) / Dot1Q(vlan=tag)
    echo = head / IP(src=src, dst=dst) / ICMP(id=7, seq=1) / Raw(b'leat' * 16)
    answer = srp1(echo, iface=DEV, timeout=3, retry=2)
    if answer is None or Dot1Q not in answer or answer[Dot1Q].vlan != tag or answer[ICMP].type != 0:
        sys.exit(f'echo: {answer and answer.summary()}')
    print('echo', len(answer))


if __name__ == '__main__':
    globals()[sys.argv[1]](*(int(a) if a.isdigit() else a for a in sys.argv[2:]))
