"""A TCP proxy that does to connections what networks do; `python -m tests.federation.proxy PORT TARGET PORT` is a well one."""

import socket
import struct
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

FAULTS: Final = (
    "cut question", "cut answer", "reset", "garbage in question", "garbage in answer", "stall", "no answer",
)  # fmt: skip


@dataclass
class Fault:
    """What is done to the next connection.

    Attributes:
        what: One of `FAULTS`.
        at: After so many bytes of the question or the answer.
        seconds: How long it stalls.
    """

    what: str
    at: int = 0
    seconds: float = 2.0


@dataclass
class Proxy:
    """The proxy, in threads of this process.

    Attributes:
        target: Where it leads to.
        host: The address that it listens on.
        port: The port, once it listens.
        next: What is done to the next connections; nothing to the others.
        done: How often each fault was done.
        answered: Bytes of answers that got through.
    """

    target: tuple[str, int]
    host: str = "127.0.0.1"
    port: int = 0
    next: list[Fault] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    answered: int = 0

    def start(self) -> "Proxy":
        """Listen."""
        self._server = socket.create_server((self.host, self.port))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def stop(self) -> None:
        """Listen no more."""
        self._server.close()

    def _accept(self) -> None:
        while True:
            try:
                asker, _ = self._server.accept()
            except OSError:
                return
            fault = self.next.pop(0) if self.next else None
            threading.Thread(target=self._carry, args=(asker, fault), daemon=True).start()

    def _carry(self, asker: socket.socket, fault: Fault | None) -> None:
        if fault is not None:
            self.done[fault.what] += 1
            if fault.what == "stall":
                time.sleep(fault.seconds)
                asker.close()
                return
        try:
            asked = socket.create_connection(self.target, timeout=5)
        except OSError:
            asker.close()
            return
        asked.settimeout(None)
        there = threading.Thread(target=self._pump, args=(asker, asked, fault, "question"), daemon=True)
        there.start()
        self._pump(asked, asker, fault, "answer")
        there.join(5)
        for one in (asker, asked):
            one.close()

    def _pump(self, source: socket.socket, sink: socket.socket, fault: Fault | None, which: str) -> None:
        """Carry one direction to its end, or to what the fault makes its end."""
        gone = 0
        with suppress(OSError):
            while data := source.recv(65_536):
                kept = self._done_to(data, gone, fault, which)
                gone += len(data)
                sink.sendall(kept)
                if which == "answer":
                    self.answered += len(kept)
                if len(kept) < len(data):
                    break
        if fault is not None and fault.what == "reset":
            with suppress(OSError):  # an abortive close: the other end hears RST in place of FIN
                sink.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    @staticmethod
    def _done_to(data: bytes, gone: int, fault: Fault | None, which: str) -> bytes:
        """What gets through of some bytes; fewer of them end the direction."""
        if fault is None:
            return data
        if fault.what == "no answer":
            return b"" if which == "answer" else data
        if fault.what == f"cut {which}" or (fault.what == "reset" and which == "answer"):
            return data[: max(0, fault.at - gone)]
        if fault.what == f"garbage in {which}" and gone <= fault.at < gone + len(data):
            at = fault.at - gone
            return data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :]
        return data


if __name__ == "__main__":
    Proxy((sys.argv[2], int(sys.argv[3])), port=int(sys.argv[1])).start()
    threading.Event().wait()
