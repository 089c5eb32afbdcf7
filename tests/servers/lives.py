"""A server that says that it lives, four times as often as it must, until SIGUSR1; with
`--silent`, never. The worker in slot 1 is ready when `gate` opens."""

import os
import signal
import socket
import sys

from listen_fds import inherited, serve

supervisor = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
supervisor.connect("\0" + os.environ["NOTIFY_SOCKET"][1:])
assert os.environ["WATCHDOG_PID"] == str(os.getpid())
said = 0
speaks = "--silent" not in sys.argv


def fall_silent(*_):
    global speaks
    speaks = False


def live():
    global said
    if speaks:
        supervisor.send(b"WATCHDOG=1")
        said += 1
        print("it has said that it lives:", said, flush=True)


signal.signal(signal.SIGUSR1, fall_silent)
if os.environ["HEIRLOOM_SLOT"] == "1":
    open("gate").close()
supervisor.send(b"READY=1")
serve(inherited(), int(os.environ["WATCHDOG_USEC"]) / 4e6, live)
supervisor.send(b"STOPPING=1")
