"""Addresses of signing in: what of django-allauth is served, and nothing else of it."""

from allauth.socialaccount.providers.openid_connect.views import callback, login
from django.urls import path

from hanse.accounts import signing_in
from hanse.web.page import public

_issuer = public("signing in at an issuer: allauth keeps the state, by_issuer decides")

urlpatterns = [
    path("login/", signing_in.sign_in_page, name="account_login"),
    path("login/passkey/", signing_in.passkey, name="mfa_login_webauthn"),
    path("logout/", signing_in.sign_out, name="account_logout"),
    path("issuer/<str:provider_id>/", _issuer(signing_in.at_issuer(login)), name="openid_connect_login"),
    path(
        "issuer/<str:provider_id>/back/",
        _issuer(signing_in.at_issuer(callback)),
        name="openid_connect_callback",
    ),
    path("none/", signing_in.nowhere, name="account_signup"),
    path("none/", signing_in.nowhere, name="account_inactive"),
    path("none/", signing_in.nowhere, name="socialaccount_signup"),
    path("none/", signing_in.nowhere, name="socialaccount_connections"),
    path("none/", signing_in.nowhere, name="socialaccount_login_error"),
    path("none/", signing_in.nowhere, name="socialaccount_login_cancelled"),
]
