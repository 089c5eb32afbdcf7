"""A server that notifies: where, a barrier, how it does, what the arguments say, and that it
is ready when `gate` opens. `--late` among them is a start that takes long; with `--deaf`, it
accepts nobody."""

import os
import signal
import socket
import sys
import time

from listen_fds import inherited, serve

name = os.environ["NOTIFY_SOCKET"]
supervisor = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
supervisor.connect("\0" + name[1:])


def barrier():
    ours, theirs = os.pipe()
    socket.send_fds(supervisor, [b"BARRIER=1"], [theirs])
    os.close(theirs)
    assert os.read(ours, 1) == b""
    print("the barrier is passed", flush=True)


supervisor.send(b"STATUS=the caches are cold")
for text in sys.argv[1:]:
    if text == "--late":
        time.sleep(3)
        print("it is late", flush=True)
    elif text != "--deaf":
        supervisor.send(text.encode())
barrier()
print("notifies", name, flush=True)
with open("gate"):
    supervisor.send(b"READY=1\nSTATUS=the caches are warm")
if "--deaf" in sys.argv:
    signal.pause()
serve(inherited())
