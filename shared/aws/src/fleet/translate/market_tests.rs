use super::*;
use aws_sdk_autoscaling::types::{
    InstancesDistribution, LaunchTemplate as AsgTemplate, LaunchTemplateOverrides, VCpuCountRequest,
    builders::AutoScalingGroupBuilder,
};
use serde_json::json;
use spotkeeper_aws_ec2::TemplateMarket;
use spotkeeper_core::observe::{GapCause, Market};
use spotkeeper_core::units::{CpuUnits, MemoryMib};

fn asg() -> AutoScalingGroupBuilder {
    AutoScalingGroup::builder()
        .auto_scaling_group_name("g")
        .max_size(30)
        .availability_zones("eu-west-1b")
        .availability_zones("eu-west-1a")
}

fn mixed(strategy: Option<&str>, overrides: &[LaunchTemplateOverrides]) -> AutoScalingGroup {
    let distribution = InstancesDistribution::builder().set_spot_allocation_strategy(strategy.map(str::to_owned));
    let policy = MixedInstancesPolicy::builder()
        .launch_template(AsgTemplate::builder().set_overrides(Some(overrides.to_vec())).build())
        .instances_distribution(distribution.build())
        .build();
    asg().mixed_instances_policy(policy).build()
}

fn of_type(name: &str) -> LaunchTemplateOverrides {
    LaunchTemplateOverrides::builder().instance_type(name).build()
}

fn of_requirements(vcpus: i32) -> LaunchTemplateOverrides {
    let range = VCpuCountRequest::builder().min(vcpus).build();
    let requirements = InstanceRequirements::builder().v_cpu_count(range).build();
    LaunchTemplateOverrides::builder().instance_requirements(requirements).build()
}

fn template(instance_type: Option<&str>, requirements: Option<Requirements>) -> LaunchTemplate {
    LaunchTemplate { market: TemplateMarket::Spot, instance_type: instance_type.map(str::to_owned), requirements }
}

fn requirements(vcpus: i32) -> Requirements {
    serde_json::from_value(json!({ "VCpuCount": { "Min": vcpus } })).unwrap()
}

/// The group as core has it: its instances are of this architecture, if it has any.
fn group(given: &AutoScalingGroup, architecture: Option<Architecture>) -> Group {
    let of = |architecture| InstanceType {
        name: "m5.large".to_owned(),
        cpu: CpuUnits::VCPU,
        memory: MemoryMib(8_192),
        architecture,
    };
    let types = match architecture {
        Some(architecture) => Reading::Known(vec![of(architecture)]),
        None => {
            Reading::Missing(NotUnderstood("no instance yet".to_owned()).gap("g", Action::DescribeAutoScalingGroups))
        }
    };
    Group { market: Market::Spot, ..super::super::capacity::group(given, None, types, None) }
}

#[test]
fn a_group_is_asked_about_as_it_asks_itself() {
    let types = |names: &[&str]| Wanted::Types(names.iter().map(|name| (*name).to_owned()).collect());
    let required =
        |vcpus| Wanted::Requirements { architectures: [Architecture::Arm64].into(), requirements: requirements(vcpus) };
    let named = [of_type("r5.large"), of_type("m5.large"), of_type("r5.large")];
    let cases = [
        // name, group, template, what is wanted, whether at the lowest price
        ("overrides", mixed(Some("capacity-optimized"), &named), None, types(&["m5.large", "r5.large"]), false),
        ("no strategy is the lowest price", mixed(None, &named[..1]), None, types(&["r5.large"]), true),
        ("the lowest price", mixed(Some("lowest-price"), &named[..1]), None, types(&["r5.large"]), true),
        (
            "a policy without overrides",
            mixed(Some("price-capacity-optimized"), &[]),
            Some(template(Some("m5.large"), None)),
            types(&["m5.large"]),
            false,
        ),
        ("a template alone", asg().build(), Some(template(Some("m5.large"), None)), types(&["m5.large"]), false),
        ("a template's requirements", asg().build(), Some(template(None, Some(requirements(4)))), required(4), false),
        ("requirements", mixed(Some("capacity-optimized"), &[of_requirements(2)]), None, required(2), false),
        (
            "the same requirements for two templates",
            mixed(Some("capacity-optimized"), &[of_requirements(2), of_requirements(2)]),
            None,
            required(2),
            false,
        ),
    ];
    for (name, given, template, wanted, lowest_price) in cases {
        let expected = SpotInstances {
            wanted,
            max_size: 30,
            zones: ["eu-west-1a", "eu-west-1b"].map(str::to_owned).into(),
            lowest_price,
        };
        let read = launches(&given, template.as_ref(), &group(&given, Some(Architecture::Arm64)));
        assert_eq!(read, Ok(Launches::Instances(expected)), "{name}");
    }
}

#[test]
fn what_one_question_does_not_hold_is_not_asked() {
    let unscored =
        |given: &AutoScalingGroup| match launches(given, None, &group(given, Some(Architecture::X8664))).unwrap() {
            Launches::Unscored(why) => why,
            Launches::Instances(instances) => panic!("{instances:?}"),
        };
    assert!(unscored(&mixed(None, &[of_requirements(2), of_requirements(4)])).contains("several sets"));
    assert!(unscored(&mixed(None, &[of_requirements(2), of_type("m5.large")])).contains("several sets"));
    let weighted = LaunchTemplateOverrides::builder().instance_type("m5.large").weighted_capacity("2").build();
    assert!(unscored(&mixed(None, &[weighted])).contains("weights"));
}

#[test]
fn what_is_not_known_of_a_group_is_a_gap() {
    let by_requirements = mixed(None, &[of_requirements(2)]);
    let gap = launches(&by_requirements, None, &group(&by_requirements, None)).unwrap_err();
    assert_eq!((gap.cause, gap.detail.as_str()), (GapCause::NotUnderstood, "no instance yet"), "no architecture");
    let by_nothing = asg().build();
    let gap = launches(&by_nothing, None, &group(&by_nothing, Some(Architecture::X8664))).unwrap_err();
    assert_eq!(gap.cause, GapCause::NotUnderstood);
    // Types that are named need no look at what they hold.
    let named = mixed(None, &[of_type("m5.large")]);
    assert!(launches(&named, None, &group(&named, None)).is_ok());
}
