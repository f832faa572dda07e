"""Pilots: what a symmetry costs or gains on the user's own task, measured before anything large is trained (SPEC 8)."""
