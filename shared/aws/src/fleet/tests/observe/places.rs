//! Where Spot tasks run: which instances are asked about, in which pieces, and what a failure leaves.

use super::*;
use aws_sdk_ecs::error::ErrorMetadata;
use aws_sdk_ecs::operation::describe_container_instances::{
    DescribeContainerInstancesError, DescribeContainerInstancesOutput,
};
use aws_sdk_ecs::operation::describe_tasks::DescribeTasksOutput;
use aws_sdk_ecs::operation::get_task_protection::GetTaskProtectionOutput;
use aws_sdk_ecs::types::{
    Attribute, CapacityOptionType, CapacityProvider, CapacityProviderStatus, ContainerInstance, Failure,
    InstanceLaunchTemplate, ManagedInstancesNetworkConfiguration, ManagedInstancesProvider, Task,
};
use spotkeeper_core::observe::{Place, Snapshot};

/// Spot instances, with two tasks each; one more instance has no running Spot task.
const SPOT_INSTANCES: usize = 101;

fn instance(number: usize) -> String {
    format!("arn:aws:ecs:eu-west-1:1:container-instance/prod/{number:04}")
}

/// Task `t<n>`: of the last two one runs On-Demand, and one waits for Spot.
fn task(arn: &str) -> Task {
    let number: usize = arn[1..].parse().unwrap();
    let spot = number < 2 * SPOT_INSTANCES;
    let waiting = number == 2 * SPOT_INSTANCES + 1;
    Task::builder()
        .task_arn(arn)
        .group("service:web")
        .capacity_provider_name(if spot || waiting { "mi-spot" } else { "FARGATE" })
        .container_instance_arn(instance(number / 2))
        .availability_zone("eu-west-1a")
        .last_status(if waiting { "PENDING" } else { "RUNNING" })
        .desired_status("RUNNING")
        .build()
}

fn managed(name: &str) -> CapacityProvider {
    let network = ManagedInstancesNetworkConfiguration::builder().subnets("subnet-1").build();
    let template = InstanceLaunchTemplate::builder()
        .ec2_instance_profile_arn("arn")
        .network_configuration(network)
        .capacity_option_type(CapacityOptionType::Spot)
        .build()
        .unwrap();
    let provider =
        ManagedInstancesProvider::builder().infrastructure_role_arn("arn").instance_launch_template(template).build();
    CapacityProvider::builder()
        .name(name)
        .status(CapacityProviderStatus::Active)
        .managed_instances_provider(provider)
        .build()
}

/// What is read where `DescribeContainerInstances` answers so, and how often it was called.
async fn observed(depth: Depth, instances: Rule) -> (Snapshot, u32) {
    let cluster = mock!(Ecs::describe_clusters).then_output(|| {
        let with_spot = aws_sdk_ecs::types::Cluster::builder()
            .cluster_name("prod")
            .status("ACTIVE")
            .capacity_providers("FARGATE")
            .capacity_providers("mi-spot");
        DescribeClustersOutput::builder().clusters(with_spot.build()).build()
    });
    let providers = mock!(Ecs::describe_capacity_providers).then_output(|| {
        let both = DescribeCapacityProvidersOutput::builder().capacity_providers(fargate("FARGATE"));
        both.capacity_providers(managed("mi-spot")).build()
    });
    let list_tasks = mock!(Ecs::list_tasks).then_output(|| {
        let arns = (0..2 * SPOT_INSTANCES + 2).map(|number| format!("t{number}"));
        ListTasksOutput::builder().set_task_arns(Some(arns.collect())).build()
    });
    let tasks = mock!(Ecs::describe_tasks).then_compute_output(|it| {
        let tasks = it.tasks().iter().map(|arn| task(arn)).collect();
        DescribeTasksOutput::builder().set_tasks(Some(tasks)).build()
    });
    let protection = mock!(Ecs::get_task_protection).then_output(|| GetTaskProtectionOutput::builder().build());
    let services = [list(&["web"]), describe(Arc::default()), definitions()];
    let [names, web, definitions] = services;
    let rules = [cluster, names, web, providers, list_tasks, tasks, protection, definitions, instances];
    let fleet = fleet_on(clients(mock_client!(aws_sdk_ecs, RuleMode::MatchAny, &rules)), Arc::default());
    let snapshot = fleet.observe(&prod(), depth).await.unwrap();
    (snapshot, fleet.counts().of(crate::client::Action::DescribeContainerInstances).calls)
}

fn attribute(name: &str, value: Option<&str>) -> Attribute {
    Attribute::builder().name(name).set_value(value.map(str::to_owned)).build().unwrap()
}

