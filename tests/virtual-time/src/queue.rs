//! The way of AWS's events to the interruption recorder: rules, a queue, batches. As EventBridge and
//! SQS promise no more, an event may come twice, and in any order; what is given back comes again.

use aws_sim::world::event_bridge::BusEvent;
use interruption_recorder::Message;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;
use spotkeeper_core::ids::RunId;
use spotkeeper_core::phase::Function;
use spotkeeper_core::ports::Clock as _;

use crate::ports::Ports;
use crate::simulation::{Inner, Simulation};

/// `MaximumBatchingWindowInSeconds` of the template.
pub const WINDOW: SignedDuration = SignedDuration::from_secs(5);
/// `BatchSize` of the template.
const BATCH: usize = 500;
/// `VisibilityTimeout` of the template.
const VISIBILITY: SignedDuration = SignedDuration::from_secs(360);
/// `maxReceiveCount` of the template.
const RECEIVES: u32 = 5;
/// Of so many events one comes twice.
const TWICE: u32 = 10;

/// How events come, where a test wants it worse than usual.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delivery {
    /// How often each event comes.
    pub copies: u32,
    /// How late each copy may be.
    pub late: SignedDuration,
}

/// The queue.
#[derive(Debug, Default)]
pub struct Queue {
    waiting: Vec<Waiting>,
    /// How many messages there were.
    count: u32,
}

#[derive(Debug)]
struct Waiting {
    message: Message,
    visible_at: Timestamp,
    receives: u32,
}

impl Queue {
    /// Takes what the account's bus has for the rules.
    pub fn fill(&mut self, inner: &mut Inner) {
        let now = inner.world.now();
        for event in inner.world.take_events().iter().filter(|event| has_rule(event)) {
            let usual = if inner.events_rng.u32(0..TWICE) == 0 { 2 } else { 1 };
            for _ in 0..inner.delivery.map_or(usual, |delivery| delivery.copies) {
                self.count += 1;
                let late = inner.delivery.map_or(0, |delivery| delivery.late.as_secs());
                let visible_at = match late {
                    0 => now,
                    late => now + SignedDuration::from_secs(inner.events_rng.i64(0..=late)),
                };
                let body = serde_json::to_string(event).unwrap_or_default();
                let message = Message { id: format!("message-{}", self.count), body };
                self.waiting.push(Waiting { message, visible_at, receives: 0 });
            }
        }
        inner.events_rng.shuffle(&mut self.waiting);
    }

    /// A batch of what is there now; none of it is seen again before the visibility timeout.
    fn receive(&mut self, now: Timestamp) -> Vec<Message> {
        let visible = self.waiting.iter_mut().filter(|one| one.visible_at <= now).take(BATCH);
        visible
            .map(|one| {
                one.visible_at = now + VISIBILITY;
                one.receives += 1;
                one.message.clone()
            })
            .collect()
    }

    /// Deletes what was done; what was received too often goes to the queue of the dead.
    fn settle(&mut self, received: &[Message], failed: impl Fn(&str) -> bool) {
        self.waiting.retain(|one| {
            let is_of_batch = received.iter().any(|message| message.id == one.message.id);
            !is_of_batch || (failed(&one.message.id) && one.receives < RECEIVES)
        });
    }

    /// Delivers what there is, batch by batch.
    pub async fn deliver(&mut self, simulation: &Simulation) {
        loop {
            let batch = self.receive(simulation.clock.now());
            if batch.is_empty() {
                return;
            }
            match invoke(simulation, &batch).await {
                Some(recorded) => self.settle(&batch, |id| recorded.failed.contains(id)),
                None => self.settle(&batch, |_| true),
            }
        }
    }
}

/// Invokes the function as Lambda does; `None` where it died or was cut off.
async fn invoke(simulation: &Simulation, batch: &[Message]) -> Option<interruption_recorder::Recorded> {
    let function = Function::InterruptionRecorder;
    let Ok(nobody) = RunId::parse("events") else {
        unreachable!("a valid name");
    };
    let ports = Ports::new(simulation.clone(), function, nobody);
    tokio::select! {
        biased;
        recorded = interruption_recorder::handle(&ports, &ports, &ports, &ports, &ports, batch) => Some(recorded),
        () = ports.died() => None,
        () = tokio::time::sleep(std::time::Duration::from_secs(function.timeout().0.into())) => None,
    }
}

/// What the rules of the template take.
fn has_rule(event: &BusEvent) -> bool {
    let detail = |name: &str| event.detail.get(name).and_then(Value::as_str);
    match (event.source, event.detail_type) {
        ("aws.ec2", "EC2 Spot Instance Interruption Warning" | "EC2 Instance Rebalance Recommendation")
        | ("aws.autoscaling", "EC2 Instance Launch Unsuccessful") => true,
        ("aws.ecs", "ECS Task State Change") => match detail("stopCode") {
            Some(code) => matches!(code, "SpotInterruption" | "TerminationNotice"),
            None => detail("stoppedReason") == Some("Your Spot Task was interrupted."),
        },
        ("aws.ecs", "ECS Service Action") => {
            detail("eventName") == Some("SERVICE_TASK_PLACEMENT_FAILURE")
                && event.detail.get("capacityProviderArns").is_some()
        }
        _ => false,
    }
}
