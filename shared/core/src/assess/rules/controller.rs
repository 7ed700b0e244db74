//! `controller`: does the API take a strategy for the service?
//!
//! Blocks a service whose deployments CodeDeploy or a third party runs, a `DAEMON` service, one on
//! ECS Anywhere, an Express service, and one behind a Classic Load Balancer: the API refuses the
//! strategy or drops it, or nobody documents what it does. Hands off: nothing is ever written.
//!
//! Source: `UpdateService`, `CapacityProviderStrategyItem` and `Service.resourceManagementType`,
//! ECS API reference; "Amazon ECS capacity providers", ECS developer guide (external instances,
//! Classic Load Balancers).

use crate::assess::{Context, Finding, Reasons};
use crate::observe::{DeploymentController, LaunchType, LoadBalancerTarget, PlacedBy, Scheduling};

pub(super) fn judge(context: &Context<'_>, reasons: &mut Reasons) {
    let service = context.service;
    match service.controller {
        DeploymentController::Ecs => {}
        controller @ (DeploymentController::CodeDeploy | DeploymentController::External) => {
            reasons.block(Finding::ForeignController { controller });
        }
    }
    if service.scheduling == Scheduling::Daemon {
        reasons.block(Finding::DaemonScheduling);
    }
    if service.placed_by == PlacedBy::LaunchType(LaunchType::External) {
        reasons.block(Finding::ExternalLaunchType);
    }
    if service.express {
        reasons.block(Finding::Express);
    }
    for used in &service.load_balancers {
        if let LoadBalancerTarget::Classic(name) = &used.target {
            reasons.block(Finding::ClassicLoadBalancer { name: name.clone() });
        }
    }
}
