"""A stand-in for an inference server: the protocol over HTTP, with errors on demand.

The real one is in `triton_server`.
"""

from __future__ import annotations

import json
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

from bodypart.network import INPUT, OUTPUTS
from bodypart.network.local import LocalNetwork
from shipped import MODEL

LENGTH = "Inference-Header-Content-Length"


class InferenceServer:
    """Serves the model; tests change its behaviour by its attributes."""

    def __init__(self, certificate=None):
        self.network = LocalNetwork.load(MODEL, "cpu")
        self.change = lambda answers: answers
        self.describe = lambda metadata: metadata
        self.version = "1"
        self.status = 200
        self.delay = 0.0
        self.trickle = 0.0
        self.rude = False
        self.binary = True
        self.headers = []
        self.asked = []
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        # In some tests clients go away, which is no error here.
        self._http.handle_error = lambda *_: None
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
        self.port = self._http.server_port
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self):
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def metadata(self):
        shapes = {
            name: list(rows.shape[1:])
            for name, rows in self.network.run(np.zeros((1, 1, 160, 160), np.float32)).items()
        }
        outputs = [
            {"name": name, "datatype": "FP32", "shape": [-1, *shapes[name]]} for name in OUTPUTS
        ]
        inputs = [{"name": INPUT, "datatype": "FP32", "shape": [-1, 1, 160, 160]}]
        return self.describe({"name": "bodypart", "inputs": inputs, "outputs": outputs})

    def answer(self, body, length):
        """Return body and length of its JSON part for a request's body and length of its JSON."""
        question = json.loads(body[:length])
        (tensor,) = question["inputs"]
        if "data" in tensor:
            values = np.array(tensor["data"], np.float32)
        elif self.binary:
            values = np.frombuffer(body, np.float32, offset=length)
        else:
            return None
        answers = self.change(self.network.run(values.reshape(tensor["shape"])))
        outputs, tail = [], b""
        for name, rows in answers.items():
            output = {"name": name, "datatype": "FP32", "shape": list(rows.shape)}
            if "data" in tensor:
                output["data"] = rows.ravel().tolist()
            else:
                output["parameters"] = {"binary_data_size": rows.nbytes}
                tail += np.ascontiguousarray(rows).tobytes()
            outputs.append(output)
        record = {"model_name": "bodypart", "model_version": self.version, "outputs": outputs}
        head = json.dumps(record).encode()
        return head + tail, len(head) if tail else None

    def _handler(self):
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                self._send(server.status, json.dumps(server.metadata()).encode())

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                server.headers.append(dict(self.headers))
                server.asked.append(body)
                time.sleep(server.delay)
                answer = server.answer(body, int(self.headers.get(LENGTH, len(body))))
                if server.status != 200 or answer is None:
                    self._send(max(server.status, 400), b'{"error": "not like\\nthis"}')
                else:
                    self._send(200, *answer)

            def _send(self, status, body, length=None):
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("Location", f"{server.url}/elsewhere")
                if length:
                    self.send_header(LENGTH, str(length))
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                for start in range(0, len(body), 4096) if server.trickle else ():
                    time.sleep(server.trickle)
                    self.wfile.write(body[start : start + 4096])
                if not server.trickle:
                    self.wfile.write(body)
                self.close_connection = server.rude  # without having said so

        return Handler
