use super::*;
use crate::client::Action;
use crate::client::testing::replaying;
use aws_sdk_autoscaling::operation::describe_auto_scaling_groups::DescribeAutoScalingGroupsOutput;
use aws_sdk_autoscaling::types::{
    AutoScalingGroup, InstancesDistribution, LaunchTemplate, LaunchTemplateOverrides, LaunchTemplateSpecification,
    MixedInstancesPolicy,
};
use aws_sdk_ecs::types::{
    AutoScalingGroupProvider, CapacityProvider, CapacityProviderStatus, CapacityProviderStrategyItem, Failure,
};
use spotkeeper_core::ids::ProviderName;
use spotkeeper_core::observe::{Group, Market, ProviderKind, Reading, Snapshot};

fn group_provider(name: &str, group: &str) -> CapacityProvider {
    let behind = AutoScalingGroupProvider::builder()
        .auto_scaling_group_arn(format!("arn:...:autoScalingGroup:uuid:autoScalingGroupName/{group}"))
        .build()
        .unwrap();
    CapacityProvider::builder()
        .name(name)
        .status(CapacityProviderStatus::Active)
        .auto_scaling_group_provider(behind)
        .build()
}

fn spot_group(types: &[&str]) -> AutoScalingGroup {
    let overrides = types.iter().map(|name| LaunchTemplateOverrides::builder().instance_type(*name).build());
    let template = LaunchTemplate::builder().set_overrides(Some(overrides.collect())).build();
    let distribution =
        InstancesDistribution::builder().on_demand_base_capacity(0).on_demand_percentage_above_base_capacity(0).build();
    let policy = MixedInstancesPolicy::builder().launch_template(template).instances_distribution(distribution).build();
    AutoScalingGroup::builder().auto_scaling_group_name("spot").mixed_instances_policy(policy).build()
}

fn plain_group() -> AutoScalingGroup {
    let template = LaunchTemplateSpecification::builder().launch_template_id("lt-1").build();
    AutoScalingGroup::builder().auto_scaling_group_name("od").launch_template(template).build()
}

/// EC2's answers are replayed: they are the last two that are sent.
async fn observed(depth: Depth, ec2: &[(u16, &str)]) -> (Snapshot, u32) {
    let with_groups = mock!(Ecs::describe_clusters).then_output(|| {
        let cluster = aws_sdk_ecs::types::Cluster::builder()
            .cluster_name("prod")
            .status("ACTIVE")
            .capacity_providers("cp-od")
            .capacity_providers("cp-spot")
            .build();
        DescribeClustersOutput::builder().clusters(cluster).build()
    });
    let associated = mock!(Ecs::describe_capacity_providers)
        .match_requests(|it| it.cluster() == Some("prod") && it.capacity_providers() == ["cp-od", "cp-spot"])
        .then_output(|| {
            DescribeCapacityProvidersOutput::builder()
                .capacity_providers(group_provider("cp-od", "od"))
                .capacity_providers(group_provider("cp-spot", "spot"))
                .build()
        });
    let used = mock!(Ecs::describe_capacity_providers)
        .match_requests(|it| it.cluster().is_none() && it.capacity_providers() == ["cp-gone"])
        .then_output(|| {
            let failure = Failure::builder().arn("arn:aws:ecs:x:1:capacity-provider/cp-gone").reason("MISSING");
            DescribeCapacityProvidersOutput::builder().failures(failure.build()).build()
        });
    let service = mock!(Ecs::describe_services).then_output(|| {
        let item = CapacityProviderStrategyItem::builder().capacity_provider("cp-gone").weight(1).build().unwrap();
        let service = service("web").set_launch_type(None).capacity_provider_strategy(item).build();
        DescribeServicesOutput::builder().services(service).build()
    });
    let groups = mock!(aws_sdk_autoscaling::Client::describe_auto_scaling_groups)
        .match_requests(move |it| {
            it.auto_scaling_group_names() == ["od", "spot"]
                && it.max_records() == Some(100)
                && it.include_instances() == Some(depth == Depth::Full)
        })
        .then_output(|| {
            DescribeAutoScalingGroupsOutput::builder()
                .auto_scaling_groups(spot_group(&["m5.large", "c9.huge"]))
                .auto_scaling_groups(plain_group())
                .build()
        });
    let rules = [with_groups, list(&["web"]), service, associated, used, no_tasks(), definitions()];
    let ecs = mock_client!(aws_sdk_ecs, RuleMode::MatchAny, &rules);
    let groups = mock_client!(aws_sdk_autoscaling, RuleMode::MatchAny, [&groups]);
    let ec2 = replaying(ec2).0.ec2;
    let fleet = fleet_on(Clients { groups, ec2, ..clients(ecs) }, Arc::default());
    let snapshot = fleet.observe(&prod(), depth).await.unwrap();
    let ec2_calls = [Action::DescribeLaunchTemplateVersions, Action::DescribeInstanceTypes];
    (snapshot, ec2_calls.map(|action| fleet.counts().of(action).calls).iter().sum())
}

