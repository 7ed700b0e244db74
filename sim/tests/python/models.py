"""The shapes of the requests that the simulator takes, out of botocore's service models.

    python models.py update DIRECTORY   writes DIRECTORY/SERVICE.json
    python models.py check DIRECTORY    fails where they are not what botocore says

Each file names its operations itself: to add one, add its name with `null` and run `update`.
"""

import json
import pathlib
import sys

import botocore.session

KEPT = ("type", "required", "min", "max", "enum", "flattened")
# A list of a thousand instance types: the simulator knows its own.
MOST_NAMES = 200


def reduced(model, names):
    shapes = {}

    def reference(entry):
        visit(entry["shape"])
        return {k: entry[k] for k in ("shape", "locationName", "queryName", "flattened") if k in entry}

    def visit(name):
        if name in shapes:
            return
        full = model["shapes"][name]
        shape = shapes[name] = {k: full[k] for k in KEPT if k in full}
        if len(shape.get("enum", ())) > MOST_NAMES:
            del shape["enum"]
        if full["type"] == "structure":
            shape["members"] = {k: reference(v) for k, v in full["members"].items()}
        for part in ("member", "key", "value"):
            if part in full:
                shape[part] = reference(full[part])

    operations = {}
    for name in sorted(names):
        operations[name] = model["operations"][name]["input"]["shape"]
        visit(operations[name])
    return {"operations": operations, "shapes": dict(sorted(shapes.items()))}


def written(model):
    """One line for an operation and for a shape, so that changes can be read."""

    def part(name):
        lines = [f'{json.dumps(k)}: {json.dumps(v)}' for k, v in model[name].items()]
        return f'"{name}": {{\n' + ",\n".join(lines) + "\n}"

    return "{" + ",\n".join(map(part, ("operations", "shapes"))) + "}\n"


def main():
    what, directory = sys.argv[1], pathlib.Path(sys.argv[2])
    loader = botocore.session.get_session().get_component("data_loader")
    wrong = []
    for path in sorted(directory.glob("*.json")):
        names = json.loads(path.read_text())["operations"]
        text = written(reduced(loader.load_service_model(path.stem, "service-2"), names))
        if what == "update":
            path.write_text(text)
        elif path.read_text() != text:
            wrong.append(path.name)
    if wrong:
        sys.exit(f"{', '.join(wrong)}: not what botocore {botocore.__version__} says; run models.py update")


main()
