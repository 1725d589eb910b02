"""Hamiltone: quaternion anti-transfer learning for speech emotion recognition."""

__version__ = "0.3.0"
