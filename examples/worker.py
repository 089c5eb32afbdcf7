#!/usr/bin/env python3
"""A worker with nothing but Python's standard library: a tiny HTTP server that loses no request in a reload.

    heirloom run --listen 127.0.0.1:8000 --workers 2 -- python3 examples/worker.py
    curl http://127.0.0.1:8000/          # and: heirloom reload

What it says to its master is in docs/protocol.md. Started without one, it binds by itself.
"""
import json, os, selectors, socket, sys, time  # noqa: E401


def take_channel():
    """The channel to the master; None where there is none, or where it was meant for our parent."""
    fd, _, inode = os.environ.get("HEIRLOOM_CHANNEL", "").partition(":")
    try:
        if os.fstat(int(fd)).st_ino != int(inode):
            return None
    except (ValueError, OSError):
        return None
    os.set_inheritable(int(fd), False)
    return socket.socket(fileno=int(fd))


class Worker:
    def __init__(self, address):
        self.selector = selectors.DefaultSelector()
        self.clients = {}  # what each has sent so far
        self.sent = 0  # messages to the master
        self.lame, self.linger, self.leave_by = False, 1.0, None
        self.channel = take_channel()
        host, _, port = address.rpartition(":")
        if self.channel is None:
            return self.listen(socket.create_server((host, int(port))))
        self.selector.register(self.channel, selectors.EVENT_READ, self.obey)
        self.say(act="hello", version=1, program=sys.argv[0])
        self.say(act="queryServer", address=host, port=int(port), addressType=6 if ":" in host else 4)

    def say(self, **message):
        self.channel.send(json.dumps({**message, "seq": self.sent}).encode())
        self.sent += 1

    def listen(self, listener):
        self.listener = listener
        self.listener.setblocking(False)
        self.selector.register(self.listener, selectors.EVENT_READ, self.accept)

    def obey(self, channel):
        """One packet from the master is one message."""
        try:
            packet, fds, _, _ = socket.recv_fds(channel, 65536, 8, socket.MSG_CMSG_CLOEXEC)
        except ConnectionResetError:  # it left something of ours unread; the end comes next
            return
        if not packet:  # the master is gone: go on serving
            return self.selector.unregister(channel)
        message = json.loads(packet)
        act = message.get("act")
        if message.get("errno"):
            sys.exit(f"the master refused: {message['message']}")
        elif "ack" in message:  # the handle comes beside the packet, or we were born with it
            self.listen(socket.socket(fileno=fds[0] if fds else message["fd"]))
            self.say(act="ready")
        elif act == "newconn":
            self.welcome(socket.socket(fileno=fds[0]))
            self.say(ack=message["seq"], accepted=True)
        elif act == "lameduck":
            self.lame, self.linger = True, message["lingerMs"] / 1000
        elif act == "resume":
            self.lame = False
        elif act == "drain" and self.leave_by is None:
            self.say(act="draining")
            self.leave_by = time.monotonic() + min(self.linger, message["graceMs"] / 1000)
            if hasattr(self, "listener"):
                self.selector.unregister(self.listener)
                self.listener.close()

    def accept(self, listener):
        try:
            self.welcome(listener.accept()[0])
        except (BlockingIOError, ConnectionAbortedError):
            pass  # another worker was faster, or the client is gone again

    def welcome(self, client):
        client.settimeout(5)
        self.clients[client] = b""
        self.selector.register(client, selectors.EVENT_READ, self.serve)

    def serve(self, client):
        try:
            data = client.recv(65536)
            self.clients[client] += data
            if not data or not self.answer_all(client):
                self.dismiss(client)
        except OSError:
            self.dismiss(client)

    def answer_all(self, client):
        """Answers each whole request; says whether the connection stays open."""
        while b"\r\n\r\n" in self.clients[client]:
            head, _, rest = self.clients[client].partition(b"\r\n\r\n")
            fields = dict(line.lower().partition(b":")[::2] for line in head.split(b"\r\n")[1:])
            length = int(fields.get(b"content-length", 0))
            if len(rest) < length:
                break
            self.clients[client] = rest[length:]
            leaves = self.lame or self.leave_by is not None or fields.get(b"connection", b"").strip() == b"close"
            body = f"{os.environ.get('HEIRLOOM_GENERATION', 'alone')} {os.getpid()}\n"
            connection = "Connection: close\r\n" if leaves else ""
            client.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n{connection}\r\n{body}".encode())
            if leaves:
                return False
        return True

    def dismiss(self, client):
        self.selector.unregister(client)
        del self.clients[client]
        client.close()

    def run(self):
        """A connection that is open at a drain may still ask once, until its time is over."""
        while self.leave_by is None or (self.clients and time.monotonic() < self.leave_by):
            timeout = None if self.leave_by is None else max(0, self.leave_by - time.monotonic())
            for key, _ in self.selector.select(timeout):
                if key.fileobj.fileno() >= 0:  # else it was closed a moment ago
                    key.data(key.fileobj)


if __name__ == "__main__":
    Worker(sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:8000").run()
