"""Groups acting on images and on features over a group."""

from symmetry_audit.actions._features import move_features
from symmetry_audit.actions._images import disc, disc_window, is_exact, move

__all__ = ["disc", "disc_window", "is_exact", "move", "move_features"]
