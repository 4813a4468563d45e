"""Mail through the authority's own relay: one message, one attempt, nothing in it that ends a header line."""

import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from io import BufferedIOBase
from ipaddress import ip_address
from typing import Literal

from hanse.egress.addresses import why_not_public
from hanse.egress.connecting import dial_first, secure
from hanse.egress.deadline import Deadline
from hanse.egress.destination import host_name
from hanse.egress.errors import PermanentError, RefusedError, TemporaryError, UnreachableError, in_words
from hanse.egress.rules import AllowedEndpoint, Rules, checked_addresses
from hanse.kernel.clock import now_us

REPLY_BYTES = 1 << 20
"""Most bytes of replies in one session; honest ones are a few kilobytes."""

_MAILBOX = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)*[A-Za-z0-9-]{1,63}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Relay:
    """The mail server that takes the node's mail.

    Attributes:
        host: Name or address.
        port: 587 for starttls, 465 for tls, 25 for none, as a rule.
        security: `starttls` and `tls` check the certificate; `none` only to an allowed non-public address.
        user: Account, empty for none.
        password: Its password; never sent without TLS.
    """

    host: str
    port: int
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Message:
    """One mail in plain text.

    Attributes:
        sender: Mailbox that it is from.
        recipient: The one mailbox that it goes to, so that none learns of others and a retry repeats nothing.
        subject: One line.
        text: Body.
    """

    sender: str
    recipient: str
    subject: str
    text: str


def send(
    message: Message,
    relay: Relay,
    rules: Rules,
    *,
    allow: Iterable[AllowedEndpoint] = (),
    timeout_s: float = 30.0,
) -> None:
    """Hand one message to the relay.

    Args:
        message: What is sent.
        relay: To whom it is handed.
        rules: The node's rules.
        allow: Non-public addresses that may be reached.
        timeout_s: Seconds for the whole session.

    Raises:
        RefusedError: The message or the relay's address is not allowed; nothing was sent.
        UnreachableError: No connection or no TLS session; TimedOutError when the time is over.
        PermanentError: The relay refuses the message, a recipient or the password.
        TemporaryError: The relay cannot take it now.
    """
    content = composed(message)
    host = host_name(relay.host)
    deadline = Deadline.after(f"mail relay {host}", timeout_s)
    addresses = checked_addresses(host, relay.port, rules, allow, deadline)
    if relay.security == "none" and (
        relay.user or any(why_not_public(ip_address(one)) is None for one in addresses)
    ):
        raise RefusedError(
            f"Relay {host}: mail and passwords leave the house only with TLS. Set starttls or tls."
        )
    session = _Session(relay, host, addresses, rules, deadline)
    watch = threading.Timer(deadline.left_s(), session.abort)
    watch.daemon = True
    watch.start()
    try:
        _deliver(session, relay, rules, message, content)
    except ssl.SSLError as error:  # before ValueError, which a refused certificate is too
        deadline.left_s()
        raise UnreachableError(
            f"Relay {host}: no TLS session ({in_words(error)}). Check its certificate: name, issuer and dates."
        ) from error
    except (smtplib.SMTPException, OSError, ValueError) as error:
        deadline.left_s()
        raise _judged(error, host) from error
    finally:
        watch.cancel()
        session.end()


def composed(message: Message) -> bytes:
    """The message as it goes over the wire, lines ended by CR LF.

    Raises:
        RefusedError: A mailbox is none, or the subject is not one line.
    """
    for mailbox in (message.sender, message.recipient):
        if not _MAILBOX.fullmatch(mailbox):
            raise RefusedError(
                f"{mailbox[:100]!a}: no mailbox that mail can go to. Write name@domain in ASCII."
            )
    if _CONTROL.search(message.subject):
        raise RefusedError(f"The subject {message.subject[:100]!a} is not one plain line. Remove line ends.")
    mail = EmailMessage(policy=SMTP)
    mail["From"] = message.sender
    mail["To"] = message.recipient
    mail["Subject"] = message.subject
    mail["Date"] = format_datetime(datetime.fromtimestamp(now_us() / 1e6, UTC))
    mail["Message-ID"] = make_msgid(domain=_domain(message.sender))
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence notice answers it
    mail.set_content(message.text.encode("utf-8", "replace").decode("utf-8"))
    return mail.as_bytes()


