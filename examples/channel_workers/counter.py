"""A shared worker: answers each number with the sum of all that it was sent, by whomever.

    coworker shared start unix:/tmp/counter.sock -- python3 counter.py

The listening socket is descriptor 3. A message that is not a number, a stop or a query closes its connection.
"""

import hmac
import json
import os
import selectors
import socket


class Counter:
    def __init__(self):
        self.sum, self.messages, self.stopping = 0, 0, False

    def answer(self, message, cookie):
        """What to say to a message; None: nothing."""
        if isinstance(message, dict) and len(message) == 1:
            (key, given), = message.items()
            privileged = bool(cookie) and isinstance(given, str) and hmac.compare_digest(given, cookie)
            if key == "_stop_":
                self.stopping = self.stopping or privileged
                return None
            if key == "_query_":
                text = f"the sum is {self.sum if privileged else 'a secret'}"
                counter = {"name": "messages", "value": self.messages, "unit": "c", "min": 0, "max": None}
                return {"_status_": {"textStatus": text, "counters": [counter]}}
        self.sum += int(message)
        self.messages += 1
        return self.sum


def serve(listener, cookie):
    counter, decoder, selector = Counter(), json.JSONDecoder(), selectors.DefaultSelector()
    masters = {}
    selector.register(listener, selectors.EVENT_READ)
    while not counter.stopping or masters:
        for key, _ in selector.select():
            if key.fileobj is listener:
                master, _ = listener.accept()
                masters[master] = ""
                selector.register(master, selectors.EVENT_READ)
                continue
            master, was_stopping = key.fileobj, counter.stopping
            try:
                data = master.recv(65536)
                masters[master] += data.decode()
                while "\n" in masters[master]:
                    line, masters[master] = masters[master].split("\n", 1)
                    # Blank lines are nothing; several values may share a line.
                    while line.strip():
                        message, end = decoder.raw_decode(line.strip())
                        line = line.strip()[end:]
                        reply = counter.answer(message, cookie)
                        if reply is not None:
                            master.sendall((json.dumps(reply) + "\n").encode())
            except (ValueError, TypeError, OSError):
                data = b""
            # Who stopped it is told by the end of the connection.
            if not data or counter.stopping != was_stopping:
                selector.unregister(master)
                del masters[master]
                master.close()
            if counter.stopping and listener.fileno() >= 0:
                address = listener.getsockname()
                selector.unregister(listener)
                listener.close()
                if isinstance(address, str):
                    os.unlink(address)


if __name__ == "__main__":
    serve(socket.socket(fileno=3), os.environ.get("COWORKER_ADMIN_COOKIE", ""))
