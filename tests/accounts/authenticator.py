"""A security key in software: it answers WebAuthn's two ceremonies as a browser with a passkey would.

WebAuthn Level 2, sections 5.8.1 (client data), 6.1 (authenticator data) and 6.5 (attestation), format ``none``.
"""

import json
import secrets
from hashlib import sha256

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2.cose import ES256
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import AttestationObject, AttestedCredentialData, AuthenticatorData

PRESENT_AND_VERIFIED = AuthenticatorData.FLAG.UP | AuthenticatorData.FLAG.UV


class SoftKey:
    """One passkey for one account at one host."""

    def __init__(self, host: str = "localhost", origin: str = "http://localhost:8007") -> None:
        self.host, self.origin = host, origin
        self.secret = ec.generate_private_key(ec.SECP256R1())
        self.id = secrets.token_bytes(32)
        self.user = b""

    def register(self, options: dict) -> str:
        """The browser's answer to creation options, as the form sends it."""
        public = options["publicKey"]
        self.user = websafe_decode(public["user"]["id"])
        attested = AttestedCredentialData.create(
            bytes(16), self.id, ES256.from_cryptography_key(self.secret.public_key())
        )
        data = AuthenticatorData.create(
            sha256(self.host.encode()).digest(), PRESENT_AND_VERIFIED | AuthenticatorData.FLAG.AT, 0, attested
        )
        response = {
            "clientDataJSON": websafe_encode(self._client_data("webauthn.create", public["challenge"])),
            "attestationObject": websafe_encode(bytes(AttestationObject.create("none", data, {}))),
        }
        return self._answer(response, {"credProps": {"rk": True}})

    def prove(self, options: dict) -> str:
        """The browser's answer to request options, as the form sends it."""
        client = self._client_data("webauthn.get", options["publicKey"]["challenge"])
        data = AuthenticatorData.create(sha256(self.host.encode()).digest(), PRESENT_AND_VERIFIED, 1)
        signature = self.secret.sign(bytes(data) + sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        response = {
            "clientDataJSON": websafe_encode(client),
            "authenticatorData": websafe_encode(bytes(data)),
            "signature": websafe_encode(signature),
            "userHandle": websafe_encode(self.user),
        }
        return self._answer(response, {})

    def _client_data(self, kind: str, challenge: str) -> bytes:
        told = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        return json.dumps(told).encode()

    def _answer(self, response: dict, extensions: dict) -> str:
        told = {
            "type": "public-key",
            "id": websafe_encode(self.id),
            "rawId": websafe_encode(self.id),
            "authenticatorAttachment": "platform",
            "response": response,
            "clientExtensionResults": extensions,
        }
        return json.dumps(told)
