"""What django-allauth is allowed to do here: run the passkey and OpenID Connect ceremonies, and nothing else."""

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter


class AccountAdapter(DefaultAccountAdapter):
    """No sign-ups."""


class SocialAccountAdapter(DefaultSocialAccountAdapter):
    """No sign-ups."""


class PasskeyAdapter(DefaultMFAAdapter):
    """Passkeys."""
