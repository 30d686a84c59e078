"""Real components for the tests of probes; each starts when the first test asks for it."""

from tests.probes.dockerd import dockerd
from tests.probes.systemd_user import systemd_user

__all__ = ["dockerd", "systemd_user"]
