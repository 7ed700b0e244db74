//! `deregistration`, `drain_budget` and `discovery`: does what sends traffic let go of a task in
//! time, and does the task then stop in time?
//!
//! - `deregistration` blocks when a target group's delay is 120 s or more, or was not read: every
//!   target group of every listener, the alternate ones of blue/green deployments included. ELB's
//!   default is 300 s.
//! - `drain_budget` blocks when the largest delay, the longest sum of stop timeouts along a
//!   `dependsOn` chain and the margin are more than 120 s together: they run one after the other,
//!   and containers stop in the reverse order of their dependencies.
//! - `discovery` warns of a service that is found by Service Connect, Cloud Map or Lattice alone:
//!   none has a known drain delay, and the policy supplies one.
//!
//! Sources: `TargetGroupAttribute` (`deregistration_delay.timeout_seconds`), ELB API reference;
//! "Draining Amazon ECS container instances", ECS developer guide (deregistered first, then
//! `docker stop`); `ContainerDefinition.dependsOn`, ECS API reference (reversed at shutdown). On
//! Fargate the order is not documented: one after the other is the worse case.

use std::collections::{BTreeMap, BTreeSet};

use super::stop_timeout;
use crate::assess::pair::not_read;
use crate::assess::{Context, DelayFrom, Finding, Reasons, Rule, SPOT_NOTICE};
use crate::observe::{Discovery, Gap, GapCause, LoadBalancerTarget, Reading, Service, TaskDefinition};
use crate::units::Seconds;

pub(super) fn judge_deregistration(context: &Context<'_>, reasons: &mut Reasons) {
    for (arn, delay) in delays(context.service) {
        match delay {
            Ok(delay) if delay >= SPOT_NOTICE => {
                let target_group = arn.to_owned();
                reasons.block(Finding::DeregistrationTooLong { target_group, delay, limit: SPOT_NOTICE });
            }
            Ok(_) => {}
            Err(gap) => reasons.block(Finding::Gap { gap }),
        }
    }
}

pub(super) fn judge_discovery(context: &Context<'_>, reasons: &mut Reasons) {
    let discovery = context.service.discovery;
    if discovery != Discovery::default() && target_groups(context.service).is_empty() {
        reasons.warn(Finding::NoDrainDelay { discovery, assumed: context.policy.rules.discovery_drain_seconds });
    }
}

pub(super) fn judge_budget(context: &Context<'_>, reasons: &mut Reasons) {
    let Some(definition) = context.task_definition(reasons) else {
        return;
    };
    let drain = drain(context, definition);
    let total = drain.time().saturating_add(context.policy.rules.drain_margin_seconds);
    for gap in drain.gaps {
        reasons.block(Finding::Gap { gap });
    }
    if drain.stop_unknown {
        // What is known must fit all the same.
        reasons.pass(Finding::NotJudged { needs: Rule::StopTimeout });
    }
    if total > SPOT_NOTICE {
        reasons.block(Finding::DrainBudgetSpent {
            delay: drain.delay,
            delay_from: drain.delay_from,
            stop: drain.stop,
            chain: drain.chain,
            margin: context.policy.rules.drain_margin_seconds,
            total,
            limit: SPOT_NOTICE,
        });
    }
}

/// How long it takes to drain and stop a task, as far as it is known.
pub(in crate::assess) struct Drain {
    delay: Seconds,
    delay_from: DelayFrom,
    stop: Seconds,
    chain: Vec<String>,
    /// Whether a container's stop timeout is not known, and so counts as nothing here.
    stop_unknown: bool,
    gaps: Vec<Gap>,
}

impl Drain {
    /// Draining, then stopping.
    pub(in crate::assess) const fn time(&self) -> Seconds {
        self.delay.saturating_add(self.stop)
    }
}

