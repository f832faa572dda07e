"""One thread per task: many small tasks run faster so, and their numbers do not depend on a machine's cores."""

from __future__ import annotations

import sys

from threadpoolctl import threadpool_limits

__all__ = ["one_thread_for_good"]


def one_thread_for_good(*, tf32: bool = False) -> None:
    """One thread for the matrix products of this thread or process, which is here for a run's tasks and nothing else.

    ``tf32`` allows convolutions on a GPU to round to TF32, as torch does by default.
    """
    threadpool_limits(1, user_api="blas")
    if "torch" in sys.modules:
        import torch

        torch.set_num_threads(1)
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = False, tf32
