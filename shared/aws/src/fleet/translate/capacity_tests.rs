use super::*;
use aws_sdk_ecs::types::{
    InstanceLaunchTemplate, InstanceRequirementsRequest, ManagedInstancesNetworkConfiguration, ManagedScaling,
    MemoryMiBRequest, VCpuCountRangeRequest, builders::CapacityProviderBuilder,
};
use spotkeeper_core::observe::GapCause;

fn given(name: &str) -> CapacityProviderBuilder {
    CapacityProvider::builder().name(name).status(CapacityProviderStatus::Active)
}

fn ecs_group() -> aws_sdk_ecs::types::builders::AutoScalingGroupProviderBuilder {
    AutoScalingGroupProvider::builder()
        .auto_scaling_group_arn("arn:aws:autoscaling:eu-west-1:1:autoScalingGroup:uuid:autoScalingGroupName/spot-asg")
}

fn managed(option: Option<CapacityOptionType>, spot_price: Option<i32>, vcpus: i32) -> EcsManagedInstancesProvider {
    let requirements = InstanceRequirementsRequest::builder()
        .v_cpu_count(VCpuCountRangeRequest::builder().min(vcpus).build().unwrap())
        .memory_mib(MemoryMiBRequest::builder().min(1024).build().unwrap())
        .set_spot_max_price_percentage_over_lowest_price(spot_price)
        .build();
    let template = InstanceLaunchTemplate::builder()
        .ec2_instance_profile_arn("arn:profile")
        .network_configuration(ManagedInstancesNetworkConfiguration::builder().subnets("subnet-a").build())
        .set_capacity_option_type(option)
        .instance_requirements(requirements)
        .build()
        .unwrap();
    EcsManagedInstancesProvider::builder().instance_launch_template(template).build()
}

#[test]
fn kinds_are_told_by_type_or_by_what_stands_in_the_provider() {
    let asg = || ecs_group().build().unwrap();
    let cases = [
        ("FARGATE", given("FARGATE").r#type(CapacityProviderType::Fargate), "fargate"),
        ("FARGATE without a type", given("FARGATE"), "fargate"),
        ("FARGATE_SPOT", given("FARGATE_SPOT").r#type(CapacityProviderType::FargateSpot), "spot"),
        ("FARGATE_SPOT without a type", given("FARGATE_SPOT"), "spot"),
        (
            "a group",
            given("cp").r#type(CapacityProviderType::Ec2Autoscaling).auto_scaling_group_provider(asg()),
            "group",
        ),
        ("a group without a type", given("cp").auto_scaling_group_provider(asg()), "group"),
        ("managed", given("cp").managed_instances_provider(managed(None, None, 1)), "managed"),
    ];
    for (name, given, expected) in cases {
        let actual = match provider(&given.build()).unwrap().kind {
            ProviderKind::Fargate => "fargate",
            ProviderKind::FargateSpot => "spot",
            ProviderKind::AutoScalingGroup(_) => "group",
            ProviderKind::ManagedInstances(_) => "managed",
        };
        assert_eq!(actual, expected, "{name}");
    }
    let refused = [
        ("no type", given("cp"), "no type"),
        ("an unknown type", given("cp").r#type(CapacityProviderType::from("MOON")), "type MOON"),
        ("no details", given("cp").r#type(CapacityProviderType::Ec2Autoscaling), "no details of type EC2_AUTOSCALING"),
        ("a status", given("FARGATE").status(CapacityProviderStatus::from("ODD")), "status ODD"),
        ("no status", given("FARGATE").set_status(None), "no status"),
    ];
    for (name, given, expected) in refused {
        assert_eq!(provider(&given.build()), Err(NotUnderstood(expected.to_owned())), "{name}");
    }
    assert!(!provider(&given("FARGATE").status(CapacityProviderStatus::Inactive).build()).unwrap().active);
}

#[test]
fn a_group_provider_has_its_scaling_and_names_its_group() {
    let scaling = ManagedScaling::builder().status(ManagedScalingStatus::Enabled).instance_warmup_period(90).build();
    let full = ecs_group().managed_scaling(scaling).managed_draining(ManagedDraining::Enabled).build().unwrap();
    let full = group_provider(&full).unwrap();
    assert_eq!((full.managed_scaling, full.managed_draining, full.warmup), (true, true, Seconds(90)));
    let gap = full.group.get().unwrap_err();
    assert_eq!((gap.subject.as_str(), gap.cause), ("spot-asg", GapCause::NotRead));
    let bare = group_provider(&ecs_group().build().unwrap()).unwrap();
    assert_eq!((bare.managed_scaling, bare.managed_draining, bare.warmup), (false, false, Seconds(300)));
    assert_eq!(group_name("spot-asg"), "spot-asg");
}

#[test]
fn managed_instances_are_compared_by_what_they_ask_for() {
    let of = |option, price, vcpus| managed_instances(&managed(option, price, vcpus)).unwrap();
    let markets = [
        (None, Market::OnDemand),
        (Some(CapacityOptionType::OnDemand), Market::OnDemand),
        (Some(CapacityOptionType::Spot), Market::Spot),
        (Some(CapacityOptionType::Reserved), Market::Mixed),
    ];
    for (option, expected) in markets {
        assert_eq!(of(option, None, 1).market, expected);
    }
    let spot = of(Some(CapacityOptionType::Spot), Some(50), 2);
    assert_eq!(spot.requirements_digest, of(None, None, 2).requirements_digest, "prices do not count");
    assert_ne!(spot.requirements_digest, of(None, None, 4).requirements_digest);
    assert_eq!(spot.subnets, ["subnet-a"]);
    assert!(managed_instances(&managed(Some(CapacityOptionType::from("LEASED")), None, 1)).is_err());
}
