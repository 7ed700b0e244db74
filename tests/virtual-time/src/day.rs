//! The schedule, and what others do at which time.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use aws_sim::world::faults::Fault;
use aws_sim::world::groups_by_hand::GroupChange;
use aws_sim::world::shapes::StrategyItem;
use aws_sim::world::{ServiceKey, World};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use spotkeeper_core::control::Dial;
use spotkeeper_core::ids::RunId;
use spotkeeper_core::policy::{Policy, PolicyMistake};
use spotkeeper_core::switch::{Scope, SwitchEntry};

use crate::execution::Execution;
use crate::ports::FaultRule;
use crate::promises::{deploying, spot_tasks};
use crate::queue::{Queue, WINDOW};
use crate::scorer;
use crate::simulation::{Inner, Simulation};

/// How often the world is looked at while nobody calls.
const TICK: SignedDuration = SignedDuration::from_secs(30);

/// The actions that faults of the account may name: the ports have faults of their own.
pub(crate) const ACTIONS: &[&str] = &[aws_sim::fleet::PLACEMENT_SCORES];

/// What the names of the schedule's executions begin with.
const SCHEDULED: &str = "schedule-";

/// What happens in a simulation.
#[derive(Debug, Clone)]
pub struct Day {
    /// The time between two starts of the schedule; `None` where there is no schedule.
    pub schedule: Option<SignedDuration>,
    /// The time between two starts of the placement scorer; `None` where it does not run.
    pub scores: Option<SignedDuration>,
    /// How long it lasts.
    pub duration: SignedDuration,
    /// What others do, by the time since the start.
    pub happenings: Vec<(SignedDuration, Happening)>,
}

/// What somebody else does.
#[derive(Debug, Clone)]
pub enum Happening {
    /// Something of the simulated account is switched on, or off.
    Aws {
        /// What.
        fault: Fault,
        /// On or off.
        on: bool,
    },
    /// A person starts an execution.
    Start(Value),
    /// A person puts a switch into the table by hand: the epoch does not count up.
    SwitchByHand(SwitchEntry),
    /// A person takes a switch out of the table by hand.
    ReleaseByHand(Scope),
    /// A person puts a dial into the table by hand.
    Dial(Dial),
    /// A person takes a dial out of the table by hand.
    DialOff(Scope),
    /// A target group has another attribute.
    TargetGroup {
        /// Its ARN.
        arn: String,
        /// The attribute.
        key: String,
        /// Its value.
        value: String,
    },
    /// A provider is no longer associated with a cluster.
    Disassociate {
        /// The cluster.
        cluster: String,
        /// The provider.
        provider: String,
    },
    /// A group may be so large at the most.
    GroupMaxSize {
        /// The group.
        group: String,
        /// Instances.
        max_size: u32,
    },
    /// Somebody gives a group another On-Demand percentage above its base.
    GroupPercentage {
        /// The group.
        group: String,
        /// In percent.
        on_demand_percent: u32,
    },
    /// A person drains all instances of a group.
    Drain {
        /// The group.
        group: String,
    },
    /// The tasks of a service protect themselves from scale-in.
    Protect {
        /// The service.
        service: ServiceKey,
        /// For so long.
        minutes: u32,
    },
    /// Somebody's tool brings a strategy back where another is in place.
    Revert {
        /// The service.
        service: ServiceKey,
        /// The strategy.
        strategy: Vec<StrategyItem>,
    },
    /// A service has another value for a tag; none takes the tag away.
    Tag {
        /// The service.
        service: ServiceKey,
        /// The tag.
        key: String,
        /// Its value.
        value: Option<String>,
    },
    /// The policy is another, or a mistaken one.
    Policy(Result<Box<Policy>, Vec<PolicyMistake>>),
    /// Somebody else in the account calls AWS, so many times as fast as Spotkeeper may.
    ForeignCalls {
        /// How many times as fast.
        times: u32,
        /// For how long.
        lasts: SignedDuration,
    },
    /// Calls of ports go wrong from now on. Its times count from the start of the simulation.
    Ports(FaultRule),
}

/// Lets a simulation live through its day.
pub async fn live(simulation: &Simulation, day: &Day) {
    let origin = simulation.clock.origin();
    let alive = begin(simulation, day.schedule, day.scores);
    let mut happenings: Vec<&(SignedDuration, Happening)> = day.happenings.iter().collect();
    happenings.sort_by_key(|(at, _)| *at);
    let mut happenings = happenings.into_iter().peekable();
    let mut started = 0;
    let mut seen = BTreeMap::new();
    let end = origin + day.duration;
    let mut next_tick = origin;
    loop {
        let next = happenings.peek().map_or(next_tick, |(at, _)| next_tick.min(origin + *at));
        if next > end {
            break;
        }
        simulation.sleep_until(next).await;
        while let Some((_, happening)) = happenings.next_if(|(at, _)| origin + *at <= next) {
            match happening {
                Happening::Start(input) => {
                    started += 1;
                    let name = format!("person-{started}");
                    simulation.with(|inner| inner.note("person", format!("starts {name}: {input}")));
                    spawn(simulation, &name, input.clone(), &alive);
                }
                other => simulation.with(|inner| happen(inner, origin, other)),
            }
        }
        if next >= next_tick {
            simulation.with(|inner| {
                inner.promises.tick(&inner.world, &inner.tables);
                watch(inner, &mut seen);
            });
            next_tick = next + TICK;
        }
    }
    simulation.sleep_until(end).await;
    simulation.with(|inner| inner.promises.over(&inner.world, &inner.tables));
}