/// Adds up what it takes to drain and stop a task of a service.
pub(in crate::assess) fn drain(context: &Context<'_>, definition: &TaskDefinition) -> Drain {
    let mut drain = Drain {
        delay: Seconds(0),
        delay_from: DelayFrom::Nothing,
        stop: Seconds(0),
        chain: Vec::new(),
        stop_unknown: false,
        gaps: Vec::new(),
    };
    let delays = delays(context.service);
    if delays.is_empty() && context.service.discovery != Discovery::default() {
        drain.delay = context.policy.rules.discovery_drain_seconds;
        drain.delay_from = DelayFrom::Discovery;
    }
    let mut read = Vec::with_capacity(delays.len());
    for (arn, delay) in delays {
        match delay {
            Ok(delay) => read.push((delay, arn)),
            Err(gap) => drain.gaps.push(gap),
        }
    }
    if let Some((delay, arn)) = read.into_iter().max() {
        drain.delay = delay;
        drain.delay_from = DelayFrom::TargetGroup(arn.to_owned());
    }
    let timeouts: Vec<Option<Seconds>> = definition
        .containers
        .iter()
        .map(|container| stop_timeout::effective(context, container).ok().map(|(stop_timeout, _)| stop_timeout))
        .collect();
    drain.stop_unknown = timeouts.contains(&None);
    match longest_chain(definition, &timeouts) {
        Ok((stop, chain)) => {
            drain.stop = stop;
            drain.chain = chain;
        }
        Err(gap) => drain.gaps.push(gap),
    }
    drain
}

fn target_groups(service: &Service) -> BTreeSet<&str> {
    service
        .load_balancers
        .iter()
        .filter_map(|used| match &used.target {
            LoadBalancerTarget::TargetGroup(arn) | LoadBalancerTarget::AlternateTargetGroup(arn) => Some(arn.as_str()),
            LoadBalancerTarget::Classic(_) => None,
        })
        .collect()
}

/// The delay of every target group, once each.
fn delays(service: &Service) -> Vec<(&str, Result<Seconds, Gap>)> {
    target_groups(service)
        .into_iter()
        .map(|arn| match service.target_groups.get(arn) {
            Some(Reading::Known(read)) => (arn, Ok(read.deregistration_delay)),
            Some(Reading::Missing(gap)) => (arn, Err(gap.clone())),
            None => (arn, Err(not_read(arn, "elasticloadbalancing:DescribeTargetGroupAttributes"))),
        })
        .collect()
}

/// The largest sum of stop timeouts along a `dependsOn` chain, and the chain in the order in which
/// it stops. Containers in a cycle, or that depend on one that is not there, are a gap: ECS refuses
/// both, so what was read is not understood.
fn longest_chain(definition: &TaskDefinition, timeouts: &[Option<Seconds>]) -> Result<(Seconds, Vec<String>), Gap> {
    let containers = &definition.containers;
    let gap = |detail: String| Gap {
        subject: definition.arn.clone(),
        action: "ecs:DescribeTaskDefinition".to_owned(),
        cause: GapCause::NotUnderstood,
        detail,
    };
    let by_name: BTreeMap<&str, usize> =
        containers.iter().enumerate().map(|(index, one)| (one.name.as_str(), index)).collect();
    // A container stops before those it depends on: edges go from it to them.
    let mut stops_before: Vec<Vec<usize>> = Vec::with_capacity(containers.len());
    let mut waits_for = vec![0_u32; containers.len()];
    for container in containers {
        let mut later = Vec::with_capacity(container.depends_on.len());
        for name in &container.depends_on {
            let Some(&index) = by_name.get(name.as_str()) else {
                return Err(gap(format!("container {} depends on {name}, which is not there", container.name)));
            };
            waits_for[index] += 1;
            later.push(index);
        }
        stops_before.push(later);
    }
    let own: Vec<Seconds> = timeouts.iter().map(|one| one.unwrap_or_default()).collect();
    // When each has stopped, and which one it waited for last.
    let mut stopped: Vec<(Seconds, Option<usize>)> = own.iter().map(|own| (*own, None)).collect();
    let mut ready: Vec<usize> = (0..containers.len()).filter(|index| waits_for[*index] == 0).collect();
    let mut done = 0;
    while let Some(index) = ready.pop() {
        done += 1;
        for &later in &stops_before[index] {
            let time = stopped[index].0.saturating_add(own[later]);
            if time >= stopped[later].0 {
                stopped[later] = (time, Some(index));
            }
            waits_for[later] -= 1;
            if waits_for[later] == 0 {
                ready.push(later);
            }
        }
    }
    if done < containers.len() {
        return Err(gap("its containers depend on each other in a circle".to_owned()));
    }
    let Some((last, (time, _))) = stopped.iter().enumerate().max_by_key(|(_, (time, _))| *time) else {
        return Ok((Seconds(0), Vec::new()));
    };
    let mut chain = Vec::new();
    let mut next = Some(last);
    while let Some(index) = next {
        chain.push(containers[index].name.clone());
        next = stopped[index].1;
    }
    chain.reverse();
    Ok((*time, chain))
}
