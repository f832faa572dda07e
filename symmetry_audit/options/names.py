"""Names that a shell completes, each list from where it is kept."""

from __future__ import annotations

__all__ = ["GROUPS", "datasets", "kernels", "protocols", "regularizers"]

GROUPS = ("p2", "p4", "p8", "p16", "p32", "p4m", "p8m", "p16m", "p32m")


def regularizers() -> list[str]:
    """The stencils that are built in."""
    from symmetry_audit.kernels import STENCILS

    return list(STENCILS)


def kernels() -> list[str]:
    """Kernel models."""
    from symmetry_audit.kernels import KERNEL_MODELS

    return list(KERNEL_MODELS)


def datasets() -> list[str]:
    """Names of dataset manifests."""
    from symmetry_audit.data.manifests import available

    return list(available())


def protocols() -> list[str]:
    """Protocols of PSNR and SSIM."""
    from symmetry_audit.metrics import PROTOCOLS

    return list(PROTOCOLS)
