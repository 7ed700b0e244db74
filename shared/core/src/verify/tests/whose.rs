//! Whose the newest deployment is, by what `DescribeServices` alone shows.

use super::over;
use crate::fixtures;
use crate::observe::{Family, Service};
use crate::record::{LastWrite, Ledger};
use crate::verify::deployment_is_ours;

/// A service whose primary deployment `ecs-svc/2` was created now with half and half.
fn service() -> Service {
    let mut service = fixtures::service("web", Family::Fargate);
    service.placed_by = over(1, 1);
    fixtures::settle(&mut service, 2);
    service.deployments[0].id = "ecs-svc/2".to_owned();
    service.deployments[0].created_at = fixtures::now();
    service
}

/// The ledger of a write at a time, of which no deployment is known yet.
fn ledger(service: &Service, at: i64) -> Ledger {
    let last = LastWrite {
        at: fixtures::at(at),
        after: over(1, 1),
        deployment: None,
        deployment_id: None,
        ..fixtures::last_write(service)
    };
    Ledger { last_write: Some(last), ..fixtures::ledger(service) }
}

#[test]
fn a_deployment_is_ours_by_arn_then_by_id_then_by_time_and_strategy() {
    type Vary = fn(&mut Service, &mut LastWrite);
    let named = |service: &mut Service, last: &mut LastWrite| {
        service.current_service_deployment = Some("deployment-2".to_owned());
        last.deployment = Some("deployment-2".to_owned());
    };
    let rows: &[(&str, i64, Vary, bool)] = &[
        ("its ARN", 0, named, true),
        (
            "another ARN, whatever its id",
            0,
            |service, last| {
                service.current_service_deployment = Some("deployment-3".to_owned());
                last.deployment = Some("deployment-2".to_owned());
                last.deployment_id = Some("ecs-svc/2".to_owned());
            },
            false,
        ),
        (
            "its id, and the service names no ARN",
            0,
            |_, last| {
                last.deployment = Some("deployment-2".to_owned());
                last.deployment_id = Some("ecs-svc/2".to_owned());
            },
            true,
        ),
        (
            "its id, and the ledger has no ARN",
            0,
            |service, last| {
                service.current_service_deployment = Some("deployment-2".to_owned());
                last.deployment_id = Some("ecs-svc/2".to_owned());
            },
            true,
        ),
        ("another id", 0, |_, last| last.deployment_id = Some("ecs-svc/1".to_owned()), false),
        ("just after the write, with its strategy", -1, |_, _| {}, true),
        ("half a minute before, by a clock that is behind", 30, |_, _| {}, true),
        ("longer before", 31, |_, _| {}, false),
        ("after the write, with another strategy", -1, |_, last| last.after = over(2, 1), false),
        ("no deployment is the primary one", -1, |service, _| service.deployments[0].primary = false, false),
    ];
    for (name, at, vary, ours) in rows {
        let mut service = service();
        let mut ledger = ledger(&service, *at);
        vary(&mut service, ledger.last_write.as_mut().unwrap());
        assert_eq!(deployment_is_ours(&service, &ledger), *ours, "{name}");
    }
    let service = service();
    assert!(!deployment_is_ours(&service, &fixtures::ledger(&service)), "nothing was ever written");
}
