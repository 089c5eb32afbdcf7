"""A worker that breaks the protocol, among good ones.

Arguments: the good worker's script, the address, and a file that says what to do: nothing, or `NAME rising`, or
`NAME serving`. Slot 1 does it; all others, and whoever finds nothing there, are good workers.
"""
import json
import os
import runpy
import socket
import struct
import sys

good, address, plan = sys.argv[1:4]
number, _, _ = os.environ["HEIRLOOM_CHANNEL"].partition(":")
channel = socket.socket(fileno=os.dup(int(number)))
port = int(address.rpartition(":")[2])
HELLO = {"act": "hello", "version": 1, "program": "hostile", "seq": 0}
QUERY = {"act": "queryServer", "address": "127.0.0.1", "port": port, "addressType": 4}


def say(message, fds=()):
    packet = message if isinstance(message, bytes) else json.dumps(message).encode()
    socket.send_fds(channel, [packet], fds)


def hear():
    packet, fds, _, _ = socket.recv_fds(channel, 65536, 8)
    for fd in fds:
        os.close(fd)
    if not packet:
        raise BrokenPipeError
    return json.loads(packet)


def flood(messages, reads=False):
    for seq, message in enumerate(messages):
        say({**message, "seq": seq})
        if reads:
            hear()


def of_length(length, before, after):
    return before + b"x" * (length - len(before) - len(after)) + after


def lingering():
    """A connection whose closing waits for an hour."""
    listener = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(listener.getsockname())
    client.setblocking(False)
    try:
        while True:
            client.send(b"x" * 65536)
    except BlockingIOError:
        pass
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 3600))
    fd = os.dup(client.fileno())
    client.close()
    os.dup2(listener.fileno(), 200)  # it stays open, and never reads
    return fd


def pass_lingering(packet, count):
    fd = lingering()
    say(packet, [fd] * count)
    os.close(fd)


def forever(message):
    while True:
        yield message


def hosts():
    while True:
        for host in range(1, 2**24):
            yield f"127.{host >> 16}.{host >> 8 & 255}.{host & 255}"


STATUS = {"act": "status", "text": "\x1b[2J" + "x" * 60_000}
LONG = {"act": "queryServer", "port": 1, "addressType": 4, "address": "x" * 60_000}
UNHEARD_OF = {"act": "y" * 60_000}
# What a master that repeats the address in a refusal cannot say in one packet.
LONGEST = of_length(65536, b'{"act":"queryServer","port":1,"addressType":4,"address":"', b'"}')

# Before hello.
BEFORE = {
    "rubbish": lambda: say(os.urandom(500)),
    "no-object": lambda: say(b"[" * 60_000),
    "half": lambda: say(json.dumps(HELLO).encode()[:20]),
    "nothing": lambda: say(b""),
    "oversized": lambda: say(of_length(65537, b'{"act":"hello","version":1,"program":"', b'"}')),
    "truncated": lambda: say(of_length(100_000, b'{"act":"hello","version":1,"program":"', b'"}')),
    "unannounced": lambda: say({"act": "ready", "seq": 0}),
    "1-descriptor": lambda: say(HELLO, [1]),
    "8-descriptors": lambda: say(HELLO, [0, 1, 2] * 2 + [1, 2]),
    "20-descriptors": lambda: say(HELLO, [1] * 20),
    "253-descriptors": lambda: say(HELLO, [1] * 253),
    "itself": lambda: [say(HELLO, [channel.fileno()]) for _ in range(20)],
    "lingering-descriptor": lambda: pass_lingering(HELLO, 1),
    "20-lingering-descriptors": lambda: pass_lingering(HELLO, 20),
    "lingering-behind-rubbish": lambda: (say(b"rubbish"), pass_lingering(HELLO, 1)),
    "lingering-without-words": lambda: pass_lingering(b"", 1),
}
# After hello.
AFTER = {
    "deaf": lambda: flood(forever(QUERY)),
    "greedy": lambda: flood(forever(QUERY), reads=True),
    "deaf-ear": lambda: (channel.shutdown(socket.SHUT_RD), flood(forever(QUERY))),
    "guesses": lambda: flood(({**QUERY, "address": host} for host in hosts()), reads=True),
    "refused": lambda: flood(forever(LONG), reads=True),
    "longest": lambda: [say(LONGEST) and hear() for _ in range(1000)],
    "talkative": lambda: flood(forever(STATUS)),
    "unheard-of": lambda: flood(forever(UNHEARD_OF)),
    "wrong-field": lambda: say({"act": "close", "seq": 1}),
    "always-ready": lambda: flood(forever({"act": "ready"})),
    "unasked": lambda: say({"ack": 7, "accepted": True, "seq": 1}),
}


def misbehave(name, when):
    if when == "serving" or name in AFTER:
        say(HELLO)
    if when == "serving":
        say({"act": "ready", "seq": 1})
        while hear().get("act") != "promoted":
            pass
        os.remove(plan)
    {**BEFORE, **AFTER}[name]()
    try:
        while True:
            hear()
    except OSError:
        pass
    input_that_never_comes, _ = os.pipe()
    os.read(input_that_never_comes, 1)


name = ""
if os.environ["HEIRLOOM_SLOT"] == "1" and os.path.exists(plan):
    with open(plan) as file:
        name, _, when = file.read().strip().partition(" ")
if name:
    try:
        misbehave(name, when)
    except OSError:
        os.read(os.pipe()[0], 1)  # cut off; wait for the end
channel.close()
sys.argv = [good, address]
runpy.run_path(good, run_name="__main__")
