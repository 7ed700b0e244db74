//! `controller`: does the API take a strategy for the service?
//!
//! Blocks a service whose deployments CodeDeploy or a third party runs, a `DAEMON` service, one on
//! ECS Anywhere, an Express service, and one behind a Classic Load Balancer: the API refuses the
//! strategy or drops it, or nobody documents what it does. Hands off: nothing is ever written.

use crate::assess::{Context, Finding, Reasons};
use crate::observe::TakesNoStrategy;

pub(super) fn judge(context: &Context<'_>, reasons: &mut Reasons) {
    for why in context.service.takes_no_strategy() {
        reasons.block(match why {
            TakesNoStrategy::ForeignController(controller) => Finding::ForeignController { controller },
            TakesNoStrategy::Daemon => Finding::DaemonScheduling,
            TakesNoStrategy::External => Finding::ExternalLaunchType,
            TakesNoStrategy::Express => Finding::Express,
            TakesNoStrategy::ClassicLoadBalancer(name) => Finding::ClassicLoadBalancer { name },
        });
    }
}
