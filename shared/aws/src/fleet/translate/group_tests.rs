use super::*;
use aws_sdk_autoscaling::types::{
    DistributionSegment, InstanceRequirements, InstancesDistribution as AsgDistribution, LaunchTemplate as AsgTemplate,
    LaunchTemplateOverrides, LifecycleState, TargetCapacityType, builders::AutoScalingGroupBuilder,
};
use spotkeeper_core::observe::{Architecture, GapCause};
use spotkeeper_core::units::{CpuUnits, MemoryMib};

fn asg() -> AutoScalingGroupBuilder {
    AutoScalingGroup::builder().auto_scaling_group_name("g").max_size(10).desired_capacity(3)
}

fn template(id: &str) -> LaunchTemplateSpecification {
    LaunchTemplateSpecification::builder().launch_template_id(id).build()
}

fn mixed(
    distribution: Option<(Option<i32>, Option<i32>)>,
    overrides: &[LaunchTemplateOverrides],
) -> MixedInstancesPolicy {
    let distribution = distribution.map(|(base, above)| {
        AsgDistribution::builder()
            .set_on_demand_base_capacity(base)
            .set_on_demand_percentage_above_base_capacity(above)
            .build()
    });
    MixedInstancesPolicy::builder()
        .launch_template(
            AsgTemplate::builder()
                .launch_template_specification(template("lt-1"))
                .set_overrides(Some(overrides.to_vec()))
                .build(),
        )
        .set_instances_distribution(distribution)
        .build()
}

fn of_type(name: &str) -> LaunchTemplateOverrides {
    LaunchTemplateOverrides::builder().instance_type(name).build()
}

fn ec2_template(market: TemplateMarket, instance_type: Option<&str>, by_requirements: bool) -> LaunchTemplate {
    let requirements = by_requirements.then(Default::default);
    LaunchTemplate { market, instance_type: instance_type.map(str::to_owned), requirements }
}

#[test]
fn what_a_group_buys() {
    let plain = |market| Some(ec2_template(market, Some("m5.large"), false));
    let segments = AsgDistribution::builder()
        .on_demand_percentage_above_base_capacity(0)
        .distribution_segments(
            DistributionSegment::builder().target_capacity_types(TargetCapacityType::from("on-demand")).build(),
        )
        .build();
    let segmented = MixedInstancesPolicy::builder().instances_distribution(segments).build();
    let cases = [
        ("a plain template", asg(), plain(TemplateMarket::OnDemand), Market::OnDemand),
        ("a Spot template", asg(), plain(TemplateMarket::Spot), Market::Spot),
        ("a template of capacity blocks", asg(), plain(TemplateMarket::Other), Market::Mixed),
        ("a policy without numbers", asg().mixed_instances_policy(mixed(None, &[])), None, Market::OnDemand),
        ("both zero", asg().mixed_instances_policy(mixed(Some((Some(0), Some(0))), &[])), None, Market::Spot),
        ("percentage absent", asg().mixed_instances_policy(mixed(Some((Some(0), None)), &[])), None, Market::OnDemand),
        ("a base", asg().mixed_instances_policy(mixed(Some((Some(1), Some(0))), &[])), None, Market::Mixed),
        ("segments", asg().mixed_instances_policy(segmented), None, Market::Mixed),
    ];
    for (name, given, template, expected) in cases {
        assert_eq!(market(&given.build(), template.as_ref()), expected, "{name}");
    }
}