/// Begins what goes on by itself: the schedules of runs and of the scorer, where there are any, and the way of
/// events. Answers how many executions are alive.
pub(crate) fn begin(
    simulation: &Simulation,
    schedule: Option<SignedDuration>,
    scores: Option<SignedDuration>,
) -> Rc<Cell<u32>> {
    let alive = Rc::new(Cell::new(0_u32));
    if let Some(period) = schedule {
        tokio::task::spawn_local(scheduled(simulation.clone(), period, Rc::clone(&alive)));
    }
    tokio::task::spawn_local(events(simulation.clone(), Rc::clone(&alive)));
    if let Some(period) = scores {
        tokio::task::spawn_local(scorer::scheduled(simulation.clone(), period));
    }
    alive
}

async fn scheduled(simulation: Simulation, period: SignedDuration, alive: Rc<Cell<u32>>) {
    let origin = simulation.clock.origin();
    for number in 1.. {
        simulation.sleep_until(origin + period * number).await;
        spawn(&simulation, &format!("{SCHEDULED}{number}"), serde_json::json!({}), &alive);
    }
}

/// Delivers the account's events, and begins the early runs that come of them.
async fn events(simulation: Simulation, alive: Rc<Cell<u32>>) {
    let mut queue = Queue::default();
    loop {
        tokio::time::sleep(WINDOW.unsigned_abs()).await;
        simulation.with(|inner| queue.fill(inner));
        queue.deliver(&simulation).await;
        for (name, input) in simulation.with(|inner| std::mem::take(&mut inner.starts)) {
            simulation.with(|inner| inner.note("events", format!("start {name}: {input}")));
            spawn(&simulation, name.as_str(), input, &alive);
        }
    }
}

fn spawn(simulation: &Simulation, name: &str, input: Value, alive: &Rc<Cell<u32>>) {
    let Ok(run) = RunId::parse(name) else {
        unreachable!("{name} is a name of a run");
    };
    simulation.with(|inner| {
        inner.promises.coverage.executions += 1;
        inner.promises.coverage.overlaps += u32::from(alive.get() > 0);
    });
    // A run of the schedule that found nothing to do is no news.
    let execution = Execution::new(simulation.clone(), run, name.starts_with(SCHEDULED));
    let alive = Rc::clone(alive);
    tokio::task::spawn_local(async move {
        alive.set(alive.get() + 1);
        execution.start(input).await;
        alive.set(alive.get() - 1);
    });
}

