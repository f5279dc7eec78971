"""Check the installed packages against lipblend's requirements.

Needs `packaging`; import this module only where a missing package can be reported.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator, Mapping

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from lipblend.selfcheck.findings import REINSTALL, Finding, problem

OPENCV = ("opencv-python", "opencv-contrib-python", "opencv-python-headless", "opencv-contrib-python-headless")
"""Distributions that all install the folder ``cv2``."""


def requirement_findings() -> Iterator[Finding]:
    """One finding per requirement of lipblend, and one for OpenCV."""
    installed, requirements = installed_versions(), own_requirements()
    if requirements is None:
        yield Finding("lipblend", "warning", "not installed as a package, so versions were not checked", REINSTALL)
    for requirement in requirements or ():
        yield check_requirement(requirement, installed)
    yield check_opencv(installed)


def installed_versions() -> dict[str, str]:
    """Version of every installed distribution, by canonical name."""
    versions: dict[str, str] = {}
    for distribution in importlib.metadata.distributions():
        # A half-removed package has no metadata left.
        name = distribution.metadata["Name"] if distribution.metadata is not None else None
        if name:
            versions.setdefault(canonicalize_name(name), distribution.version)
    return versions


def own_requirements() -> list[str] | None:
    """The run-time dependencies of lipblend, as in ``pyproject.toml``; None if lipblend is not installed."""
    try:
        listed = importlib.metadata.requires("lipblend")
    except importlib.metadata.PackageNotFoundError:
        return None
    return [line for line in listed or [] if ";" not in line]


def check_requirement(requirement: str, installed: Mapping[str, str]) -> Finding:
    """Check one requirement.

    Parameters
    ----------
    requirement : str
        Name and version range (PEP 508, no marker), such as ``av>=18``.
    installed : mapping of str to str
        Version of each installed distribution, by canonical name.
    """
    try:
        parsed = Requirement(requirement)
    except InvalidRequirement:
        return Finding(requirement, "warning", "invalid requirement", REINSTALL)
    name, wanted = parsed.name, str(parsed.specifier)
    found = installed.get(canonicalize_name(name))
    if found is None:
        stand_ins = [other for other in OPENCV if name in OPENCV and other in installed]
        if stand_ins:
            return Finding(name, "warning", f"not installed, but {stand_ins[0]} can replace it")
        return problem(name, f"not installed; {wanted or 'any version'} is required", REINSTALL)
    try:
        fits = parsed.specifier.contains(Version(found), prereleases=True)
    except InvalidVersion:
        return Finding(name, "warning", f"cannot compare version {found} with {wanted}", REINSTALL)
    if not fits:
        return problem(name, f"{found} is installed; {wanted} is required", REINSTALL)
    return Finding(name, "ok", found)


def check_opencv(installed: Mapping[str, str]) -> Finding:
    """Check the distributions that provide ``cv2``: one, or several of the same version."""
    found = {name: installed[name] for name in OPENCV if name in installed}
    text = ", ".join(f"{name} {version}" for name, version in found.items())
    if not found:
        return problem("cv2", "no OpenCV package is installed", REINSTALL)
    if len(set(found.values())) > 1:
        newest = max(found.values(), key=Version)
        alike = " ".join(f"{name}=={newest}" for name in found)
        fix = f"They overwrite each other's files: pip install --force-reinstall {alike}"
        return problem("cv2", f"comes from packages of different versions: {text}", fix)
    return Finding("cv2", "ok", f"from {text}")
