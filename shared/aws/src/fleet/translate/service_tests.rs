use super::*;
use aws_sdk_ecs::types::{
    AdvancedConfiguration, AssignPublicIp, AwsVpcConfiguration, CapacityProviderStrategyItem, Deployment,
    DeploymentController as EcsController, LaunchType, ServiceConnectConfiguration, ServiceRegistry,
    ServiceVolumeConfiguration, Tag, VpcLatticeConfiguration, builders::ServiceBuilder,
};
use aws_smithy_types::DateTime;
use spotkeeper_core::observe::{DeploymentStrategy, GapCause};
use spotkeeper_core::units::Seconds;

fn item(provider: &str, base: i32, weight: i32) -> CapacityProviderStrategyItem {
    CapacityProviderStrategyItem::builder().capacity_provider(provider).base(base).weight(weight).build().unwrap()
}

fn web() -> ServiceBuilder {
    EcsService::builder()
        .service_arn("arn:aws:ecs:eu-west-1:123456789012:service/prod/web")
        .service_name("web")
        .status("ACTIVE")
        .desired_count(4)
        .running_count(3)
        .pending_count(1)
        .launch_type(LaunchType::Fargate)
        .task_definition("arn:aws:ecs:eu-west-1:123456789012:task-definition/web:7")
}

fn primary() -> aws_sdk_ecs::types::builders::DeploymentBuilder {
    Deployment::builder()
        .id("ecs-svc/1")
        .status("PRIMARY")
        .launch_type(LaunchType::Fargate)
        .created_at(DateTime::from_secs(1))
}

fn read(given: ServiceBuilder) -> Result<Service, NotUnderstood> {
    service(&ClusterName::parse("prod").unwrap(), &given.build())
}

#[test]
fn a_plain_service_has_ecs_s_defaults_and_the_rest_unread() {
    let web = read(web()).unwrap();
    assert_eq!(web.id.to_string(), "prod/web");
    assert_eq!((web.desired, web.running, web.pending), (4, 3, 1));
    assert_eq!(web.placed_by, PlacedBy::LaunchType(spotkeeper_core::observe::LaunchType::Fargate));
    assert_eq!((web.scheduling, web.controller), (Scheduling::Replica, DeploymentController::Ecs));
    assert_eq!((web.deployment.minimum_healthy_percent, web.deployment.maximum_percent), (100, 200));
    assert_eq!(web.deployment.strategy, DeploymentStrategy::Rolling);
    assert_eq!((web.network_digest.as_str(), web.health_check_grace), ("", Seconds(0)));
    let causes = [
        web.task_definition.get().err().map(|gap| gap.cause),
        web.scaling.get().err().map(|gap| gap.cause),
        web.tasks.get().err().map(|gap| gap.cause),
    ];
    assert_eq!(causes, [Some(GapCause::NotRead); 3]);
}

#[test]
fn a_strategy_stands_in_for_the_launch_type() {
    let strategy = web()
        .set_launch_type(None)
        .capacity_provider_strategy(item("FARGATE", 1, 1))
        .capacity_provider_strategy(item("FARGATE_SPOT", 0, 4));
    let PlacedBy::Strategy(strategy) = read(strategy).unwrap().placed_by else { panic!("a strategy") };
    assert_eq!(strategy.to_string(), "FARGATE:1 base 1, FARGATE_SPOT:4");
    let bare = CapacityProviderStrategyItem::builder().capacity_provider("cp").build().unwrap();
    let PlacedBy::Strategy(strategy) =
        read(web().set_launch_type(None).capacity_provider_strategy(bare)).unwrap().placed_by
    else {
        panic!("a strategy")
    };
    assert_eq!((strategy.items[0].base, strategy.items[0].weight), (0, 0), "missing is 0");
}

#[test]
fn what_is_not_known_is_not_guessed() {
    let controller =
        |name: &str| EcsController::builder().r#type(DeploymentControllerType::from(name)).build().unwrap();
    let constraint = EcsConstraint::builder().r#type(PlacementConstraintType::from("near")).build();
    let cases = [
        ("no placement", web().set_launch_type(None), "no launchType and capacityProviderStrategy"),
        ("a launch type", web().launch_type(LaunchType::from("MOON")), "launchType MOON"),
        ("a status", web().status("SLEEPING"), "status SLEEPING"),
        ("a scheduling", web().scheduling_strategy(SchedulingStrategy::from("CRON")), "schedulingStrategy CRON"),
        ("a controller", web().deployment_controller(controller("ARGO")), "deploymentController ARGO"),
        (
            "a manager",
            web().resource_management_type(ResourceManagementType::from("ALIEN")),
            "resourceManagementType ALIEN",
        ),
        ("a constraint", web().placement_constraints(constraint), "placementConstraints[].type near"),
        (
            "a load balancer",
            web().load_balancers(LoadBalancer::builder().build()),
            "no target group and load balancer name in loadBalancers[]",
        ),
    ];
    for (name, given, expected) in cases {
        assert_eq!(read(given).map(|_| ()), Err(NotUnderstood(expected.to_owned())), "{name}");
    }
    assert!(read(web().service_name("not a name")).is_err());
    assert!(read(web().service_arn("web")).is_err());
}

