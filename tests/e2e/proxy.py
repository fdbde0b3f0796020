"""A wire between two daemons that can be listened to, cut and held: a TCP forwarder in threads."""
import select
import socket
import threading


class Call(list):
    """The bytes of one connection, [to the target, back]; and which of the two ways has gone dead (0, 1)."""

    def __init__(self):
        super().__init__([bytearray(), bytearray()])
        self.dead = set()


class Taker:
    """Takes calls at .port of 127.0.0.1; carry(caller) is run for each, in a thread of its own."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                caller, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.carry, args=(caller,), daemon=True).start()

    def close(self):
        self.socket.close()


class Proxy(Taker):
    """Listens at .port, passes everything to 127.0.0.1:target. Records the bytes of each connection: sent by the
    caller, and answered. With limit set, a connection is cut, by a reset, once so many bytes were answered, and with
    exact set not one more of them is passed on; with rate set, a connection carries no more than so many bytes a second."""

    def __init__(self, target, limit=None, rate=None, exact=False):
        self.target, self.limit, self.rate, self.exact = target, limit, rate, exact
        self.calls = []
        self.lock, self.ended, self.open = threading.Lock(), False, set()
        super().__init__()

    def carry(self, caller):
        try:
            target = socket.create_connection(("127.0.0.1", self.target), 10)
        except OSError:
            caller.close()
            return
        record = Call()
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
        ways = {caller: (target, record[0], 0), target: (caller, record[1], 1)}
        while ways and not self.ended:
            for source in select.select(list(ways), [], [], 0.5)[0]:
                sink, kept, way = ways[source]
                data = self.take(source, way in record.dead)
                if way in record.dead:
                    if not data:
                        del ways[source]
                    continue
                if not data:
                    del ways[source]
                    sink.shutdown(socket.SHUT_WR)
                    continue
                if self.exact and self.limit is not None and way == 1:
                    data = data[:max(0, self.limit + 1 - len(kept))]
                kept += data
                sink.sendall(data)
                if self.rate is not None:
                    threading.Event().wait(len(data) / self.rate)
                if self.limit is not None and len(record[1]) > self.limit:
                    return

    @staticmethod
    def take(source, dead):
        try:
            return source.recv(65536)
        except OSError:
            if not dead:
                raise
            return b""

    def swallow(self, *ways):
        """What goes to the target (0) or comes back (1) vanishes from now on, and so does its end; later connections work."""
        for record in list(self.calls):
            record.dead.update(ways)

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
        super().close()
        self.cut()


class Mute(Taker):
    """Accepts and stays silent for ever; counts its callers."""

    def __init__(self):
        self.held = []
        super().__init__()

    def carry(self, caller):
        self.held.append(caller)

    def close(self):
        super().close()
        for s in self.held:
            s.close()
