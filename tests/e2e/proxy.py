"""A wire between two daemons that can be listened to, cut and held: a TCP forwarder in threads."""
import select
import socket
import threading


class Proxy:
    """Listens at .port, passes everything to 127.0.0.1:target. Records the bytes of each connection: sent by the
    caller, and answered. With limit set, a connection is cut, by a reset, once so many bytes were answered."""

    def __init__(self, target, limit=None):
        self.target, self.limit = target, limit
        self.calls = []  # [bytearray to the target, bytearray back]
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.lock, self.ended, self.open = threading.Lock(), False, set()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                caller, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.carry, args=(caller,), daemon=True).start()

    def carry(self, caller):
        try:
            target = socket.create_connection(("127.0.0.1", self.target), 10)
        except OSError:
            caller.close()
            return
        record = [bytearray(), bytearray()]
        with self.lock:
            self.calls.append(record)
            self.open |= {caller, target}
        try:
            self.pump(caller, target, record)
        except OSError:
            pass
        with self.lock:
            self.open -= {caller, target}
        caller.close()
        target.close()

    def pump(self, caller, target, record):
        ways = {caller: (target, record[0]), target: (caller, record[1])}
        while ways and not self.ended:
            for source in select.select(list(ways), [], [], 0.5)[0]:
                sink, kept = ways[source]
                data = source.recv(65536)
                if not data:
                    del ways[source]
                    sink.shutdown(socket.SHUT_WR)
                    continue
                kept += data
                sink.sendall(data)
                if self.limit is not None and len(record[1]) > self.limit:
                    return

    def cut(self):
        """Every connection ends now, in the middle of whatever it is."""
        with self.lock:
            for s in self.open:
                try:
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def close(self):
        self.ended = True
        self.socket.close()
        self.cut()


class Mute:
    """Accepts and stays silent for ever; counts its callers."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.held = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                self.held.append(self.socket.accept()[0])
            except OSError:
                return

    def close(self):
        self.socket.close()
        for s in self.held:
            s.close()