#[test]
fn which_types_a_group_may_launch() {
    let requirements =
        LaunchTemplateOverrides::builder().instance_requirements(InstanceRequirements::builder().build()).build();
    let instance = Instance::builder().instance_type("r6i.large").build();
    let overridden = |overrides: &[LaunchTemplateOverrides]| asg().mixed_instances_policy(mixed(None, overrides));
    let cases = [
        (
            "the template's",
            asg(),
            Some(ec2_template(TemplateMarket::OnDemand, Some("m5.large"), false)),
            Ok(vec!["m5.large"]),
        ),
        (
            "the overrides'",
            overridden(&[of_type("m5.large"), of_type("c5.large"), of_type("m5.large")]),
            None,
            Ok(vec!["c5.large", "m5.large"]),
        ),
        (
            "overrides win over the template",
            overridden(&[of_type("c5.large")]),
            Some(ec2_template(TemplateMarket::OnDemand, Some("m5.large"), false)),
            Ok(vec!["c5.large"]),
        ),
        (
            "by requirements: its instances'",
            overridden(std::slice::from_ref(&requirements)).instances(instance.clone()),
            None,
            Ok(vec!["r6i.large"]),
        ),
        (
            "by requirements, no instance yet",
            overridden(&[requirements]),
            None,
            Err("the group asks by instance requirements"),
        ),
        (
            "by the template's requirements",
            asg().instances(instance),
            Some(ec2_template(TemplateMarket::OnDemand, None, true)),
            Ok(vec!["r6i.large"]),
        ),
        ("none", asg(), Some(ec2_template(TemplateMarket::OnDemand, None, false)), Err("no instance type")),
    ];
    for (name, given, template, expected) in cases {
        match (type_names(&given.build(), template.as_ref()), expected) {
            (Ok(actual), Ok(expected)) => assert_eq!(actual, expected, "{name}"),
            (Err(actual), Err(expected)) => {
                assert!(actual.0.starts_with(expected), "{name}: {actual}")
            }
            (actual, _) => panic!("{name}: {actual:?}"),
        }
    }
}

#[test]
fn a_template_is_read_only_where_it_decides() {
    let version = |version: &str| {
        Ok(Some(TemplateVersion { template: TemplateKey::Id("lt-1".to_owned()), version: version.to_owned() }))
    };
    let numbered = LaunchTemplateSpecification::builder().launch_template_id("lt-1").version("3").build();
    let cases = [
        ("a plain group", asg().launch_template(template("lt-1")), version("$Default")),
        ("a version", asg().launch_template(numbered), version("3")),
        ("a policy with overrides", asg().mixed_instances_policy(mixed(None, &[of_type("c5.large")])), Ok(None)),
        ("a policy without", asg().mixed_instances_policy(mixed(None, &[])), version("$Default")),
        (
            "a launch configuration",
            asg().launch_configuration_name("old"),
            Err(NotUnderstood("launch configuration (not a launch template) old".to_owned())),
        ),
        ("nothing", asg(), Err(NotUnderstood("no launch template".to_owned()))),
    ];
    for (name, given, expected) in cases {
        assert_eq!(template_needed(&given.build()), expected, "{name}");
    }
}

#[test]
fn a_group_keeps_its_limits_and_places() {
    let weighted = LaunchTemplateOverrides::builder().instance_type("c5.large").weighted_capacity("2").build();
    let given = asg()
        .availability_zones("eu-west-1a")
        .vpc_zone_identifier("subnet-a, subnet-b")
        .mixed_instances_policy(mixed(Some((Some(0), Some(0))), &[weighted]))
        .build();
    let types = Reading::Known(Vec::new());
    let actual = group(&given, None, types, Some(2));
    assert_eq!(actual.instances, Some(2));
    assert_eq!((actual.max_size, actual.desired, actual.weighted, actual.market), (10, 3, true, Market::Spot));
    assert_eq!(
        (actual.zones, actual.subnets),
        (vec!["eu-west-1a".to_owned()], vec!["subnet-a".to_owned(), "subnet-b".to_owned()])
    );
}

#[test]
fn instances_on_their_way_out_do_not_count() {
    use LifecycleState::{InService, Pending, TerminatingWait};
    let instance = |state| Instance::builder().lifecycle_state(state).build();
    let given = asg().set_instances(Some([Pending, InService, TerminatingWait].map(instance).to_vec())).build();
    assert_eq!(instances(&given), 2);
    assert_eq!(instances(&asg().build()), 0);
}

#[test]
fn one_missing_type_leaves_all_in_doubt() {
    let large = InstanceType {
        name: "m5.large".to_owned(),
        cpu: CpuUnits(2_048),
        memory: MemoryMib(8_192),
        architecture: Architecture::X8664,
    };
    let gap = super::super::gap("c9.huge", Action::DescribeInstanceTypes, GapCause::Absent, "");
    let read = BTreeMap::from([("m5.large".to_owned(), Ok(large.clone())), ("c9.huge".to_owned(), Err(gap.clone()))]);
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    assert_eq!(instance_types(&names(&["m5.large"]), &read), Reading::Known(vec![large]));
    assert_eq!(instance_types(&names(&["m5.large", "c9.huge"]), &read), Reading::Missing(gap));
}
