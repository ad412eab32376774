"""How a token is asked for: the form of each of the three flows.

- JWT bearer (RFC 7523): a claim that the user's name, signed with our private key, whose
  certificate the connected app knows. Valid for two minutes of the three that Salesforce takes, so
  that a clock a little ahead does no harm.
- Refresh token (RFC 6749, section 6), of a user who once agreed.
- Client credentials (RFC 6749, section 4.4), as the user that the connected app names.

Sources: Salesforce Help, "OAuth 2.0 JWT Bearer Flow for Server-to-Server Integration", "OAuth 2.0
Refresh Token Flow for Renewed Sessions", "OAuth 2.0 Client Credentials Flow for Server-to-Server
Integration".
"""

from __future__ import annotations

import base64
from urllib.parse import urlencode, urlsplit

import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from franking.config import Org
from franking.config.orgs import rsa_key

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
JWT_SECONDS = 120
PRODUCTION = "https://login.salesforce.com"
SANDBOX = "https://test.salesforce.com"


def form(org: Org, now: int) -> str:
    """The form to post, at `now` in milliseconds since 1970."""
    if org.private_key is not None:
        return urlencode({"grant_type": JWT_BEARER, "assertion": assertion(org, now)})
    fields = {"client_id": org.client_id}
    if org.client_secret is not None:
        fields["client_secret"] = org.client_secret.value
    if org.refresh_token is not None:
        refresh = {"grant_type": "refresh_token", "refresh_token": org.refresh_token.value}
        return urlencode({**refresh, **fields})
    return urlencode({"grant_type": "client_credentials", **fields})


def assertion(org: Org, now: int) -> str:
    """The signed claim of the JWT bearer flow."""
    claims = {
        "iss": org.client_id,
        "sub": org.username,
        "aud": audience(org.login_url),
        "exp": now // 1000 + JWT_SECONDS,
    }
    signed = f"{_part({'alg': 'RS256'})}.{_part(claims)}"
    assert org.private_key is not None
    key = rsa_key(org.private_key.value)
    signature = key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{signed}.{_base64(signature)}"


def audience(login_url: str) -> str:
    """Who the claim is for: Salesforce takes its two login hosts, or the address of a site.

    An org's own address (My Domain) stands for one of the two.
    """
    host = urlsplit(login_url).hostname or ""
    if host.endswith(".sandbox.my.salesforce.com"):
        return SANDBOX
    return PRODUCTION if host.endswith(".my.salesforce.com") else login_url


def _part(value: object) -> str:
    return _base64(msgspec.json.encode(value))


def _base64(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
