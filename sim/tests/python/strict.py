"""Holds every answer to its service model: botocore's own parser passes over what it does not know.

`watch(session)` has each answer of a botocore session walked: a member that the model does not have, a
wrong type, an unknown value of an enumeration, a missing required member and an error code that neither
the operation nor AWS's common errors have, each is a mistake. `watch` answers what was called.
"""

import collections
import datetime
import json
import xml.etree.ElementTree as ElementTree

# "Common errors" of the services' API references, and the error codes of EC2, which has no modelled
# errors ("Error codes for the Amazon EC2 API").
COMMON = {
    "AccessDenied", "AccessDeniedException", "MalformedInput", "MissingAction", "InvalidAction",
    "SerializationException", "Throttling", "ThrottlingException", "UnknownOperationException", "ValidationError",
}
EC2 = {
    "DryRunOperation", "InvalidAction", "InvalidInstanceID.NotFound", "InvalidInstanceType",
    "InvalidLaunchTemplateId.NotFound", "InvalidLaunchTemplateId.VersionNotFound",
    "InvalidLaunchTemplateName.NotFoundException", "InvalidNextToken", "InvalidParameter",
    "InvalidParameterCombination", "InvalidParameterValue", "InvalidSubnetID.NotFound", "MaxConfigLimitExceeded",
    "MissingParameter", "RequestLimitExceeded", "UnauthorizedOperation", "UnknownParameter", "UnsupportedOperation",
}


class Mistake(AssertionError):
    """An answer that the model does not allow."""


class Watch:
    def __init__(self):
        self.called = collections.Counter()
        self.mistakes = []

    def parsed(self, response_dict, operation_model, **_):
        service, name = operation_model.service_model.service_name, operation_model.name
        self.called[f"{service} {name}"] += 1
        try:
            check(response_dict, operation_model)
        except Mistake as mistake:
            self.mistakes.append(f"{service} {name}: {mistake}")


def watch(session):
    seen = Watch()
    session.register("before-parse", seen.parsed)
    return seen


def check(response, operation):
    body, protocol = response["body"], operation.service_model.metadata["protocol"]
    if response["status_code"] >= 300:
        return error(body, protocol, operation)
    shape = operation.output_shape
    if protocol == "json":
        return walk_json(shape, json.loads(body or b"{}"), "$") if shape else None
    root = ElementTree.fromstring(body)
    expect(tag(root) == f"{operation.name}Response", f"the answer is a {tag(root)}")
    if protocol == "ec2":
        members = [child for child in root if tag(child) != "requestId"]
        return walk_members(shape, members, "$", "ec2")
    parts = {tag(child): child for child in root}
    expect("ResponseMetadata" in parts, "there is no ResponseMetadata")
    wrapper = (shape.serialization.get("resultWrapper") if shape else None) or f"{operation.name}Result"
    expect(set(parts) <= {wrapper, "ResponseMetadata"}, f"the answer has {sorted(parts)}")
    return walk_members(shape, list(parts[wrapper]), "$", "query") if shape else None


def error(body, protocol, operation):
    if protocol == "json":
        code = json.loads(body)["__type"]
    else:
        found = next((e for e in ElementTree.fromstring(body).iter() if tag(e) == "Code"), None)
        expect(found is not None, "the error has no code")
        code = found.text
    modelled = {shape.error_code if shape.metadata.get("error") else shape.name for shape in operation.error_shapes}
    allowed = EC2 if protocol == "ec2" else COMMON | modelled
    expect(code in allowed, f"{code} is no error of it: {sorted(allowed)}")


def expect(holds, what):
    if not holds:
        raise Mistake(what)


def tag(element):
    return element.tag.rsplit("}", 1)[-1]


def walk_json(shape, value, at):
    kind = shape.type_name
    if kind == "structure":
        expect(isinstance(value, dict), f"{at} is {value!r}")
        known = {member.serialization.get("name", name): member for name, member in shape.members.items()}
        for name, member in value.items():
            expect(name in known, f"{at}.{name} is not in {shape.name}")
            walk_json(known[name], member, f"{at}.{name}")
        for name in shape.required_members:
            expect(name in value, f"{at}.{name} is missing, and required")
    elif kind == "list":
        expect(isinstance(value, list), f"{at} is {value!r}")
        for n, item in enumerate(value):
            walk_json(shape.member, item, f"{at}[{n}]")
    elif kind == "map":
        expect(isinstance(value, dict), f"{at} is {value!r}")
        for name, item in value.items():
            walk_json(shape.value, item, f"{at}.{name}")
    elif kind == "string":
        expect(isinstance(value, str), f"{at} is {value!r}")
        enumerated(shape, value, at)
    elif kind == "boolean":
        expect(isinstance(value, bool), f"{at} is {value!r}")
    elif kind in ("integer", "long"):
        expect(isinstance(value, int) and not isinstance(value, bool), f"{at} is {value!r}")
    else:
        # Numbers, and times as seconds since 1970.
        expect(isinstance(value, (int, float)) and not isinstance(value, bool), f"{at} is {value!r}")


def walk_members(shape, elements, at, protocol):
    known = {}
    for name, member in shape.members.items():
        known[member.serialization.get("name", name)] = member
    seen = set()
    for element in elements:
        name = tag(element)
        expect(name in known, f"{at}.{name} is not in {shape.name}")
        expect(name not in seen, f"{at}.{name} is there twice")
        seen.add(name)
        walk_xml(known[name], element, f"{at}.{name}", protocol)
    for name in shape.required_members:
        expect(shape.members[name].serialization.get("name", name) in seen, f"{at}.{name} is missing, and required")


def walk_xml(shape, element, at, protocol):
    kind, text = shape.type_name, element.text or ""
    if kind == "structure":
        return walk_members(shape, list(element), at, protocol)
    if kind == "list":
        item = shape.member.serialization.get("name", "item" if protocol == "ec2" else "member")
        for n, child in enumerate(element):
            expect(tag(child) == item, f"{at} has a {tag(child)}, not {item}")
            walk_xml(shape.member, child, f"{at}[{n}]", protocol)
        return None
    expect(len(element) == 0, f"{at} has elements in it")
    try:
        if kind in ("integer", "long"):
            int(text)
        elif kind in ("float", "double"):
            float(text)
        elif kind == "timestamp":
            datetime.datetime.fromisoformat(text)
    except ValueError as wrong:
        raise Mistake(f"{at}: {wrong}") from wrong
    if kind == "boolean":
        expect(text in ("true", "false"), f"{at} is {text!r}")
    if kind == "string":
        enumerated(shape, text, at)
    return None


def enumerated(shape, value, at):
    # botocore lags behind the instance types of EC2 by a few days; everything else is exact.
    expect(not shape.enum or value in shape.enum, f"{at} is {value!r}, which {shape.name} does not have")
