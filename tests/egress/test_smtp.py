"""Mail through a real relay on loopback: one message arrives, nothing is injected, everything ends in time."""

import asyncio
import base64
import email
import email.policy
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanse.egress.errors import PermanentError, RefusedError, TemporaryError, TimedOutError, UnreachableError
from hanse.egress.smtp import Message, Relay, composed, send
from tests.egress.servers import PUBLIC, certificate, local, local_rules, public_rules, raw_server

MAIL = Message("node@ee.example", "duty@ee.example", "Attack on 192.0.2.1", ".\nLine \u00f5\n..end\n")


@dataclass
class Post:
    """What a relay was told, and the mails that it took."""

    port: int = 0
    lines: list = field(default_factory=list)
    mails: list = field(default_factory=list)


@contextmanager
def relay(answers=None, starttls=None, tls=None):
    """A small SMTP server; `answers` replaces its reply to a command."""
    post, loop, ready = Post(), asyncio.new_event_loop(), threading.Event()

    async def talk(reader, writer):
        writer.write(b"220 relay ready\r\n")
        while line := (await reader.readline()).decode().strip():
            post.lines.append(line)
            word = line.split()[0].upper()
            if answers and word in answers:
                writer.write(answers[word] + b"\r\n")
            elif word == "EHLO":
                writer.write(
                    b"250-relay\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n"
                    if starttls
                    else b"250-r\r\n250 AUTH PLAIN\r\n"
                )
            elif word == "STARTTLS":
                writer.write(b"220 go\r\n")
                await writer.drain()
                await writer.start_tls(starttls)
            elif word == "AUTH":
                writer.write(b"235 welcome\r\n")
            elif word == "DATA":
                writer.write(b"354 go on\r\n")
                post.mails.append(await reader.readuntil(b"\r\n.\r\n"))
                writer.write(b"250 taken\r\n")
            else:
                writer.write(b"250 fine\r\n")
            await writer.drain()
        writer.close()

    async def serve():
        server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=tls)
        post.port = server.sockets[0].getsockname()[1]
        ready.set()

    def run():
        asyncio.set_event_loop(loop)
        loop.run_until_complete(serve())
        loop.run_forever()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(5)
    try:
        yield post
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)


def hand(post, message=MAIL, rules=None, **more):
    """Send over a relay without TLS on this machine."""
    send(
        message, Relay("localhost", post.port, "none"), rules or local_rules(), allow=local(post.port), **more
    )


def test_one_message_arrives_as_written():
    """Sender, recipient, subject and text are the message's, dots at the beginning of lines included."""
    with relay() as post:
        hand(post)
    (raw,) = post.mails
    got = email.message_from_bytes(raw[:-3].replace(b"\r\n..", b"\r\n."), policy=email.policy.default)
    assert (got["From"], got["To"], got["Subject"]) == (MAIL.sender, MAIL.recipient, MAIL.subject)
    assert got.get_content().replace("\r\n", "\n") == MAIL.text
    assert got["Date"].endswith("+0000")
    assert post.lines[0] == "ehlo ee.example"


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_the_password_goes_only_through_checked_tls(tmp_path, security):
    """With TLS for the right name the relay gets account and mail; with another certificate it gets neither."""
    shown, trusted = certificate(tmp_path, "relay.example")
    with relay(**{security: shown}) as post:
        there = Relay("relay.example", 25, security, "node", "pass-word")
        rules, _, dialled = public_rules([PUBLIC], port=post.port, tls=trusted)
        send(MAIL, there, rules)
        assert base64.b64encode(b"\0node\0pass-word").decode() in " ".join(post.lines)
        assert (len(post.mails), dialled) == (1, [PUBLIC])
        post.lines.clear()
        for host, context in (("other.example", trusted), ("relay.example", None)):
            wrong, _, _ = public_rules([PUBLIC], port=post.port, tls=context)
            with pytest.raises(UnreachableError, match="certificate"):
                send(MAIL, Relay(host, 25, security, "node", "pass-word"), wrong)
    assert len(post.mails) == 1
    assert not [line for line in post.lines if line.startswith(("AUTH", "mail"))]
    assert "pass-word" not in repr(there)


