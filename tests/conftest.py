"""What holds for every test: properties are judged by their outcome, never by the speed of the machine they run on."""

from hypothesis import settings

from tests.servers.dovecot import dovecot

__all__ = ["dovecot"]

settings.register_profile("zuozhen", deadline=None)
settings.load_profile("zuozhen")
