//! What others do in a scenario, as its file says it.

use aws_sim::fleet::PLACEMENT_SCORES;
use aws_sim::world::faults::Fault;
use aws_sim::world::settings::Throttling;
use aws_sim::world::shapes::StrategyItem;
use aws_sim::world::{ServiceKey, World};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;
use spotkeeper_core::control::Dial;
use spotkeeper_core::phase::Function;
use spotkeeper_core::policy::checked;
use spotkeeper_core::switch::{Lever, Scope, SwitchEntry};
use spotkeeper_core::units::Percent;

use crate::day::{ACTIONS, Happening};
use crate::ports::{CALLS, FaultKind, FaultRule};

/// Something that happens, once or again and again.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// When, since the start: `20m`, `1h 30m`.
    at: SignedDuration,
    /// How often again; absent: once.
    #[serde(default)]
    every: Option<SignedDuration>,
    /// How long it goes on happening; absent: to the end.
    #[serde(default)]
    until: Option<SignedDuration>,
    /// What.
    #[serde(rename = "do")]
    what: What,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum What {
    /// A fault of the simulated account, or something that others do in it.
    Aws(Fault),
    /// The same, off again.
    AwsOff(Fault),
    /// A person starts an execution with this input.
    Start(Value),
    /// A person puts a switch into the table by hand.
    SwitchByHand(ByHand),
    /// A person takes it out by hand.
    ReleaseByHand(Scope),
    /// A person puts a dial into the table by hand.
    Dial(DialByHand),
    /// A person takes it out by hand.
    DialOff(Scope),
    /// A target group's deregistration delay is another.
    DeregistrationDelay { target_group: String, seconds: u32 },
    /// A provider is no longer associated with a cluster.
    Disassociate { cluster: String, provider: String },
    /// A group may be so large at the most.
    GroupMaxSize { group: String, max_size: u32 },
    /// Somebody gives a group another On-Demand percentage above its base.
    GroupPercentage { group: String, on_demand_percent: u32 },
    /// A tool brings a strategy back where another one is in place.
    Revert { cluster: String, service: String, strategy: Vec<StrategyItem> },
    /// A tag has another value, or goes.
    Tag { cluster: String, service: String, key: String, value: Option<String> },
    /// The policy is another; one with mistakes is put as such.
    Policy(Value),
    /// Somebody else calls AWS, so many times as fast as Spotkeeper may.
    ForeignCalls(ForeignCalls),
    /// Calls of Spotkeeper's own ports go wrong.
    Ports(Ports),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ForeignCalls {
    /// How many times as fast.
    times: u32,
    /// For how long.
    #[serde(rename = "for")]
    lasts: SignedDuration,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ports {
    fault: FaultKind,
    #[serde(default)]
    function: Option<Function>,
    /// The port and its method, or the beginning of it: `state`, `fleet.write`.
    #[serde(default)]
    port: Option<String>,
    /// The how manieth call of an invocation.
    #[serde(default)]
    call: Option<u32>,
    /// For how long; absent: to the end.
    #[serde(default, rename = "for")]
    lasts: Option<SignedDuration>,
    /// How often at the most.
    #[serde(default = "always")]
    times: u32,
    /// Of a thousand calls.
    #[serde(default = "all")]
    per_mille: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DialByHand {
    scope: Scope,
    /// Absent: the item has none that could be read, which counts as 0 (`shared/aws/src/state/dials.rs`).
    #[serde(default)]
    percent: Option<Percent>,
    /// When it ends by itself.
    #[serde(default)]
    until: Option<Timestamp>,
}

const fn always() -> u32 {
    u32::MAX
}

const fn all() -> u32 {
    1_000
}

impl Event {
    /// What happens when. What it names must exist.
    ///
    /// # Errors
    /// What does not, and what does.
    pub(super) fn happenings(
        &self,
        world: &World,
        duration: SignedDuration,
    ) -> Result<Vec<(SignedDuration, Happening)>, String> {
        let mut times = vec![self.at];
        if let Some(every) = self.every {
            if every < SignedDuration::from_secs(1) {
                return Err("every: 1s is the least".to_owned());
            }
            let until = self.until.unwrap_or(duration).min(duration);
            while let Some(next) = times.last().map(|last| *last + every).filter(|next| *next <= until) {
                times.push(next);
            }
        }
        times.into_iter().map(|at| Ok((at, self.what.happening(at, world)?))).collect()
    }
}

/// A switch as a person puts it: the scope alone, or with more.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum ByHand {
    Scope(Scope),
    Entry(Entry),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    scope: Scope,
    /// When it ends by itself, since the start.
    #[serde(default)]
    until: Option<SignedDuration>,
    #[serde(default)]
    preempt: bool,
    #[serde(default)]
    unenrolled: bool,
    #[serde(default)]
    lever: Lever,
}

impl ByHand {
    fn entry(&self, world: &World) -> SwitchEntry {
        let (scope, more) = match self {
            ByHand::Scope(scope) => (scope, None),
            ByHand::Entry(entry) => (&entry.scope, Some(entry)),
        };
        SwitchEntry {
            scope: scope.clone(),
            reason: "by hand".to_owned(),
            who: "a person".to_owned(),
            set_at: Timestamp::UNIX_EPOCH,
            until: more.and_then(|entry| entry.until).map(|until| world.now() + until),
            preempt: more.is_some_and(|entry| entry.preempt),
            unenrolled: more.is_some_and(|entry| entry.unenrolled),
            lever: more.map(|entry| entry.lever).unwrap_or_default(),
        }
    }
}

impl What {
    fn happening(&self, at: SignedDuration, world: &World) -> Result<Happening, String> {
        let service = |cluster: &str, service: &str| existing_service(world, cluster, service);
        Ok(match self {
            What::Aws(fault) => possible(world, fault, true)?,
            What::AwsOff(fault) => possible(world, fault, false)?,
            What::Start(input) => Happening::Start(input.clone()),
            What::SwitchByHand(by_hand) => {
                let entry = by_hand.entry(world);
                existing_scope(world, &entry.scope)?;
                Happening::SwitchByHand(entry)
            }
            What::ReleaseByHand(scope) => Happening::ReleaseByHand(existing_scope(world, scope)?),
            What::Dial(DialByHand { scope, percent, until }) => Happening::Dial(Dial {
                scope: existing_scope(world, scope)?,
                percent: percent.unwrap_or(Percent::ZERO),
                reason: "by hand".to_owned(),
                who: "a person".to_owned(),
                set_at: Timestamp::UNIX_EPOCH,
                until: *until,
            }),
            What::DialOff(scope) => Happening::DialOff(existing_scope(world, scope)?),
            What::DeregistrationDelay { target_group, seconds } => {
                let names = world.target_groups.values().map(|group| group.name.as_str());
                let found = world.target_groups.values().find(|group| group.name == *target_group);
                let found = found.ok_or_else(|| unknown("target group", target_group, names))?;
                Happening::TargetGroup {
                    arn: found.arn.clone(),
                    key: aws_sim::world::elb::DEREGISTRATION_DELAY.to_owned(),
                    value: seconds.to_string(),
                }
            }
            What::Disassociate { cluster, provider } => {
                let names = world.clusters.keys().map(String::as_str);
                let found = world.clusters.get(cluster).ok_or_else(|| unknown("cluster", cluster, names))?;
                if !found.capacity_providers.contains(provider) {
                    let there = found.capacity_providers.iter().map(String::as_str);
                    return Err(unknown("associated provider", provider, there));
                }
                Happening::Disassociate { cluster: cluster.clone(), provider: provider.clone() }
            }
            What::GroupMaxSize { group, max_size } => {
                let names = world.groups.keys().map(String::as_str);
                world.groups.get(group).ok_or_else(|| unknown("group", group, names))?;
                Happening::GroupMaxSize { group: group.clone(), max_size: *max_size }
            }
            What::GroupPercentage { group, on_demand_percent } => {
                let names = world.groups.iter().filter(|(_, one)| one.distribution.is_some());
                let mut names = names.map(|(name, _)| name.as_str());
                if !names.clone().any(|name| name == group) {
                    return Err(unknown("group with a mixed instances policy", group, &mut names));
                }
                Happening::GroupPercentage { group: group.clone(), on_demand_percent: *on_demand_percent }
            }
            What::Revert { cluster, service: name, strategy } => {
                let key = service(cluster, name)?;
                world.check_strategy(cluster, strategy).map_err(|refusal| refusal.to_string())?;
                Happening::Revert { service: key, strategy: strategy.clone() }
            }
            What::Tag { cluster, service: name, key, value } => {
                Happening::Tag { service: service(cluster, name)?, key: key.clone(), value: value.clone() }
            }
            What::Policy(value) => Happening::Policy(checked(value.clone()).map(Box::new)),
            What::ForeignCalls(ForeignCalls { times, lasts }) => {
                if world.settings.throttling != Throttling::VirtualClock {
                    return Err("the account has no rates: settings.throttling must be virtualClock".to_owned());
                }
                Happening::ForeignCalls { times: *times, lasts: *lasts }
            }
            What::Ports(ports) => Happening::Ports(ports.rule(at)?),
        })
    }
}

impl Ports {
    fn rule(&self, at: SignedDuration) -> Result<FaultRule, String> {
        let known = |port: &&String| CALLS.iter().any(|call| call.starts_with(port.as_str()));
        if let Some(port) = self.port.as_ref().filter(|port| !known(port)) {
            return Err(unknown("call of a port", port, CALLS.iter().copied()));
        }
        let since_start = |at: SignedDuration| Timestamp::UNIX_EPOCH + at;
        Ok(FaultRule {
            kind: self.fault,
            function: self.function,
            port: self.port.clone(),
            call: self.call,
            from: since_start(at),
            until: self.lasts.map_or(Timestamp::MAX, |lasts| since_start(at + lasts)),
            times: self.times,
            per_mille: self.per_mille,
        })
    }
}

/// A fault of the account whose names exist. What only the wire can do is refused; that IAM refuses
/// placement scores shows in process too.
fn possible(world: &World, fault: &Fault, on: bool) -> Result<Happening, String> {
    let of_the_wire = match fault {
        Fault::Deny { action, .. } => action != PLACEMENT_SCORES,
        _ => matches!(fault, Fault::LoseAnswer { .. } | Fault::Throttle { .. } | Fault::Hold { .. }),
    };
    if of_the_wire {
        return Err("that is for the wire alone: use ports, with fault die_before, die_after, lose_answer, stall, throttle, fail or gaps".to_owned());
    }
    world.clone().set_fault(fault.clone(), on, ACTIONS)?;
    Ok(Happening::Aws { fault: fault.clone(), on })
}

/// A scope that covers something.
fn existing_scope(world: &World, scope: &Scope) -> Result<Scope, String> {
    match scope {
        Scope::All => {}
        Scope::Cluster(cluster) => {
            let names = world.clusters.keys().map(String::as_str);
            world.clusters.get(cluster.as_str()).ok_or_else(|| unknown("cluster", cluster.as_str(), names))?;
        }
        Scope::Service(cluster, service) => {
            existing_service(world, cluster.as_str(), service.as_str())?;
        }
    }
    Ok(scope.clone())
}

/// A service that exists.
pub(super) fn existing_service(world: &World, cluster: &str, service: &str) -> Result<ServiceKey, String> {
    let key = ServiceKey::new(cluster, service);
    match world.written_service(&key) {
        Some(_) => Ok(key),
        None => {
            let names: Vec<String> = world.service_keys().map(ToString::to_string).collect();
            Err(unknown("service", &key.to_string(), names.iter().map(String::as_str)))
        }
    }
}

fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.collect();
    format!("there is no {what} {name:?}: there are {}", known.join(", "))
}