def test_no_starttls_no_mail():
    """A relay (or someone between) that offers no STARTTLS gets nothing."""
    with relay() as post, pytest.raises(PermanentError, match="STARTTLS"):
        send(MAIL, Relay("localhost", post.port), local_rules(), allow=local(post.port))
    assert post.mails == []


def test_mail_in_clear_stays_in_the_house():
    """Without TLS: never to a public address, and never with a password."""
    rules, _, dialled = public_rules([PUBLIC])
    for there in (Relay("relay.example", 25, "none"), Relay("localhost", 25, "none", "node", "word")):
        with pytest.raises(RefusedError, match="only with TLS"):
            send(MAIL, there, rules)
    assert dialled == []


@given(
    st.text(max_size=12),
    st.sampled_from(["\r", "\n", "\r\n", "\0", "\x85", "\u2028", "\x0b"]),
    st.text(max_size=12),
)
def test_no_field_ends_a_line(before, end, after):
    """A line end in any field of the header is refused before anything is connected to."""
    bad = f"{before}{end}{after}"
    for message in (
        Message(bad, "a@b.example", "s", ""),
        Message("a@b.example", f"a{bad}@b.example", "s", ""),
        Message("a@b.example", "a@b.example", bad, ""),
    ):
        with pytest.raises(RefusedError):
            composed(message)


@pytest.mark.parametrize(
    "mailbox", ["", "a", "a@", "@b", "a b@c", "a@b,c@d", "<a@b>", "a@b> SIZE=1", "\u00e4@b", "a@b\n"]
)
def test_a_mailbox_is_one_mailbox(mailbox):
    """Lists, names, brackets and letters outside ASCII are no mailbox."""
    with pytest.raises(RefusedError):
        composed(Message("a@b.example", mailbox, "s", "t"))


@given(
    st.text(st.characters(blacklist_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=200), st.text(max_size=200)
)
def test_what_is_written_makes_no_header(subject, text):
    """Whatever subject and text, the message has exactly the headers of every message."""
    made = email.message_from_bytes(composed(Message("a@b.example", "c@d.example", subject, text)))
    assert sorted(made.keys()) == sorted(
        ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "Content-Type",
         "Content-Transfer-Encoding", "MIME-Version"]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("answers", "error"),
    [({"RCPT": b"550 nobody"}, PermanentError), ({"RCPT": b"450 later"}, TemporaryError),
     ({"MAIL": b"421 busy"}, TemporaryError), ({"DATA": b"554 spam"}, PermanentError),
     ({"EHLO": b"502 old"}, PermanentError)],
)  # fmt: skip
def test_a_refusal_says_whether_to_retry(answers, error):
    """Replies of 500 and more are permanent, of 400 and more temporary; both name the relay and its words."""
    with (
        relay(answers) as post,
        pytest.raises(error, match=r"Relay localhost .*(nobody|later|busy|spam|old)"),
    ):
        hand(post)
    assert post.mails == []


def test_a_relay_that_trickles_ends_with_the_total_time():
    """A byte now and then does not hold the sender longer than it agreed to."""

    def talk(connection):
        while True:
            connection.sendall(b"2")
            time.sleep(0.02)

    begun = time.monotonic()
    with raw_server(talk) as server, pytest.raises(TimedOutError):
        hand(server, timeout_s=0.3)
    assert time.monotonic() - begun < 1.5


def test_endless_replies_are_cut():
    """A greeting that never ends is an error and not memory."""

    def talk(connection):
        while True:
            connection.sendall(b"220-more\r\n" * 1_000)

    with raw_server(talk) as server, pytest.raises(TemporaryError, match="1,048,576"):
        hand(server)
