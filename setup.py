"""The compiled loop of the engine; everything else is in setup.cfg. Without a compiler the installation succeeds, and
the engine uses torch."""

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            "symmetry_audit.engine._harmonics",
            ["symmetry_audit/engine/_harmonics.c"],
            depends=["symmetry_audit/engine/_harmonics.h"],
            extra_compile_args=["-O3", "-g0"],
            py_limited_api=True,
            optional=True,
        )
    ]
)
