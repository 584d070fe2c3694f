"""A person logs in with an OpenID provider, which the deployment trusts to know people (decision 0046).

The library does what is easy to do wrong: discovery, state, nonce and PKCE of the code flow, and the signature and the
claims of the answer. What is kept between the two requests of a login is in a signed cookie of ten minutes.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any

import httpx
import structlog
from authlib.integrations.base_client import OAuthError
from authlib.integrations.starlette_client import OAuth
from joserfc.errors import JoseError
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from goodstanding.portal.settings import PortalSettings
from goodstanding.portal.web.office import Office, office_of
from goodstanding.portal.web.sessions import EnterError, session_for
from shared.contracts import identity
from shared.contracts.identity import IdentifierError
from shared.settings import key_bytes

log = structlog.get_logger("portal")
_COOKIE = "login"
_COOKIE_S = 600
_TIMEOUT_S = 10
_PLACE = "/login"
_CALLBACK = "/callback"
_ALGORITHMS = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"}
)
"""Those by which only the provider can sign, whatever it says that it can do besides."""
_VERIFIED = {"email": "email_verified", "phone_number": "phone_number_verified"}
"""What anybody may say of oneself, and the claim by which the provider says that it has made sure."""


class Login:
    """The provider of a deployment, which is asked for nothing before somebody logs in."""

    def __init__(self, settings: PortalSettings) -> None:
        self._settings = settings
        secret = settings.login_secret.get_secret_value() if settings.login_secret else None
        self._provider = OAuth().register(
            "provider",
            client_id=settings.login_client,
            client_secret=secret,
            server_metadata_url=f"{settings.login_issuer.rstrip('/')}/.well-known/openid-configuration",
            client_kwargs={
                "scope": settings.login_scope,
                "code_challenge_method": "S256",
                "timeout": _TIMEOUT_S,
                # Or each of a login's requests would read the list of authorities again, during which nobody is served.
                "verify": httpx.create_ssl_context(),
                "token_endpoint_auth_method": "client_secret_basic" if secret else "none",
            },
        )

    async def begin(self, request: Request) -> Response:
        """To the provider. Raises EnterError where it does not answer."""
        try:
            await self._discover()
            address = f"{self._settings.portal_url.rstrip('/')}{_PLACE}{_CALLBACK}"
            response: Response = await self._provider.authorize_redirect(request, address)
        except (httpx.HTTPError, RuntimeError, ValueError) as error:
            log.warning("the provider of logins does not answer", because=type(error).__name__)
            raise EnterError(503, "not-available", "Ask again in a moment.", retry_after_s=5) from None
        return response

    async def end(self, request: Request) -> Response:
        """Back from the provider: a session of the person whom it names. Raises EnterError."""
        claims_options = {
            "iss": {"essential": True, "values": [self._settings.login_issuer]},
            "aud": {"essential": True, "values": [self._settings.login_client]},
        }
        if not {"code", "state"} <= request.query_params.keys():
            raise _refused("it answers nothing")
        try:
            await self._discover()
            token = await self._provider.authorize_access_token(request, claims_options=claims_options)
        except (OAuthError, JoseError, httpx.HTTPError, RuntimeError, ValueError, KeyError) as error:
            # Its text could quote what was sent.
            raise _refused(type(error).__name__) from None
        user_id = person(token.get("userinfo") or {}, self._settings)
        if user_id is None:
            raise _refused("its claims name nobody")
        return session_for(office_of(request), user_id)

    async def _discover(self) -> None:
        metadata = await self._provider.load_server_metadata()
        offered = metadata.get("id_token_signing_alg_values_supported") or ["RS256"]
        # Of an empty list the library would make its own.
        metadata["id_token_signing_alg_values_supported"] = sorted(_ALGORITHMS.intersection(offered)) or ["RS256"]


def _refused(because: str) -> EnterError:
    log.warning("a login is refused", because=because)
    return EnterError(403, "expired", "This login opens nothing.")


def person(claims: Mapping[str, Any], settings: PortalSettings) -> str | None:
    """Whom the claims name: a user_id, or, where the portal has the key of the pseudonyms, an identifier of the
    deployment's scheme (rules I1). None where they name nobody, or say what the provider has not verified. Pure."""
    said = claims.get(settings.login_claim)
    verified = _VERIFIED.get(settings.login_claim)
    if not isinstance(said, str) or (verified is not None and claims.get(verified) is not True):
        return None
    if settings.key is None:
        return said if identity.is_user_id(said) else None
    try:
        identifier = identity.normalize(settings.identity_scheme, said)
    except IdentifierError:
        return None
    return identity.user_id(key_bytes(settings.key), settings.identity_scheme, identifier)


def routes(office: Office) -> list[Mount]:
    settings = office.settings
    login = Login(settings)
    kept = Middleware(
        SessionMiddleware,
        secret_key=hmac.digest(office.key, b"goodstanding/portal/login", "sha256").hex(),
        session_cookie=_COOKIE,
        max_age=_COOKIE_S,
        path=_PLACE,
        same_site="lax",
        https_only=settings.portal_url.startswith("https://"),
    )

    async def begin(request: Request) -> Response:
        return await login.begin(request)

    async def end(request: Request) -> Response:
        return await login.end(request)

    return [Mount(_PLACE, routes=[Route("/", begin), Route(_CALLBACK, end)], middleware=[kept])]
