"""What Poetry's own library reads from a lockfile: `poetry_edges.py FOLDER`."""
import json, sys
from pathlib import Path
from poetry.factory import Factory
poetry = Factory().create_poetry(Path(sys.argv[1]))
locked = poetry.locker.locked_repository()
label = lambda package: f"{package.name}@{package.version}"
def targets(dependency):
    # `satisfies` compares extras too, which no locked package has.
    found = [package for package in locked.packages if package.name == dependency.name and dependency.constraint.allows(package.version)]
    return sorted(label(package) for package in found)
edges = {label(package): sorted({target for dependency in package.requires for target in targets(dependency)}) for package in locked.packages}
groups = {}
for group in poetry.package.dependency_group_names(include_optional=True):
    needed = poetry.package.dependency_group(group).dependencies
    groups[group] = sorted({target for dependency in needed for target in targets(dependency)})
json.dump({"packages": dict(sorted(edges.items())), "groups": groups}, sys.stdout, indent=1); print()
