"""A small server that takes its socket from heirloom and tells which generation answers.

    heirloom run -c examples/rollouts/canary.toml
    curl http://127.0.0.1:8000/
"""

import http.server
import os
import signal
import socket
import threading


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"generation {os.environ.get('HEIRLOOM_GENERATION', '?')}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = False  # what was accepted is answered before we end

    def server_bind(self):
        self.socket = socket.socket(fileno=3)  # LISTEN_FDS: the first descriptor that is ours
        self.server_name, self.server_port = self.socket.getsockname()[:2]

    def server_activate(self):
        pass  # heirloom listens already


server = Server(("", 0), Answer)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever()
server.server_close()
