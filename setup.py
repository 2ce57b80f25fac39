"""Metadata of the package; the build system and the tools are configured in pyproject.toml."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = re.search(r'__version__ = "([^"]+)"', (HERE / "visdatcompy_ds" / "__init__.py").read_text(encoding="utf-8"))[1]
REQUIRED = [line for line in (HERE / "requirements.txt").read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]

setup(
    name="visdatcompy_ds",
    version=VERSION,
    description="Explore image datasets, compare them, find what is the same, and draw the most useful images from the rest",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    python_requires=">=3.10",
    packages=find_packages(include=["visdatcompy_ds", "visdatcompy_ds.*"]),
    package_data={"visdatcompy_ds": ["py.typed"], "visdatcompy_ds.reports": ["templates/*.j2", "templates/*.js"]},
    install_requires=REQUIRED,
    extras_require={
        "heif": ["pillow-heif>=0.18"],
        "trash": ["send2trash>=1.8"],
        "test": ["pytest>=8", "send2trash>=1.8", "hypothesis>=6.100", "nbclient>=0.10", "nbformat>=5.10", "ipykernel>=6.29"],
        "dev": ["ruff>=0.9", "mypy>=1.14", "pandas-stubs>=2.2", "faiss-cpu>=1.8"],
    },
    entry_points={"console_scripts": ["visdatcompy-ds = visdatcompy_ds.cli:main"]},
    classifiers=[
        "License :: OSI Approved :: MIT License",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        "Topic :: Scientific/Engineering :: Image Processing",
    ],
)
