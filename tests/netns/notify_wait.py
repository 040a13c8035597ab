#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""notify_wait.py FILE COMMAND...: become COMMAND with NOTIFY_SOCKET set; FILE appears when it is ready.

The part of systemd in the sd_notify protocol, for tests. The command keeps this process id, so that the
shell can signal it and wait for it; a grandchild listens, for at most a minute.
"""
import os
import socket
import sys

path, command = sys.argv[1], sys.argv[2:]
sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
address = path + '.notify'
if os.path.exists(address):
    os.unlink(address)
sock.bind(address)
os.environ['NOTIFY_SOCKET'] = address

child = os.fork()
if child:
    os.waitpid(child, 0)
    sock.close()
    os.execvp(command[0], command)
if os.fork():
    os._exit(0)
sock.settimeout(60)
try:
    while b'READY=1' not in sock.recv(4096).split(b'\n'):
        pass
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
except OSError:
    pass
os._exit(0)
