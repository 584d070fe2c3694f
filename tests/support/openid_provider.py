"""A small OpenID provider that speaks the code flow over HTTP, and may be told to lie in one thing."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlencode

from joserfc import jwt
from joserfc.jwk import RSAKey
from joserfc.jws import JWSRegistry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from shared.runner.health import listening

CLIENT, SECRET = "portal", "a secret of both"
_LIVES_S = 300


def signing_key(name: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": name, "use": "sig", "alg": "RS256"}, private=True)


@cache
def _first_key() -> RSAKey:
    """The same for all providers of a process: to find primes takes longer than a whole login."""
    return signing_key("first")


@dataclass
class Provider:
    """Who logs in has `claims`. `lies` take the place of what the token would say; `key` signs it."""

    address: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    lies: dict[str, Any] = field(default_factory=dict)
    key: RSAKey = field(default_factory=_first_key)
    signs_with: RSAKey | None = None
    signs_with_public: bool = False
    """With a hash under the public key, which everybody has, as if that were a secret."""
    offers: list[str] = field(default_factory=lambda: ["RS256"])
    asked: list[dict[str, str]] = field(default_factory=list)
    """What each authorization was asked for with."""
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    async def metadata(self, _: Request) -> Response:
        here = self.address
        return JSONResponse(
            {
                "issuer": here,
                "authorization_endpoint": f"{here}/authorize",
                "token_endpoint": f"{here}/token",
                "jwks_uri": f"{here}/keys",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": self.offers,
            }
        )

    async def keys(self, _: Request) -> Response:
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    async def authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        self.asked.append(asked)
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}")

    async def token(self, request: Request) -> Response:
        given = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        login = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {login}":
            return JSONResponse({"error": "invalid_client"}, 401)
        # A code is good once.
        asked = self._codes.pop(given.get("code", ""), None)
        if asked is None or asked["redirect_uri"] != given.get("redirect_uri") or not _proves(given, asked):
            return JSONResponse({"error": "invalid_grant"}, 400)
        return JSONResponse({"access_token": "a", "token_type": "Bearer", "id_token": self._signed(asked)})

    def _signed(self, asked: dict[str, str]) -> str:
        now = int(time.time())
        said = {"iss": self.address, "aud": CLIENT, "iat": now, "exp": now + _LIVES_S, "nonce": asked.get("nonce")}
        content = {name: value for name, value in {**said, **self.claims, **self.lies}.items() if value is not None}
        if self.signs_with_public:
            return _hashed(content, self.key.as_pem(private=False))
        registry = JWSRegistry(algorithms=["RS256"], strict_check_header=False)
        return jwt.encode({"alg": "RS256", "kid": "first"}, content, self.signs_with or self.key, registry=registry)


def _hashed(content: dict[str, Any], secret: bytes) -> str:
    header = {"alg": "HS256", "kid": "first"}
    signed = b".".join(_coded(json.dumps(each).encode()) for each in (header, content))
    return b".".join((signed, _coded(hmac.digest(secret, signed, "sha256")))).decode()


def _coded(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")


def _proves(given: dict[str, str], asked: dict[str, str]) -> bool:
    """Whoever brings the code is who asked for it (PKCE)."""
    digest = hashlib.sha256(given.get("code_verifier", "").encode()).digest()
    return _coded(digest).decode() == asked.get("code_challenge")


@contextlib.asynccontextmanager
async def provider() -> AsyncIterator[Provider]:
    made = Provider()
    app = Starlette(
        routes=[
            Route("/.well-known/openid-configuration", made.metadata),
            Route("/keys", made.keys),
            Route("/authorize", made.authorize),
            Route("/token", made.token, methods=["POST"]),
        ]
    )
    async with listening("provider", app, "127.0.0.1", 0, "") as port:
        made.address = f"http://127.0.0.1:{port}"
        yield made
