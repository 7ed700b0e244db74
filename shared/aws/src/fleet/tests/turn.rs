//! How many Spot instances a group has, against EC2's answers as they come over the wire.

use std::sync::Arc;

use spotkeeper_core::observe::{GapCause, Reading};
use spotkeeper_core::ports::Fleet as _;

use super::fleet_on;
use super::market::parameters;
use crate::client::Action;
use crate::client::testing::replaying;

fn page(instances: usize, token: &str) -> String {
    let items: String =
        (0..instances).map(|number| format!("<item><instanceId>i-{number}</instanceId></item>")).collect();
    format!(
        "<DescribeInstancesResponse><reservationSet><item><instancesSet>{items}</instancesSet></item></reservationSet>\
         <nextToken>{token}</nextToken></DescribeInstancesResponse>"
    )
}

/// Those that are on their way in or out count: their tasks may still run.
#[tokio::test]
async fn spot_instances_are_counted_page_after_page() {
    let (first, second) = (page(2, "more"), page(1, ""));
    let (clients, replay) = replaying(&[(200, &first), (200, &second)]);
    let fleet = fleet_on(clients, Arc::default());
    assert_eq!(fleet.spot_instances("asg-spot").await, Reading::Known(3));
    let expected = [
        "Filter.1.Name=tag%3Aaws%3Aautoscaling%3AgroupName",
        "Filter.1.Value.1=asg-spot",
        "Filter.2.Name=instance-lifecycle",
        "Filter.2.Value.1=spot",
        "Filter.3.Name=instance-state-name",
        "Filter.3.Value.1=pending",
        "Filter.3.Value.2=running",
        "Filter.3.Value.3=shutting-down",
        "Filter.3.Value.4=stopping",
        "Filter.3.Value.5=stopped",
        "MaxResults=200",
    ];
    assert_eq!(parameters(&replay, 0), expected);
    assert!(parameters(&replay, 1).contains(&"NextToken=more".to_owned()));
    assert_eq!(fleet.counts().of(Action::DescribeInstances).calls, 2);
}

/// Not to know it is not to have none.
#[tokio::test]
async fn spot_instances_that_may_not_be_read_are_a_gap() {
    let denied = "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>no</Message></Error></Errors>\
                  <RequestID>r</RequestID></Response>";
    let (clients, _) = replaying(&[(403, denied)]);
    let read = fleet_on(clients, Arc::default()).spot_instances("asg-spot").await;
    let Reading::Missing(gap) = read else { panic!("{read:?}") };
    assert_eq!((gap.action.as_str(), gap.cause), ("ec2:DescribeInstances", GapCause::Denied));
}
