//! Scalable targets and scheduled actions of Application Auto Scaling.

use std::collections::BTreeMap;

use aws_sdk_applicationautoscaling::types::{ScalableDimension, ScalableTarget, ScheduledAction};
use jiff::Timestamp;
use spotkeeper_core::ids::{ClusterName, ServiceName};
use spotkeeper_core::observe::ScalingRange;

use super::{count, timestamp};

/// How Application Auto Scaling names a service.
pub(crate) fn resource_id(cluster: &ClusterName, service: &ServiceName) -> String {
    format!("service/{cluster}/{service}")
}

/// The range of every resource that has one. A scheduled action that is over takes no part; one
/// that is yet to come widens the range already.
pub(crate) fn ranges(
    targets: &[ScalableTarget],
    actions: &[ScheduledAction],
    now: Timestamp,
) -> BTreeMap<String, ScalingRange> {
    let mut ranges: BTreeMap<String, ScalingRange> = targets
        .iter()
        .filter(|target| *target.scalable_dimension() == ScalableDimension::EcsServiceDesiredCount)
        .map(|target| {
            let range = ScalingRange { min: count(target.min_capacity()), max: count(target.max_capacity()) };
            (target.resource_id().to_owned(), range)
        })
        .collect();
    let to_come = actions.iter().filter(|action| action.end_time().and_then(timestamp).is_none_or(|end| now < end));
    for action in to_come {
        let (Some(range), Some(change)) = (ranges.get_mut(action.resource_id()), action.scalable_target_action())
        else {
            continue;
        };
        // A minimum above the maximum, and the other way round, moves both.
        for bound in [change.min_capacity(), change.max_capacity()].into_iter().flatten().map(count) {
            range.min = range.min.min(bound);
            range.max = range.max.max(bound);
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_applicationautoscaling::types::{ScalableTargetAction, ServiceNamespace};
    use aws_smithy_types::DateTime;

    fn target(id: &str, min: i32, max: i32) -> ScalableTarget {
        ScalableTarget::builder()
            .service_namespace(ServiceNamespace::Ecs)
            .resource_id(id)
            .scalable_dimension(ScalableDimension::EcsServiceDesiredCount)
            .min_capacity(min)
            .max_capacity(max)
            .role_arn("role")
            .creation_time(DateTime::from_secs(0))
            .build()
            .unwrap()
    }

    fn action(id: &str, min: Option<i32>, max: Option<i32>, end: Option<i64>) -> ScheduledAction {
        ScheduledAction::builder()
            .scheduled_action_name("night")
            .scheduled_action_arn("arn")
            .service_namespace(ServiceNamespace::Ecs)
            .schedule("cron(0 0 * * ? *)")
            .resource_id(id)
            .scalable_target_action(ScalableTargetAction::builder().set_min_capacity(min).set_max_capacity(max).build())
            .set_end_time(end.map(DateTime::from_secs))
            .creation_time(DateTime::from_secs(0))
            .build()
            .unwrap()
    }

    #[test]
    fn scheduled_actions_widen_the_range() {
        let id = "service/prod/web";
        let cases = [
            ("none", vec![], (2, 10)),
            ("a smaller night", vec![action(id, Some(1), Some(3), None)], (1, 10)),
            ("a larger sale", vec![action(id, Some(20), Some(50), None)], (2, 50)),
            ("a maximum below the minimum", vec![action(id, None, Some(0), None)], (0, 10)),
            ("over", vec![action(id, Some(0), None, Some(999))], (2, 10)),
            ("not over", vec![action(id, Some(0), None, Some(1_001))], (0, 10)),
            ("another's", vec![action("service/prod/api", Some(0), Some(99), None)], (2, 10)),
        ];
        let now = Timestamp::from_second(1_000).unwrap();
        for (name, actions, (min, max)) in cases {
            let ranges = ranges(&[target(id, 2, 10)], &actions, now);
            assert_eq!(ranges.get(id), Some(&ScalingRange { min, max }), "{name}");
        }
    }
}
