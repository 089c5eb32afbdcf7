"""A server that is given two sockets, says READY=1, and accepts from the first only."""

import os
import socket

from listen_fds import serve

assert os.environ["LISTEN_FDS"] == "2"
supervisor = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
supervisor.connect("\0" + os.environ["NOTIFY_SOCKET"][1:])
supervisor.send(b"READY=1")
serve(socket.socket(fileno=3))
