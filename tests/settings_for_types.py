"""Django settings for the type checker alone, which has to know the models before anything runs."""

from pathlib import Path

from hanse.settings import Node, django_settings

globals().update(django_settings(Node(Path("nowhere"), "ee-cert", "CERT Estonia", "EE"), "for types only"))
