//! Where tasks and instances come from, and what limits them.

use super::*;
use crate::world::groups_by_hand::GroupChange;
use crate::world::placement_scores::{CapacityUnit, Score, ScoreRequest};

fn spot_message(w: &World) -> String {
    w.groups["spot"].activities.front().and_then(|a| a.status_message.clone()).unwrap_or_default()
}

fn scores(w: &mut World, types: &[&str], target_capacity: u64) -> Result<Vec<Score>, Refusal> {
    let instance_types = types.iter().map(|t| (*t).to_owned()).collect();
    w.spot_placement_scores(&ScoreRequest {
        instance_types,
        target_capacity,
        unit: CapacityUnit::Units,
        single_zone: true,
    })
}

const THREE: [&str; 3] = ["m5.large", "c5.large", "r5.large"];

pub(super) fn cases() -> Vec<Case> {
    vec![
        case(Rule::FewTypesScoreLow, &[], |w| {
            let of = |w: &mut World, types: &[&str]| scores(w, types, 10).unwrap()[0].score;
            of(w, &THREE) == 10 && of(w, &THREE[..2]) <= 3
        }),
        case(
            Rule::NewConfigurationsAreLimited,
            &[("jitterPercent: 0 }", "jitterPercent: 0, spotPlacementConfigurationsPerDay: 2 }")],
            |w| {
                let first_two = (1..=2).all(|n| scores(w, &THREE, n).is_ok());
                let third = scores(w, &THREE, 3).err().map(|r| r.code);
                // A configuration of the last 24 hours can be asked for again.
                first_two && third == Some("MaxConfigLimitExceeded") && scores(w, &THREE, 1).is_ok()
            },
        ),
        case(
            Rule::ZonesMayBeAbsent,
            &[("jitterPercent: 0 }", "jitterPercent: 0, spotPlacementAbsentZones: [eu-west-1b] }")],
            |w| scores(w, &THREE, 10).unwrap().iter().all(|s| s.zone.as_deref() != Some("eu-west-1b")),
        ),
        case(Rule::GroupsFollowTheirDistribution, &[], |w| {
            w.update_service(&forced("ec2", Some(vec![item("spot", 0, 1)]))).unwrap();
            run_out(w, "ec2", 900);
            let members = serde_json::json!({"onDemandPercentageAboveBaseCapacity": 100});
            let distribution = members.as_object().unwrap().clone();
            w.update_group("spot", GroupChange { distribution, ..GroupChange::default() }).unwrap();
            w.advance_by(3600.0);
            w.instances_of("spot").count() > 0 && w.instances_of("spot").all(|i| !i.spot)
        }),
        case(
            Rule::SmallestTypeDecides,
            &[
                ("instanceTypes: [m5.large]", "instanceTypes: [m5.xlarge, m5.large]"),
                (
                    "{ family: e, cpu: 512, memory: 1024,",
                    "{ family: big, cpu: 3000, memory: 1024, networkMode: awsvpc, requiresCompatibilities: [EC2], containerDefinitions: [{ name: a, image: \"i:1\" }] }\n  - { family: e, cpu: 512, memory: 1024,",
                ),
            ],
            |w| {
                // The task fits the larger type, and nobody launches one for it.
                let call = UpdateService {
                    task_definition: Some("big".to_owned()),
                    ..forced("ec2", Some(vec![item("spot", 0, 1)]))
                };
                w.update_service(&call).unwrap();
                w.advance_by(1200.0);
                w.instances_of("spot").count() == 0
            },
        ),
        case(Rule::DrainingIsNoCapacity, &[], |w| {
            let all: Vec<_> = w.instances_of("od").map(|i| i.id.clone()).collect();
            all.iter().for_each(|id| w.drain_instance(id));
            w.advance_by(900.0);
            w.instances_of("od").any(|i| !i.draining)
        }),
        case(Rule::MaxSizeBinds, &[], |w| {
            w.groups.get_mut("spot").unwrap().max_size = 1;
            let call = UpdateService { desired_count: Some(12), ..forced("ec2", Some(vec![item("spot", 0, 1)])) };
            w.update_service(&call).unwrap();
            w.advance_by(900.0);
            let left = w.tally(get(w, "ec2"), |t| t.phase == Phase::Provisioning).wanted;
            w.instances_of("spot").count() == 1 && left == 9
        }),
        case(Rule::ProvisioningIsLimited, &[], |w| {
            w.groups.get_mut("spot").unwrap().max_size = 0;
            let call = UpdateService { desired_count: Some(600), ..forced("ec2", Some(vec![item("spot", 0, 1)])) };
            w.update_service(&call).unwrap();
            w.advance_by(300.0);
            get(w, "ec2").tasks.iter().filter(|t| w.tasks[*t].waiting).count() == 500
        }),
        case(Rule::ProvisioningTimesOut, &[], |w| {
            w.groups.get_mut("spot").unwrap().max_size = 0;
            w.update_service(&forced("ec2", Some(vec![item("spot", 0, 1)]))).unwrap();
            w.advance_by(1900.0);
            get(w, "ec2").tasks.iter().any(|t| w.tasks[t].stop_code == Some("TaskFailedToStart"))
        }),
        case(
            Rule::AbsentPercentageIsOnDemand,
            &[("{ onDemandPercentageAboveBaseCapacity: 0 }", "{ onDemandBaseCapacity: 0 }")],
            |w| {
                let id = w.launch_instance("spot", true).unwrap();
                !w.instances[&id].spot && !w.is_spot_group(&w.groups["spot"])
            },
        ),
        case(
            Rule::GroupsDoNotFallBack,
            &[("clusters:\n", "pools: [{ instanceType: m5.large, spotObtainable: 0 }]\nclusters:\n")],
            |w| {
                w.update_service(&forced("ec2", Some(vec![item("spot", 0, 1)]))).unwrap();
                w.advance_by(900.0);
                on(w, "ec2", "spot") == 0 && spot_message(w).contains("no Spot capacity")
            },
        ),
        case(
            Rule::PoolsAreFinite,
            &[("clusters:\n", "pools: [{ instanceType: m5.large, spotObtainable: 0 }]\nclusters:\n")],
            |w| {
                w.update_service(&forced("ec2", Some(vec![item("spot", 0, 1)]))).unwrap();
                w.advance_by(900.0);
                w.instances_of("spot").count() == 0
            },
        ),
        case(
            Rule::VcpuQuotas,
            &[("clusters:\n", "quotas: [{ serviceCode: ec2, quotaCode: L-34B43A08, value: 2 }]\nclusters:\n")],
            |w| {
                let call = UpdateService { desired_count: Some(12), ..forced("ec2", Some(vec![item("spot", 0, 1)])) };
                w.update_service(&call).unwrap();
                w.advance_by(900.0);
                spot_message(w).contains("MaxSpotInstanceCountExceeded")
            },
        ),
        case(
            Rule::PlacementConstraints,
            &[(
                "serviceName: ec2, taskDefinition: e,",
                "serviceName: ec2, placementConstraints: [{ type: memberOf, expression: \"attribute:ecs.availability-zone == eu-west-1a\" }], taskDefinition: e,",
            )],
            |w| {
                // Room in the other zones, too.
                for _ in 0..5 {
                    w.launch_instance("od", true).unwrap();
                }
                w.update_service(&forced("ec2", None)).unwrap();
                w.advance_by(900.0);
                get(w, "ec2")
                    .tasks
                    .iter()
                    .map(|t| &w.tasks[t])
                    .filter(|t| t.is_running())
                    .all(|t| t.zone == "eu-west-1a")
            },
        ),
        case(
            Rule::StaticHostPorts,
            &[
                (
                    "  - { family: e, cpu: 512",
                    "  - { family: port, cpu: 128, memory: 128, networkMode: bridge, containerDefinitions: [{ name: a, image: \"i:1\", portMappings: [{ containerPort: 80, hostPort: 80 }] }] }\n  - { family: e, cpu: 512",
                ),
                (
                    "  - { cluster: c, serviceName: daemon",
                    "  - { cluster: c, serviceName: port, taskDefinition: port, desiredCount: 1, capacityProviderStrategy: [{ capacityProvider: od, weight: 1 }] }\n  - { cluster: c, serviceName: daemon",
                ),
                (
                    "launchTemplate: small, maxSize: 6, desiredCapacity: 1",
                    "launchTemplate: small, maxSize: 2, desiredCapacity: 2",
                ),
            ],
            |w| {
                set_desired(w, "port", 4);
                w.advance_by(900.0);
                // Two instances, and two tasks that have their port.
                w.tally(get(w, "port"), |_| true).running == 2
            },
        ),
        case(
            Rule::ServiceLaunchRate,
            &[("jitterPercent: 0 }", "jitterPercent: 0, fargateLaunchBurst: 100000 }")],
            |w| {
                set_desired(w, "strat", 602);
                w.advance_by(30.0);
                (200..=300).contains(&get(w, "strat").tasks.len())
            },
        ),
        case(
            Rule::FargateLaunchRate,
            &[("jitterPercent: 0 }", "jitterPercent: 0, serviceLaunchesPerMinute: 100000 }")],
            |w| {
                set_desired(w, "strat", 602);
                w.advance_by(10.0);
                (250..=320).contains(&get(w, "strat").tasks.len())
            },
        ),
        case(Rule::StoppedTasksStayAnHour, &[], |w| {
            let old = get(w, "strat").tasks.clone();
            w.update_service(&forced("strat", None)).unwrap();
            w.advance_by(1800.0);
            old.iter().all(|t| w.tasks.contains_key(t))
        }),
        case(Rule::ReadsMayBeStale, &[], |w| {
            fault(w, serde_json::json!({"fault": "stale_reads", "seconds": 60}), true).unwrap();
            w.update_service(&forced("web", Some(half_spot()))).unwrap();
            get(w, "web").deployments.len() == 1
        }),
        case(
            Rule::ScaleInOffDuringDeployments,
            &[(
                "clusters:\n",
                "scalableTargets: [{ resourceId: service/c/web, minCapacity: 2, maxCapacity: 8, load: [{ after: 0, count: 4 }, { after: 60, count: 2 }] }]\nclusters:\n",
            )],
            |w| {
                fault(w, serde_json::json!({"fault": "spot_unavailable", "provider": "all"}), true).unwrap();
                w.update_service(&forced("web", Some(half_spot()))).unwrap();
                w.advance_by(3600.0);
                get(w, "web").desired_count == 4
            },
        ),
    ]
}
