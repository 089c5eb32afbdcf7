"""A server that takes LISTEN_FDS, and says nothing. With --blocking, it waits in accept."""

import os
import select
import signal
import socket
import sys

from app import body


def inherited():
    assert os.environ["LISTEN_PID"] == str(os.getpid()) and os.environ["LISTEN_FDS"] == "1"
    return socket.socket(fileno=3)


def answer(connection):
    with connection:
        connection.setblocking(True)
        request = b""
        while b"\r\n\r\n" not in request:
            received = connection.recv(4096)
            if not received:
                return
            request += received
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body())}\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode() + body())


def serve(listener, every=None, meanwhile=lambda: None):
    readable, writable = os.pipe()
    os.set_blocking(writable, False)
    signal.set_wakeup_fd(writable)
    for number in (signal.SIGTERM, signal.SIGQUIT):
        signal.signal(number, lambda *_: None)
    while True:
        ready, _, _ = select.select([listener, readable], [], [], every)
        meanwhile()
        if readable in ready:
            number = os.read(readable, 1)[0]
            if number in (signal.SIGTERM, signal.SIGQUIT):
                print("stopped by", signal.Signals(number).name, flush=True)
                return
        if listener not in ready:
            continue
        try:
            answer(listener.accept()[0])
        except BlockingIOError:
            pass  # another worker was faster


def serve_blocking(listener):
    assert os.get_blocking(listener.fileno()), "the listener does not block"
    listener.settimeout(None)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    while True:
        answer(listener.accept()[0])


if __name__ == "__main__":
    (serve_blocking if "--blocking" in sys.argv else serve)(inherited())