#[test]
fn other_controllers_show_their_placement_on_the_task_set() {
    let external = || {
        let controller = EcsController::builder().r#type(DeploymentControllerType::External).build().unwrap();
        web().set_launch_type(None).set_task_definition(None).deployment_controller(controller)
    };
    let empty = read(external()).unwrap();
    assert_eq!(empty.placed_by, PlacedBy::Strategy(Strategy { items: vec![] }));
    let set = TaskSet::builder().status("PRIMARY").launch_type(LaunchType::Ec2).task_definition("arn:td").build();
    let with_set = read(external().task_sets(set)).unwrap();
    assert_eq!(with_set.placed_by, PlacedBy::LaunchType(spotkeeper_core::observe::LaunchType::Ec2));
    assert_eq!(with_set.task_definition_arn, "arn:td");
}

#[test]
fn every_target_group_counts() {
    let balancer = LoadBalancer::builder()
        .target_group_arn("arn:blue")
        .container_name("web")
        .container_port(80)
        .advanced_configuration(AdvancedConfiguration::builder().alternate_target_group_arn("arn:green").build())
        .build();
    let classic = LoadBalancer::builder().load_balancer_name("old").container_name("web").container_port(80).build();
    let web = read(web().load_balancers(balancer).load_balancers(classic)).unwrap();
    let targets: Vec<&LoadBalancerTarget> = web.load_balancers.iter().map(|one| &one.target).collect();
    assert_eq!(
        targets,
        [
            &LoadBalancerTarget::TargetGroup("arn:blue".to_owned()),
            &LoadBalancerTarget::AlternateTargetGroup("arn:green".to_owned()),
            &LoadBalancerTarget::Classic("old".to_owned()),
        ]
    );
    assert_eq!(web.target_groups.keys().collect::<Vec<_>>(), ["arn:blue", "arn:green"]);
}

#[test]
fn discovery_and_volumes_are_those_of_the_primary_deployment() {
    let connect = |enabled| ServiceConnectConfiguration::builder().enabled(enabled).build();
    let volume = ServiceVolumeConfiguration::builder().name("data").build().unwrap();
    let lattice =
        VpcLatticeConfiguration::builder().role_arn("r").target_group_arn("t").port_name("p").build().unwrap();
    let old = primary().id("ecs-svc/0").status("ACTIVE").service_connect_configuration(connect(true)).build();
    let plain = read(web().deployments(primary().build()).deployments(old)).unwrap();
    assert_eq!((plain.discovery, plain.volumes_at_launch), (Discovery::default(), false));
    let newest = primary()
        .service_connect_configuration(connect(true))
        .vpc_lattice_configurations(lattice)
        .volume_configurations(volume)
        .build();
    let found = read(web().deployments(newest).service_registries(ServiceRegistry::builder().build())).unwrap();
    assert_eq!(found.discovery, Discovery { service_connect: true, cloud_map: true, lattice: true });
    assert!(found.volumes_at_launch);
    let off = primary().service_connect_configuration(connect(false)).build();
    assert!(!read(web().deployments(off)).unwrap().discovery.service_connect);
}

#[test]
fn the_network_digest_does_not_depend_on_order() {
    let network = |subnets: &[&str], public| {
        let strings = |ids: &[&str]| Some(ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>());
        let vpc = AwsVpcConfiguration::builder()
            .set_subnets(strings(subnets))
            .set_security_groups(strings(&["sg-1"]))
            .assign_public_ip(public)
            .build()
            .unwrap();
        NetworkConfiguration::builder().awsvpc_configuration(vpc).build()
    };
    let digest_of =
        |subnets: &[&str], public| read(web().network_configuration(network(subnets, public))).unwrap().network_digest;
    let one = digest_of(&["subnet-a", "subnet-b"], AssignPublicIp::Disabled);
    assert_eq!(one, digest_of(&["subnet-b", "subnet-a"], AssignPublicIp::Disabled));
    assert_ne!(one, digest_of(&["subnet-a"], AssignPublicIp::Disabled));
    assert_ne!(one, digest_of(&["subnet-a", "subnet-b"], AssignPublicIp::Enabled));
    let subnets = read(web().network_configuration(network(&["subnet-a"], AssignPublicIp::Disabled))).unwrap().subnets;
    assert_eq!(subnets, ["subnet-a"]);
}

#[test]
fn tags_express_and_constraints_are_kept() {
    let given = web()
        .tags(Tag::builder().key("spotkeeper:enabled").value("true").build())
        .resource_management_type(ResourceManagementType::Ecs)
        .current_service_deployment("arn:deployment")
        .health_check_grace_period_seconds(60)
        .placement_constraints(EcsConstraint::builder().r#type(PlacementConstraintType::DistinctInstance).build())
        .placement_constraints(
            EcsConstraint::builder().r#type(PlacementConstraintType::MemberOf).expression("zone == a").build(),
        );
    let web = read(given).unwrap();
    assert_eq!(web.tag_settings().enabled, Some(true));
    assert!(web.express && web.deploying());
    assert_eq!(web.health_check_grace, Seconds(60));
    assert_eq!(
        web.placement_constraints,
        [PlacementConstraint::DistinctInstance, PlacementConstraint::MemberOf("zone == a".to_owned())]
    );
}
