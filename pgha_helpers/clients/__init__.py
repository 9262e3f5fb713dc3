"""Moving the clients: hold them, lead them to the new primary, let them go on, and prove that they can write there."""

from .verbs import lead_readers, left_behind, look_at_clients, pause, point, prepare, redirect, take_back

__all__ = ["lead_readers", "left_behind", "look_at_clients", "pause", "point", "prepare", "redirect", "take_back"]
