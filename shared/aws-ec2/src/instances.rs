//! Single instances: their pools, and what launched them.

use aws_sdk_ec2::operation::describe_instances::DescribeInstancesError;
use aws_sdk_ec2::types::{Filter, Instance};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use spotkeeper_core::ids::{ClusterName, InstanceId, ProviderName};
use spotkeeper_core::signals::{CapacityPool, LaunchedBy, SpotInstance};

use crate::Ec2;

/// The most instances that one [`Ec2::instances`] may name: the values of a filter. Source: "List
/// and filter using the CLI and API", EC2 user guide.
pub const INSTANCES_PER_CALL: usize = 200;

/// A page of [`Ec2::instances`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InstancePage {
    /// Those that EC2 knows.
    pub found: Vec<(InstanceId, SpotInstance)>,
    /// Those whose answer was not understood, with why.
    pub not_understood: Vec<(String, &'static str)>,
    /// Where the next page begins.
    pub next: Option<String>,
}

impl Ec2 {
    /// Reads a page of at most [`INSTANCES_PER_CALL`] instances (`DescribeInstances`), those that
    /// were terminated in the last hour included. They are asked for by filter: named outright, one
    /// that EC2 has forgotten would fail them all, and so would one in a zone that is disrupted.
    ///
    /// # Errors
    /// The SDK's.
    pub async fn instances(
        &self,
        ids: &[InstanceId],
        from: Option<String>,
    ) -> Result<InstancePage, SdkError<DescribeInstancesError, HttpResponse>> {
        let names = ids.iter().map(|id| id.as_str().to_owned()).collect();
        let filter = Filter::builder().name("instance-id").set_values(Some(names)).build();
        let page = i32::try_from(INSTANCES_PER_CALL).unwrap_or(i32::MAX);
        let request = self.client.describe_instances().filters(filter).max_results(page).set_next_token(from);
        let answer = request.send().await?;
        let mut page = InstancePage { next: answer.next_token().map(str::to_owned), ..InstancePage::default() };
        for given in answer.reservations().iter().flat_map(|reservation| reservation.instances()) {
            match instance(given) {
                Ok(found) => page.found.push(found),
                Err(why) => page.not_understood.push((given.instance_id().unwrap_or_default().to_owned(), why)),
            }
        }
        Ok(page)
    }

    /// Counts a page of the Spot instances that an Auto Scaling group has (`DescribeInstances`), those
    /// included that are starting or shutting down; and answers where the next page begins.
    ///
    /// # Errors
    /// The SDK's.
    pub async fn spot_instances(
        &self,
        group: &str,
        from: Option<String>,
    ) -> Result<(u32, Option<String>), SdkError<DescribeInstancesError, HttpResponse>> {
        let filter = |name: &str, values: &[&str]| {
            let values = values.iter().map(|value| (*value).to_owned()).collect();
            Filter::builder().name(name).set_values(Some(values)).build()
        };
        let page = i32::try_from(INSTANCES_PER_CALL).unwrap_or(i32::MAX);
        let answer = self
            .client
            .describe_instances()
            .filters(filter("tag:aws:autoscaling:groupName", &[group]))
            .filters(filter("instance-lifecycle", &["spot"]))
            .filters(filter("instance-state-name", &["pending", "running", "shutting-down", "stopping", "stopped"]))
            .max_results(page)
            .set_next_token(from)
            .send()
            .await?;
        let found = answer.reservations().iter().map(|reservation| reservation.instances().len()).sum::<usize>();
        Ok((u32::try_from(found).unwrap_or(u32::MAX), answer.next_token().map(str::to_owned)))
    }
}

fn instance(given: &Instance) -> Result<(InstanceId, SpotInstance), &'static str> {
    let id = InstanceId::parse(given.instance_id().unwrap_or_default()).map_err(|_| "its id")?;
    let instance_type = given.instance_type().ok_or("no instance type")?.as_str().to_owned();
    let zone = given.placement().and_then(|placement| placement.availability_zone()).ok_or("no zone")?.to_owned();
    Ok((id, SpotInstance { pool: CapacityPool { instance_type, zone }, launched_by: launched_by(given) }))
}

/// What launched an instance. A group's tag comes first: it is AWS's own, and cannot be set by others.
fn launched_by(given: &Instance) -> LaunchedBy {
    let tag = |key: &str| given.tags().iter().find(|tag| tag.key() == Some(key)).and_then(|tag| tag.value());
    if let Some(group) = tag("aws:autoscaling:groupName") {
        return LaunchedBy::Group(group.to_owned());
    }
    let cluster = tag("aws:ecs:clusterName").and_then(|name| ClusterName::parse(name).ok());
    let provider = tag("aws:ecs:capacityProviderName").and_then(|name| ProviderName::parse(name).ok());
    match (cluster, provider) {
        (Some(cluster), Some(provider)) => LaunchedBy::ManagedInstances { cluster, provider },
        _ => LaunchedBy::Other,
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::{InstanceType, Placement, Tag};

    use super::*;

    fn given(id: &str, tags: &[(&str, &str)]) -> Instance {
        let tags = tags.iter().map(|(key, value)| Tag::builder().key(*key).value(*value).build());
        Instance::builder()
            .instance_id(id)
            .instance_type(InstanceType::from("m5.large"))
            .placement(Placement::builder().availability_zone("eu-west-1a").build())
            .set_tags(Some(tags.collect()))
            .build()
    }

    #[test]
    fn what_launched_an_instance_is_in_its_tags() {
        let group = ("aws:autoscaling:groupName", "asg-spot");
        let (cluster, provider) = (("aws:ecs:clusterName", "prod"), ("aws:ecs:capacityProviderName", "managed"));
        let managed = LaunchedBy::ManagedInstances {
            cluster: ClusterName::parse("prod").unwrap(),
            provider: ProviderName::parse("managed").unwrap(),
        };
        let cases = [
            ("a group", vec![("Name", "x"), group], LaunchedBy::Group("asg-spot".to_owned())),
            ("a group of a cluster", vec![cluster, provider, group], LaunchedBy::Group("asg-spot".to_owned())),
            ("Managed Instances", vec![cluster, provider], managed),
            ("a cluster alone", vec![cluster], LaunchedBy::Other),
            ("no name", vec![cluster, ("aws:ecs:capacityProviderName", "a/b")], LaunchedBy::Other),
            ("no tags", vec![], LaunchedBy::Other),
        ];
        for (name, tags, expected) in cases {
            assert_eq!(launched_by(&given("i-0123456789abcdef0", &tags)), expected, "{name}");
        }
    }

    #[test]
    fn an_instance_has_a_pool_or_says_what_is_missing() {
        let whole = given("i-0123456789abcdef0", &[]);
        let (id, found) = instance(&whole).unwrap();
        assert_eq!(id.as_str(), "i-0123456789abcdef0");
        assert_eq!(found.pool, CapacityPool { instance_type: "m5.large".to_owned(), zone: "eu-west-1a".to_owned() });
        let typeless = Instance::builder().instance_id("i-0123456789abcdef0");
        let cases = [
            ("no id", Instance::builder().build(), "its id"),
            ("no type", typeless.clone().build(), "no instance type"),
            ("no zone", typeless.instance_type(InstanceType::from("m5.large")).build(), "no zone"),
        ];
        for (name, given, expected) in cases {
            assert_eq!(instance(&given), Err(expected), "{name}");
        }
    }
}
