"""What Poetry's own library reads from a lockfile: `poetry_edges.py FOLDER`."""
import json, sys
from pathlib import Path
from poetry.core.packages.utils.utils import create_nested_marker
from poetry.core.version.markers import AnyMarker, parse_marker
from poetry.factory import Factory
poetry = Factory().create_poetry(Path(sys.argv[1]))
label = lambda package: f"{package.name}@{package.version}"
try:
    markers = {label(package): info.get_marker(info.groups).without_extras() for package, info in poetry.locker.locked_packages().items()}
except RuntimeError:
    # Before lockfile 2.1 no package has markers.
    markers = {}
locked = {package: markers.get(label(package), AnyMarker()) for package in poetry.locker.locked_repository().packages}
def targets(dependency, here=AnyMarker()):
    here = here.intersect(dependency.marker.without_extras())
    if dependency.python_versions != "*":
        here = here.intersect(parse_marker(create_nested_marker("python_version", dependency.python_constraint)))
    found = [package for package, marker in locked.items() if package.name == dependency.name and dependency.constraint.allows(package.version) and not marker.intersect(here).is_empty()]
    return {label(package) for package in found}
edges = {}
for package, marker in locked.items():
    edges.setdefault(label(package), set()).update(*(targets(dependency, marker) for dependency in package.requires))
edges = {key: sorted(value) for key, value in sorted(edges.items())}
groups = {}
for group in poetry.package.dependency_group_names(include_optional=True):
    needed = poetry.package.dependency_group(group).dependencies
    groups[group] = sorted({target for dependency in needed for target in targets(dependency)})
json.dump({"packages": edges, "groups": groups}, sys.stdout, indent=1); print()
