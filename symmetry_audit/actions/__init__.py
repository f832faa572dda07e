"""Groups acting on images and on features over a group."""

from symmetry_audit.actions._features import move_features
from symmetry_audit.actions._images import disc, disc_window, is_exact, move
from symmetry_audit.actions._resampling import Resampling, resampling

__all__ = ["Resampling", "disc", "disc_window", "is_exact", "move", "move_features", "resampling"]