/// An instance as ECS shows it, with the capabilities that have no value.
fn shown(arn: &str) -> ContainerInstance {
    ContainerInstance::builder()
        .container_instance_arn(arn)
        .attributes(attribute("com.amazonaws.ecs.capability.ecr-auth", None))
        .attributes(attribute("ecs.availability-zone", Some("eu-west-1b")))
        .attributes(attribute("ecs.instance-type", Some("m5.large")))
        .build()
}

fn places(snapshot: &Snapshot) -> Vec<Result<&Place, GapCause>> {
    let tasks = snapshot.services[0].tasks.known().unwrap().iter();
    tasks.map(|task| task.place.get().map_err(|gap| gap.cause)).collect()
}

#[tokio::test]
async fn each_instance_under_a_running_spot_task_is_asked_about_once() {
    let asked: Arc<Mutex<Vec<usize>>> = Arc::default();
    let (sizes, all) = (Arc::clone(&asked), (0..SPOT_INSTANCES).map(instance).collect::<Vec<_>>());
    let instances = mock!(Ecs::describe_container_instances)
        .match_requests(move |it| {
            it.cluster() == Some("prod") && it.container_instances().iter().all(|arn| all.contains(arn))
        })
        .then_compute_output(move |it| {
            sizes.lock().unwrap().push(it.container_instances().len());
            let shown = it.container_instances().iter().map(|arn| shown(arn)).collect();
            DescribeContainerInstancesOutput::builder().set_container_instances(Some(shown)).build()
        });
    let (snapshot, calls) = observed(Depth::Full, instances).await;
    assert_eq!(snapshot.gaps, []);
    let mut sizes = asked.lock().unwrap().clone();
    sizes.sort_unstable();
    assert_eq!((calls, sizes), (2, vec![1, 100]));
    let place = Place { instance_type: Some("m5.large".to_owned()), zone: "eu-west-1b".to_owned() };
    let mut expected = vec![Ok(&place); 2 * SPOT_INSTANCES];
    expected.extend([Err(GapCause::NotRead); 2]);
    assert_eq!(places(&snapshot), expected, "neither the On-Demand task nor the one that waits is placed");
}

#[tokio::test]
async fn what_is_not_known_of_an_instance_is_a_gap_of_its_tasks() {
    let instances = mock!(Ecs::describe_container_instances).then_compute_output(|it| {
        let found = it.container_instances().iter().filter(|arn| !arn.ends_with("/0000") && !arn.ends_with("/0002"));
        let found = found.map(|arn| match arn.ends_with("/0001") {
            // An attribute that is not there.
            true => ContainerInstance::builder().container_instance_arn(arn).build(),
            false => shown(arn),
        });
        // As ECS names it in its answer, without the cluster.
        let failure = Failure::builder().arn("arn:aws:ecs:eu-west-1:1:container-instance/0000").reason("MISSING");
        DescribeContainerInstancesOutput::builder()
            .set_container_instances(Some(found.collect()))
            .failures(failure.build())
            .build()
    });
    let (snapshot, _) = observed(Depth::Full, instances).await;
    let told: Vec<(&str, GapCause, &str)> =
        snapshot.gaps.iter().map(|gap| (gap.subject.as_str(), gap.cause, gap.detail.as_str())).collect();
    let (gone, odd, silent) = (instance(0), instance(1), instance(2));
    assert_eq!(
        told,
        [
            (gone.as_str(), GapCause::Absent, "MISSING"),
            (odd.as_str(), GapCause::NotUnderstood, "no ecs.instance-type"),
            (silent.as_str(), GapCause::Absent, "no answer"),
        ]
    );
    let unknown = places(&snapshot).into_iter().filter(Result::is_err).count();
    assert_eq!(unknown, 6 + 2, "two tasks on each");
}

#[tokio::test]
async fn a_call_that_may_not_be_made_is_one_gap() {
    let instances = mock!(Ecs::describe_container_instances).then_error(|| {
        let message = "User is not authorized to perform: ecs:DescribeContainerInstances on resource: x";
        let refused = ErrorMetadata::builder().code("AccessDeniedException").message(message);
        DescribeContainerInstancesError::generic(refused.build())
    });
    let (snapshot, _) = observed(Depth::Full, instances).await;
    let told: Vec<String> = snapshot.gaps.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["prod could not be read: the role may not call ecs:DescribeContainerInstances"]);
    assert_eq!(places(&snapshot).iter().filter(|place| **place == Err(GapCause::Denied)).count(), 2 * SPOT_INSTANCES);
}

/// A switch brings everything back, wherever it runs.
#[tokio::test]
async fn a_switch_run_asks_about_no_instance() {
    let instances =
        mock!(Ecs::describe_container_instances).then_output(|| DescribeContainerInstancesOutput::builder().build());
    let (snapshot, calls) = observed(Depth::Switch, instances).await;
    assert_eq!((calls, snapshot.gaps.len()), (0, 0));
    assert!(places(&snapshot).iter().all(|place| *place == Err(GapCause::NotRead)));
}