fn happen(inner: &mut Inner, origin: Timestamp, happening: &Happening) {
    let said = match happening {
        Happening::Aws { fault, on } => {
            let done = inner.world.set_fault(fault.clone(), *on, ACTIONS);
            let how = if *on { "" } else { "off: " };
            done.map_or_else(|why| why, |()| format!("{how}{fault:?}"))
        }
        Happening::SwitchByHand(entry) => {
            inner.promises.switch_put(&inner.world, entry);
            inner.tables.switches.insert(entry.scope.clone(), entry.clone());
            format!("puts a switch over {} into the table", entry.scope)
        }
        Happening::ReleaseByHand(scope) => {
            inner.promises.switch_removed(&inner.world, scope);
            inner.tables.switches.remove(scope);
            format!("takes the switch over {scope} out of the table")
        }
        Happening::Dial(dial) => {
            inner.tables.dials.insert(dial.scope.clone(), dial.clone());
            let until = dial.until.map_or_else(String::new, |until| format!(" until {until}"));
            format!("turns the dial of {} to {}{until}", dial.scope, dial.percent)
        }
        Happening::DialOff(scope) => {
            inner.tables.dials.remove(scope);
            format!("takes the dial of {scope} out of the table")
        }
        Happening::TargetGroup { arn, key, value } => {
            let change = [(key.clone(), value.clone())];
            let done = inner.world.modify_target_group_attributes(arn, &change).map(|group| group.name.clone());
            done.map_or_else(|why| why.to_string(), |name| format!("target group {name}: {key} is {value}"))
        }
        Happening::Disassociate { cluster, provider } => {
            if let Some(cluster) = inner.world.clusters.get_mut(cluster) {
                cluster.capacity_providers.retain(|one| one != provider);
            }
            format!("{provider} is no longer associated with {cluster}")
        }
        Happening::GroupMaxSize { group, max_size } => {
            if let Some(group) = inner.world.groups.get_mut(group) {
                group.max_size = *max_size;
            }
            format!("group {group} has MaxSize {max_size}")
        }
        Happening::GroupPercentage { group, on_demand_percent } => {
            let member = ("onDemandPercentageAboveBaseCapacity".to_owned(), (*on_demand_percent).into());
            let change = GroupChange { distribution: [member].into_iter().collect(), ..GroupChange::default() };
            let done = inner.world.update_group(group, change);
            done.map_or_else(|why| why.to_string(), |()| format!("gives {group} {on_demand_percent} % On-Demand"))
        }
        Happening::Drain { group } => {
            let here = inner.world.instances_of(group).filter(|one| one.takes_tasks());
            let all: Vec<String> = here.map(|one| one.id.clone()).collect();
            all.iter().for_each(|id| inner.world.drain_instance(id));
            inner.promises.coverage.drained += u32::try_from(all.len()).unwrap_or(u32::MAX);
            format!("drains {} instances of group {group}", all.len())
        }
        Happening::Protect { service, minutes } => {
            let tasks = inner.world.written_service(service).map(|found| found.tasks.clone()).unwrap_or_default();
            tasks.iter().for_each(|id| inner.world.protect_task(id, Some(*minutes)));
            inner.promises.coverage.protected += u32::try_from(tasks.len()).unwrap_or(u32::MAX);
            format!("the tasks of {service} are protected for {minutes} minutes")
        }
        Happening::Revert { service, strategy } => match revert(&mut inner.world, service, strategy) {
            Some(said) => said,
            None => return,
        },
        Happening::Tag { service, key, value } => {
            inner.world.set_tag(service, key, value.as_deref());
            format!("{service} has tag {key} {}", value.as_deref().unwrap_or("no more"))
        }
        Happening::Policy(policy) => {
            inner.tables.policy = policy.clone().map(|policy| *policy);
            match policy {
                Ok(_) => "puts another policy".to_owned(),
                Err(mistakes) => format!("puts a policy with {} mistakes", mistakes.len()),
            }
        }
        Happening::ForeignCalls { times, lasts } => {
            let until = inner.world.now() + *lasts;
            let default = Policy::default();
            let policy = inner.tables.policy.as_ref().unwrap_or(&default);
            let Some(pace) = &mut inner.pace else { return };
            pace.called_by_others(*times, policy, until);
            format!("calls AWS {times} times as fast as Spotkeeper may")
        }
        Happening::Ports(rule) => {
            let shifted = |at: Timestamp| origin + at.duration_since(Timestamp::UNIX_EPOCH);
            let until = if rule.until == Timestamp::MAX { rule.until } else { shifted(rule.until) };
            let rule = FaultRule { from: shifted(rule.from), until, ..rule.clone() };
            inner.faults.rules.push(rule);
            return;
        }
        Happening::Start(_) => return,
    };
    inner.note("somebody", said);
}

/// What a tool does that holds a strategy as code: it deploys where another one is in place.
fn revert(world: &mut World, service: &ServiceKey, strategy: &[StrategyItem]) -> Option<String> {
    let in_place = world.written_service(service)?.current()?.strategy.clone();
    if in_place == strategy {
        return None;
    }
    let fault = Fault::Deploy {
        cluster: service.cluster.clone(),
        service: service.name.clone(),
        task_definition: None,
        capacity_provider_strategy: Some(strategy.to_vec()),
    };
    let done = world.set_fault(fault, true, &[]);
    Some(done.map_or_else(|why| why, |()| format!("{service} has its strategy as code brought back")))
}

/// How a service stood at the last look.
#[derive(Clone, PartialEq)]
struct Stand {
    deployment: String,
    deploying: bool,
    /// Whether tasks are missing that no deployment replaces.
    short: bool,
}

/// Notes deployments that have ended since the last look, and tasks that are missing or back.
fn watch(inner: &mut Inner, seen: &mut BTreeMap<ServiceKey, Stand>) {
    let mut lines = Vec::new();
    for key in inner.world.service_keys() {
        let Some(service) = inner.world.written_service(key) else { continue };
        let Some(newest) = service.service_deployments.first() else { continue };
        let (spot, elsewhere) = spot_tasks(&inner.world, service);
        let deploying = deploying(service).is_some();
        let short = !deploying && spot + elsewhere < service.desired_count;
        let now = Stand { deployment: newest.arn.clone(), deploying, short };
        let Some(before) = seen.insert(key.clone(), now.clone()) else { continue };
        let tasks = format!("{spot} tasks on Spot, {elsewhere} elsewhere");
        let ended = (&before.deployment, before.deploying) != (&now.deployment, now.deploying) && !now.deploying;
        if ended {
            lines.push(format!("{key} deployment {:?}: {tasks}", newest.status));
        } else if before.short != now.short && !now.deploying {
            let all = if now.short { "misses tasks" } else { "has all tasks" };
            lines.push(format!("{key} {all}: {tasks} of {}", service.desired_count));
        }
    }
    for line in lines {
        inner.note("AWS", line);
    }
}
