#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A client of Leat's built-in services on kernel sockets. Exit status 0 if all went right.

checksum N                  sha256 of the body of /bytes/N: byte i is i mod 251
echo HOST PORT N            send N bytes and read them back at the same time; compare
sink HOST PORT N            send N bytes, close the sending side, wait for the other end's close
concurrent HOST PORT N      N echo connections, all open at the same time
short HOST PORT N           N short HTTP requests, each on a connection of its own, 8 at a time
halfclose HOST PORT N       close the sending side after N bytes, then read all of them back
serverclose HOST PORT       let the HTTP server close first, stay half open for a while, then close
udpecho HOST PORT N         send a datagram of N bytes, read it back; compare
pipeline HOST PORT N        N HTTP requests in one go, N answers in order
"""
import hashlib
import resource
import selectors
import socket
import sys
import threading
import time

TIMEOUT = 60
PATTERN = bytes(range(251)) * 4096


def pattern(start, n):
    """n <= 1 MB bytes of the body, from offset start."""
    at = start % 251
    return PATTERN[at:at + n]


def connect(host, port):
    s = socket.create_connection((host, port), timeout=TIMEOUT)
    s.settimeout(TIMEOUT)
    return s


def need(condition, text):
    if not condition:
        sys.exit(text)


def send_pattern(s, n):
    sent = 0
    while sent < n:
        piece = pattern(sent, min(n - sent, 1 << 18))
        s.sendall(piece)
        sent += len(piece)


def expect_pattern(s, n):
    """Read n bytes and compare each with what it must be."""
    got = 0
    while got < n:
        data = s.recv(min(n - got, 1 << 18))
        need(data, f'closed after {got} of {n} bytes')
        need(data == pattern(got, len(data)), f'wrong bytes after {got} of {n}')
        got += len(data)


def read_all(s):
    data = b''
    while piece := s.recv(1 << 16):
        data += piece
    return data


def checksum(n):
    digest, done = hashlib.sha256(), 0
    while done < n:
        piece = pattern(done, min(n - done, 1 << 18))
        digest.update(piece)
        done += len(piece)
    print(digest.hexdigest())


def echo(host, port, n):
    with connect(host, port) as s:
        sender = threading.Thread(target=send_pattern, args=(s, n), daemon=True)
        sender.start()
        expect_pattern(s, n)
        sender.join()
        s.shutdown(socket.SHUT_WR)
        need(s.recv(1) == b'', 'more bytes than were sent')


def sink(host, port, n):
    with connect(host, port) as s:
        send_pattern(s, n)
        s.shutdown(socket.SHUT_WR)
        need(s.recv(1) == b'', 'the discard service said something')


def concurrent(host, port, n):
    need(n + 64 <= resource.getrlimit(resource.RLIMIT_NOFILE)[1], 'too few file descriptors')
    resource.setrlimit(resource.RLIMIT_NOFILE, (n + 64, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    selector, all_sockets = selectors.DefaultSelector(), []
    for i in range(n):
        s = socket.socket()
        s.setblocking(False)
        s.connect_ex((host, port))
        selector.register(s, selectors.EVENT_WRITE, i)
        all_sockets.append(s)
    # Nobody talks before all are connected.
    deadline, connected = time.monotonic() + TIMEOUT, 0
    while connected < n:
        need(time.monotonic() < deadline, f'{connected} of {n} connected')
        for key, _ in selector.select(1):
            error = key.fileobj.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            need(error == 0, f'connection {key.data}: error {error}')
            selector.unregister(key.fileobj)
            connected += 1
    for i, s in enumerate(all_sockets):
        s.setblocking(True)
        s.settimeout(TIMEOUT)
        s.sendall(f'{i:08d}'.encode() * 32)
    for i, s in enumerate(all_sockets):
        got = b''
        while len(got) < 256:
            piece = s.recv(256 - len(got))
            need(piece, f'connection {i} closed early')
            got += piece
        need(got == f'{i:08d}'.encode() * 32, f'connection {i}: the bytes of another')
    for s in all_sockets:
        s.close()


def short(host, port, n):
    failures, lock, left = [], threading.Lock(), iter(range(n))

    def one():
        with connect(host, port) as s:
            s.sendall(b'GET /bytes/100 HTTP/1.1\r\nHost: leat\r\nConnection: close\r\n\r\n')
            data = read_all(s)
            need(data.startswith(b'HTTP/1.1 200') and data.endswith(b'\r\n\r\n' + pattern(0, 100)),
                 f'wrong answer {data[:60]!r}')

    def work():
        while True:
            with lock:
                i = next(left, None)
            if i is None:
                return
            try:
                one()
            except (OSError, SystemExit) as e:
                failures.append(f'connection {i}: {e}')

    threads = [threading.Thread(target=work) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    need(not failures, f'{len(failures)} of {n} failed, as ' + '; '.join(failures[:3]))


def halfclose(host, port, n):
    with connect(host, port) as s:
        sender = threading.Thread(target=lambda: (send_pattern(s, n), s.shutdown(socket.SHUT_WR)), daemon=True)
        sender.start()
        sender.join(1)          # let the close go before the first read where buffers allow it
        expect_pattern(s, n)
        need(s.recv(1) == b'', 'no close after the last byte')


def serverclose(host, port):
    with connect(host, port) as s:
        s.sendall(b'GET /bytes/1000 HTTP/1.1\r\nHost: leat\r\nConnection: close\r\n\r\n')
        data = read_all(s)
        need(data.endswith(b'\r\n\r\n' + pattern(0, 1000)), f'wrong answer {data[:60]!r}')
        time.sleep(1)           # CLOSE_WAIT here, FIN_WAIT_2 there
        need(s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0, 'reset while half open')
        s.shutdown(socket.SHUT_WR)
        time.sleep(0.3)
        need(s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0, 'reset by the last close')


def udpecho(host, port, n):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        s.settimeout(2)
        s.connect((host, port))
        data = pattern(7, n)
        for _ in range(3):
            s.send(data)
            try:
                need(s.recv(1 << 17) == data, 'wrong bytes')
                return
            except socket.timeout:
                pass
        sys.exit('no answer to 3 datagrams')


def pipeline(host, port, n):
    with connect(host, port) as s:
        last = b'GET /bytes/251 HTTP/1.1\r\nHost: leat\r\nConnection: close\r\n\r\n'
        s.sendall(b'GET /bytes/251 HTTP/1.1\r\nHost: leat\r\n\r\n' * (n - 1) + last)
        data = read_all(s)
        need(data.count(b'HTTP/1.1 200') == n and data.count(pattern(0, 251)) == n,
             f'{data.count(b"HTTP/1.1 200")} answers to {n} requests')


if __name__ == '__main__':
    globals()[sys.argv[1]](*(int(a) if a.isdigit() else a for a in sys.argv[2:]))
