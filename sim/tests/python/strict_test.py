"""The strict walk must find what botocore passes over: each of these answers has one mistake."""

import json

import botocore.session

from strict import Mistake, check

LOADER = botocore.session.get_session()
EC2 = '<{name}Response xmlns="x"><requestId>r</requestId>{body}</{name}Response>'
QUERY = "<{name}Response><{name}Result>{body}</{name}Result><ResponseMetadata/></{name}Response>"


def mistake(service, operation, body, status=200):
    model = LOADER.get_service_model(service).operation_model(operation)
    text = json.dumps(body) if isinstance(body, dict) else body
    try:
        check({"body": text.encode(), "status_code": status}, model)
    except Mistake as found:
        return str(found)
    return ""


def main():
    assert mistake("ecs", "ListClusters", {"clusterArns": []}) == ""
    for body, text in [
        ({"clusterArns": [], "more": 1}, "$.more is not in"),
        ({"clusterArns": "a"}, "$.clusterArns is 'a'"),
        ({"clusterArns": [1]}, "$.clusterArns[0] is 1"),
    ]:
        assert text in mistake("ecs", "ListClusters", body), body
    services = lambda member: {"services": [member]}
    for member, text in [
        ({"runningCount": 1.5}, "runningCount is 1.5"),
        ({"runningCount": None}, "runningCount is None"),
        ({"createdAt": "now"}, "createdAt is 'now'"),
        ({"launchType": "MOON"}, "which LaunchType does not have"),
        ({"enableExecuteCommand": "yes"}, "enableExecuteCommand is 'yes'"),
    ]:
        assert text in mistake("ecs", "DescribeServices", services(member)), member
    assert "no error of it" in mistake("ecs", "ListClusters", {"__type": "Nope"}, 400)
    assert mistake("ecs", "ListServices", {"__type": "ClusterNotFoundException"}, 400) == ""
    assert "no error of it" in mistake("ecs", "ListClusters", {"__type": "ClusterNotFoundException"}, 400)

    def ec2(body):
        return mistake("ec2", "DescribeSubnets", EC2.format(name="DescribeSubnets", body=body))

    assert ec2("<subnetSet><item><subnetId>a</subnetId></item></subnetSet>") == ""
    for body, text in [
        ("<subnets/>", "$.subnets is not in"),
        ("<subnetSet><member/></subnetSet>", "has a member, not item"),
        ("<subnetSet><item><availableIpAddressCount>x</availableIpAddressCount></item></subnetSet>", "invalid literal"),
        ("<subnetSet><item><defaultForAz>yes</defaultForAz></item></subnetSet>", "is 'yes'"),
        ("<subnetSet><item><state>odd</state></item></subnetSet>", "which SubnetState does not have"),
        ("<subnetSet/><subnetSet/>", "there twice"),
    ]:
        assert text in ec2(body), body
    name = "DescribeScalingActivities"
    activity = "<Activities><member><ActivityId>a</ActivityId></member></Activities>"
    assert "is missing, and required" in mistake("autoscaling", name, QUERY.format(name=name, body=activity))
    assert "is missing, and required" in mistake("autoscaling", name, QUERY.format(name=name, body=""))
    print("ok")


main()
