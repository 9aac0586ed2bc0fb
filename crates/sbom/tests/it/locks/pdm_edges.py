"""What PDM's own library reads from a lockfile: `pdm_edges.py FOLDER`."""
import json, sys
from pdm.core import Core
from pdm.models.requirements import parse_requirement
project = Core().create_project(sys.argv[1], is_global=False)
locked = project.get_locked_repository()
edges, groups = {}, {}
candidates = [package.candidate for package in locked.packages.values()]
label = lambda candidate: f"{candidate.req.key}@{candidate.version}"
def is_met(*markers):
    known = [marker.inner for marker in markers if marker is not None]
    met = known[0] if known else None
    for marker in known[1:]: met = met & marker
    return met is None or not met.is_empty()
def targets(requirement, here=None):
    found = [candidate for candidate in candidates if candidate.req.key == requirement.key and is_met(here, requirement.marker, candidate.req.marker) and (not candidate.version or requirement.is_named is False or requirement.specifier.contains(candidate.version, prereleases=True))]
    return sorted({label(candidate) for candidate in found})
for package in locked.packages.values():
    mine = edges.setdefault(label(package.candidate), set())
    for text in package.dependencies or []:
        mine.update(targets(parse_requirement(text), package.candidate.req.marker))
for mine in edges.items():
    mine[1].discard(mine[0])
for group in project.iter_groups():
    groups[group] = sorted({target for requirement in project.get_dependencies(group) for target in targets(requirement)})
members = {}
for package in locked.packages.values():
    members.setdefault(label(package.candidate), set()).update(package.candidate.req.groups)
json.dump({"packages": {key: sorted(value) for key, value in sorted(edges.items())}, "groups": groups, "members": {key: sorted(value) for key, value in sorted(members.items())}}, sys.stdout, indent=1); print()
