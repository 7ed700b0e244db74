//! Constraints, the limit on waiting tasks, managed scaling and Managed Instances.

use super::*;

fn instances_with_tasks(world: &World, service: &str) -> Vec<(String, String)> {
    let mut all: Vec<_> = get(world, service)
        .tasks
        .iter()
        .filter(|t| world.tasks[*t].is_running())
        .filter_map(|t| world.instances.get(world.tasks[t].instance.as_ref()?))
        .map(|i| (i.instance_type.clone(), i.zone.clone()))
        .collect();
    all.sort();
    all.dedup();
    all
}

#[test]
fn member_of_keeps_tasks_where_the_expression_holds() {
    for (expression, group, want) in [
        ("attribute:ecs.availability-zone in [eu-west-1b, eu-west-1c]", "", vec!["eu-west-1b", "eu-west-1c"]),
        ("attribute:ecs.availability-zone != eu-west-1a", "", vec!["eu-west-1b", "eu-west-1c"]),
        (
            "attribute:stack == blue and attribute:ecs.instance-type =~ m5.*",
            "attributes: { stack: blue },",
            vec!["eu-west-1a", "eu-west-1b"],
        ),
    ] {
        let world = world_with(|a| {
            a.replace("{ name: od, cluster: c,", &format!("{{ name: od, cluster: c, {group}")).replace(
                "serviceName: ec2, taskDefinition: e, desiredCount: 4,",
                &format!("serviceName: ec2, taskDefinition: e, desiredCount: 4, placementConstraints: [{{ type: memberOf, expression: \"{expression}\" }}],"),
            )
        });
        let zones: Vec<String> = instances_with_tasks(&world, "ec2").into_iter().map(|(_, z)| z).collect();
        assert_eq!(zones, want, "{expression}");
    }
}

#[test]
fn an_expression_that_cannot_be_read_is_a_mistake() {
    let account = ACCOUNT.replace(
        "serviceName: ec2, taskDefinition: e,",
        "serviceName: ec2, taskDefinition: e, placementConstraints: [{ type: memberOf, expression: \"task:group == x\" }],",
    );
    let told = crate::account::parse(&account, "test.yaml", jiff::Timestamp::UNIX_EPOCH).unwrap_err().to_string();
    assert!(told.contains("test.yaml:28") && told.contains("attribute:ecs.instance-type == m5.large"), "{told}");
}

#[test]
fn no_more_than_500_tasks_wait_for_an_instance() {
    let mut world = world();
    world.groups.get_mut("spot").unwrap().max_size = 0;
    let call = UpdateService { desired_count: Some(650), ..forced("ec2", Some(vec![item("spot", 0, 1)])) };
    world.update_service(&call).unwrap();
    world.advance_by(300.0);
    let waiting = get(&world, "ec2").tasks.iter().filter(|t| world.tasks[*t].waiting).count();
    assert_eq!(waiting, 500);
    let told = |what: &str| get(&world, "ec2").events.iter().any(|e| e.message.contains(what));
    assert!(told("tasks provisioning capacity limit was exceeded"));
}

#[test]
fn managed_scaling_keeps_spare_capacity_and_its_steps() {
    let scaled = |scaling: &str| {
        let mut world = world_with(|a| {
            a.replace(
                "autoScalingGroup: spot, managedScaling: { status: ENABLED }",
                &format!("autoScalingGroup: spot, managedScaling: {{ status: ENABLED, {scaling} }}"),
            )
            .replace("maxSize: 6 }\ncapacityProviders", "maxSize: 40 }\ncapacityProviders")
        });
        let call = UpdateService { desired_count: Some(12), ..forced("ec2", Some(vec![item("spot", 0, 1)])) };
        world.update_service(&call).unwrap();
        world.advance_by(30.0);
        let first = world.instances_of("spot").count();
        world.advance_by(7200.0);
        assert_eq!(on(&world, "ec2", "spot"), 12, "{scaling}");
        (first, world.instances_of("spot").count())
    };
    // Three tasks fit beside the daemon: four instances, and with 50 % of target capacity eight. The
    // first decision sees the nine tasks of the first second (500 a minute).
    assert_eq!(scaled("targetCapacity: 100"), (3, 4));
    assert_eq!(scaled("targetCapacity: 50"), (6, 8));
    assert_eq!(scaled("maximumScalingStepSize: 1"), (1, 4));
    assert_eq!(scaled("minimumScalingStepSize: 9"), (9, 4));
}

const MANAGED: &str = "
clusters: [{ clusterName: c, capacityProviders: [mi-od, mi-spot] }]
settings: { jitterPercent: 0 }
capacityProviders:
  - { name: mi-od, cluster: c, managedInstancesProvider: { capacityOptionType: ON_DEMAND } }
  - { name: mi-spot, cluster: c, managedInstancesProvider: { capacityOptionType: SPOT, instanceRequirements: { vCpuCount: { min: 4 }, memoryMiB: { min: 1024 } } } }
taskDefinitions: [{ family: f, cpu: 1024, memory: 2048, networkMode: awsvpc, requiresCompatibilities: [MANAGED_INSTANCES], containerDefinitions: [{ name: a, image: i }] }]
services:
  - { cluster: c, serviceName: web, taskDefinition: f, desiredCount: 4, deploymentConfiguration: { minimumHealthyPercent: 50 }, capacityProviderStrategy: [{ capacityProvider: mi-od, weight: 1 }] }
";

#[test]
fn managed_instances_come_and_go_with_their_tasks() {
    let mut world = crate::account::parse(MANAGED, "managed.yaml", jiff::Timestamp::UNIX_EPOCH).unwrap();
    let of = |w: &World, p: &str| w.instances.values().filter(|i| i.managed_by.as_deref() == Some(p)).count();
    let (od, spot) = (of(&world, "mi-od"), of(&world, "mi-spot"));
    assert!(od > 0 && spot == 0);
    world.update_service(&forced("web", Some(vec![item("mi-spot", 0, 1)]))).unwrap();
    world.advance_by(30.0);
    assert_eq!(
        world.tally(get(&world, "web"), |t| t.provider.as_deref() == Some("mi-spot")).running,
        0,
        "an instance takes its time"
    );
    run_out(&mut world, "web", 1200);
    assert_eq!(on(&world, "web", "mi-spot"), 4);
    assert!(world.instances.values().filter(|i| i.spot).all(|i| i.vcpus >= 4), "the requirements are kept");
    world.advance_by(3600.0);
    assert_eq!(of(&world, "mi-od"), 0, "what stands empty goes");
    // A reclaim: ECS drains what it manages, and replaces it.
    let pool = world.instances.values().next().unwrap().pool().to_string();
    assert!(world.reclaim(&pool, 1).unwrap() == 1);
    world.advance_by(8.0);
    assert!(world.instances.values().any(|i| i.draining));
    world.advance_by(1200.0);
    assert_eq!(on(&world, "web", "mi-spot"), 4);
    // A drought: tasks wait.
    fault(&mut world, serde_json::json!({"fault": "spot_unavailable", "provider": "mi-spot"}), true).unwrap();
    world
        .update_service(&UpdateService { desired_count: Some(20), force_new_deployment: false, ..forced("web", None) })
        .unwrap();
    world.advance_by(600.0);
    assert!(on(&world, "web", "mi-spot") < 20);
}
