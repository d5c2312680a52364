"""What holds for all tests."""

from hypothesis import settings

# Machines are noisy: no example is late.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
