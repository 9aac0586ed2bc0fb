"""Prints the edges between the distributions of a `pip inspect`, as pip's own library reads the requirements: "from to scope", one a line."""
import json
import sys

from pip._vendor.packaging.requirements import Requirement
from pip._vendor.packaging.utils import canonicalize_name

inspected = json.load(open(sys.argv[1]))
installed = {canonicalize_name(found["metadata"]["name"]): found["metadata"] for found in inspected["installed"]}


def label(metadata):
    return f"{canonicalize_name(metadata['name'])}@{metadata['version']}"


for metadata in installed.values():
    edges = {}
    for text in metadata.get("requires_dist", []):
        requirement = Requirement(text)
        needed = installed.get(canonicalize_name(requirement.name))
        if needed is None or needed is metadata:
            continue

        def holds(extra):
            return requirement.marker is None or requirement.marker.evaluate({**inspected["environment"], "extra": extra})

        if holds(""):
            edges[label(needed)] = "runtime"
        elif any(holds(extra) for extra in metadata.get("provides_extra", [])):
            edges.setdefault(label(needed), "optional")
    for needed, scope in edges.items():
        print(label(metadata), needed, scope)