def _deliver(session: "_Session", relay: Relay, rules: Rules, message: Message, content: bytes) -> None:
    """The dialogue with the relay."""
    code, words = session.connect(session.relay_host, relay.port)
    if code != 220:
        raise smtplib.SMTPConnectError(code, words)
    name = _domain(message.sender)
    session.ehlo_or_refuse(name)
    if relay.security == "starttls":
        session.starttls(context=rules.tls_context())
        session.ehlo_or_refuse(name)
    if relay.user:
        session.login(relay.user, relay.password)
    session.sendmail(message.sender, message.recipient, content)
    with suppress(smtplib.SMTPException, OSError):  # the message is taken; a lost goodbye changes nothing
        session.quit()


class _Session(smtplib.SMTP):
    """The standard library's dialogue, over a connection to a checked address."""

    def __init__(
        self, relay: Relay, host: str, addresses: list[str], rules: Rules, deadline: Deadline
    ) -> None:
        super().__init__(local_hostname="localhost", timeout=deadline.left_s())
        self._host = self.relay_host = host  # the name that STARTTLS checks the certificate for
        self._relay, self._addresses, self._rules, self._deadline = relay, addresses, rules, deadline
        self._handle: socket.socket | None = None

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        """The library's hook for connecting."""
        del timeout
        sock, _ = dial_first(host, self._addresses, port, self._rules, self._deadline)
        self._handle = sock.dup()
        if self._relay.security == "tls":
            return secure(sock, self._rules.tls_context(), host, self._deadline)
        sock.settimeout(self._deadline.left_s())
        return sock

    def getreply(self) -> tuple[int, bytes]:
        """The relay's next reply, from a reader that does not take in more than a session's share."""
        if self.file is None and self.sock is not None:
            self.file = _Capped(self.sock.makefile("rb"))
        return super().getreply()

    def ehlo_or_refuse(self, name: str) -> None:
        """Greet; a relay that does not know EHLO (RFC 5321, of 2008) has no TLS either."""
        code, words = self.ehlo(name)
        if not 200 <= code <= 299:
            raise smtplib.SMTPHeloError(code, words)

    def abort(self) -> None:
        """End the connection from another thread, whatever it is waiting for."""
        if self._handle is not None:
            with suppress(OSError):
                self._handle.shutdown(socket.SHUT_RDWR)

    def end(self) -> None:
        """Close everything."""
        self.close()
        if self._handle is not None:
            self._handle.close()


class _Capped:
    """The relay's replies, up to a cap on their sum."""

    def __init__(self, file: BufferedIOBase) -> None:
        self._file = file
        self._left = REPLY_BYTES

    def readline(self, size: int = -1) -> bytes:
        """One line; the connection counts as broken once the cap is passed."""
        line = self._file.readline(size)
        self._left -= len(line)
        if self._left < 0:
            raise OSError(f"replies of over {REPLY_BYTES:,} bytes")
        return line

    def close(self) -> None:
        """Close the reader."""
        self._file.close()


def _judged(error: Exception, host: str) -> PermanentError | TemporaryError:
    """What an error of the dialogue means for the sender of the message."""
    what, codes = f"{type(error).__name__}: {error}", [int(getattr(error, "smtp_code", 0))]
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = [code for code, _ in error.recipients.values()]
        what = ", ".join(f"{who}: {code} {words!a}" for who, (code, words) in error.recipients.items())
    if any(500 <= code <= 599 for code in codes) or isinstance(
        error, smtplib.SMTPNotSupportedError | ValueError
    ):
        return PermanentError(
            f"Relay {host} refuses ({what[:500]}). Check the recipient, account and security."
        )
    return TemporaryError(f"Relay {host} did not take the message ({what[:500]}). Try again later.")


def _domain(mailbox: str) -> str:
    return mailbox.rpartition("@")[2]