fn group<'s>(snapshot: &'s Snapshot, provider: &str) -> &'s Reading<Group> {
    let provider = snapshot.providers[&ProviderName::parse(provider).unwrap()].known().unwrap();
    let ProviderKind::AutoScalingGroup(behind) = &provider.kind else { panic!("a group") };
    &behind.group
}

const TEMPLATE: &str = "<DescribeLaunchTemplateVersionsResponse><launchTemplateVersionSet><item><launchTemplateData>\
    <instanceType>m5.large</instanceType></launchTemplateData></item></launchTemplateVersionSet>\
    </DescribeLaunchTemplateVersionsResponse>";
const NO_TEMPLATE: &str = "<Response><Errors><Error><Code>InvalidLaunchTemplateId.NotFound</Code>\
    <Message>gone</Message></Error></Errors></Response>";
const TYPES: &str = "<DescribeInstanceTypesResponse><instanceTypeSet><item><instanceType>m5.large</instanceType>\
    <vCpuInfo><defaultVCpus>2</defaultVCpus></vCpuInfo><memoryInfo><sizeInMiB>8192</sizeInMiB></memoryInfo>\
    <processorInfo><supportedArchitectures><item>x86_64</item></supportedArchitectures></processorInfo>\
    </item></instanceTypeSet></DescribeInstanceTypesResponse>";

#[tokio::test]
async fn a_type_that_ec2_does_not_know_hides_the_types_of_its_group_only() {
    let (snapshot, calls) = observed(Depth::Full, &[(200, TEMPLATE), (200, TYPES)]).await;
    assert_eq!(calls, 2);
    let on_demand = group(&snapshot, "cp-od").known().unwrap();
    assert_eq!(on_demand.market, Market::OnDemand);
    assert_eq!(on_demand.instance_types.known().map(Vec::len), Some(1));
    let spot = group(&snapshot, "cp-spot").known().unwrap();
    assert_eq!(spot.market, Market::Spot);
    let gap = spot.instance_types.get().unwrap_err();
    assert_eq!((gap.subject.as_str(), gap.cause), ("c9.huge", GapCause::Absent));
    let gone = &snapshot.providers[&ProviderName::parse("cp-gone").unwrap()];
    assert_eq!(gone.get().unwrap_err().cause, GapCause::Absent, "in use, but no longer there");
    assert_eq!(snapshot.gaps.len(), 2);
}

#[tokio::test]
async fn without_its_template_a_plain_group_has_no_market() {
    let (snapshot, _) = observed(Depth::Full, &[(400, NO_TEMPLATE), (200, TYPES)]).await;
    let gap = group(&snapshot, "cp-od").get().unwrap_err();
    assert_eq!((gap.cause, gap.action.as_str()), (GapCause::Absent, "ec2:DescribeLaunchTemplateVersions"));
    assert!(group(&snapshot, "cp-spot").known().is_some());
}

#[tokio::test]
async fn a_switch_run_reads_the_market_and_no_types() {
    let (snapshot, calls) = observed(Depth::Switch, &[(200, TEMPLATE)]).await;
    assert_eq!(calls, 1, "the template alone");
    let on_demand = group(&snapshot, "cp-od").known().unwrap();
    assert_eq!(on_demand.market, Market::OnDemand);
    assert_eq!(on_demand.instance_types.get().unwrap_err().cause, GapCause::NotRead);
}
