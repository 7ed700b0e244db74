//! The events that AWS services put on the account's default bus. They are kept, the oldest dropped
//! first, until a reader takes them.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::groups::Activity;
use super::hooks::Hook;
use super::instances::Instance;
use super::rules::Rule;
use super::services::Service;
use super::tasks::{Phase, Task};
use super::{TaskId, World};

/// How many events are kept for a reader.
const MOST_KEPT: usize = 10_000;

/// An event in the shape of EventBridge.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct BusEvent {
    /// Always `0`.
    pub version: &'static str,
    /// A UUID.
    pub id: String,
    /// Such as `EC2 Spot Instance Interruption Warning`.
    pub detail_type: &'static str,
    /// `aws.ec2`, `aws.ecs` or `aws.autoscaling`.
    pub source: &'static str,
    /// The account.
    pub account: String,
    /// When.
    pub time: Timestamp,
    /// The Region.
    pub region: String,
    /// ARNs.
    pub resources: Vec<String>,
    /// What happened.
    pub detail: Value,
}

impl World {
    /// The events since they were last taken, oldest first.
    pub fn take_events(&mut self) -> Vec<BusEvent> {
        std::mem::take(&mut self.bus).into()
    }

    /// The events that nobody has taken yet, oldest first.
    pub fn events(&self) -> impl Iterator<Item = &BusEvent> {
        self.bus.iter()
    }

    fn put(&mut self, source: &'static str, detail_type: &'static str, resource: String, detail: Value) {
        let id = self.uuid();
        self.put_as(id, source, detail_type, resource, detail);
    }

    fn put_as(&mut self, id: String, source: &'static str, detail_type: &'static str, resource: String, detail: Value) {
        if self.bus.len() >= MOST_KEPT {
            self.bus.pop_front();
        }
        let event = BusEvent {
            version: "0",
            id,
            detail_type,
            source,
            account: self.arns.account.clone(),
            time: self.now,
            region: self.arns.region.clone(),
            resources: vec![resource],
            detail,
        };
        self.bus.push_back(event);
    }

    /// `aws.ec2` says which instance, and nothing of its group or cluster.
    pub(super) fn put_instance_event(&mut self, instance: &Instance, interrupted: bool) {
        let arn = format!("arn:aws:ec2:{}:instance/{}", instance.zone, instance.id);
        if interrupted {
            let mut detail = json!({"instance-id": instance.id, "instance-action": "terminate"});
            if !self.holds(Rule::InterruptionsNameNoCluster) {
                detail["cluster"] = json!(instance.cluster);
            }
            self.put("aws.ec2", "EC2 Spot Instance Interruption Warning", arn, detail);
        } else {
            let detail = json!({"instance-id": instance.id});
            self.put("aws.ec2", "EC2 Instance Rebalance Recommendation", arn, detail);
        }
    }

    /// Auto Scaling tells of a launch that failed ("Amazon EC2 Auto Scaling event reference"); only
    /// launches fail here.
    pub(super) fn put_launch_failure(&mut self, group: &str, activity: &Activity) {
        let detail = json!({
            "StatusCode": activity.status_code,
            "AutoScalingGroupName": group,
            "ActivityId": activity.id,
            "Details": {},
            "RequestId": activity.id,
            "StatusMessage": activity.status_message,
            "StartTime": activity.at,
            "EndTime": activity.at,
            "Cause": activity.description,
        });
        let arn = self.arns.group(group);
        self.put_as(activity.id.clone(), "aws.autoscaling", "EC2 Instance Launch Unsuccessful", arn, detail);
    }

    /// A task's `lastStatus` or `desiredStatus` has changed ("task state change events", developer
    /// guide). `detail.version` counts the changes, so that a reader can tell repeats.
    pub(super) fn put_task_event(&mut self, id: &TaskId) {
        let numbered = self.holds(Rule::TaskEventsHaveVersions);
        let Some(task) = self.tasks.get_mut(id) else {
            return;
        };
        task.version += u64::from(numbered);
        let Some(task) = self.tasks.get(id) else {
            return;
        };
        let detail = self.task_detail(task);
        self.put("aws.ecs", "ECS Task State Change", task.arn.clone(), detail);
    }

    fn task_detail(&self, task: &Task) -> Value {
        let mut detail = json!({
            "taskArn": task.arn,
            "clusterArn": self.arns.cluster(&task.service.cluster),
            "taskDefinitionArn": task.task_definition.task_definition_arn,
            "group": format!("service:{}", task.service.name),
            "startedBy": task.deployment,
            "launchType": task.launch_type,
            "lastStatus": task.phase,
            "desiredStatus": if task.doomed { "STOPPED" } else { "RUNNING" },
            "availabilityZone": task.zone,
            "cpu": task.task_definition.cpu_units().to_string(),
            "memory": task.task_definition.memory_mib().to_string(),
            "createdAt": task.created_at,
            "updatedAt": self.now,
            "version": task.version,
        });
        let instance = task.instance.as_ref().and_then(|i| self.instances.get(i));
        let optional = [
            ("capacityProviderName", json!(task.provider)),
            ("containerInstanceArn", json!(instance.map(|i| self.arns.container_instance(i)))),
            ("startedAt", json!(task.started_at)),
            ("stoppingAt", json!(task.stopping_at)),
            ("stoppedAt", json!(task.stopped_at)),
            ("stopCode", json!(task.stop_code)),
            ("stoppedReason", json!(task.stopped_reason)),
        ];
        for (name, value) in optional {
            if !value.is_null() {
                detail[name] = value;
            }
        }
        if task.phase == Phase::Stopped {
            let containers = task.images.iter();
            let shape = |i: &super::deployments::ContainerImage| json!({"name": i.container_name, "lastStatus": "STOPPED", "exitCode": task.exit_code});
            detail["containers"] = containers.map(shape).collect();
        }
        detail
    }

    /// `SERVICE_STEADY_STATE` and its kin ("service action events", developer guide). They carry no
    /// version: repeats cannot be told.
    pub(super) fn put_service_action(
        &mut self,
        service: &Service,
        kind: &'static str,
        name: &'static str,
        provider: Option<&str>,
        reason: Option<&str>,
    ) {
        let mut detail = json!({
            "eventType": kind,
            "eventName": name,
            "clusterArn": self.arns.cluster(&service.key.cluster),
            "createdAt": self.now,
        });
        if let Some(provider) = provider.filter(|_| self.holds(Rule::PlacementFailuresNameTheProvider)) {
            detail["capacityProviderArns"] = json!([self.arns.provider(provider)]);
        }
        if let Some(reason) = reason {
            detail["reason"] = json!(reason);
        }
        if !self.holds(Rule::ServiceActionsHaveNoVersion) {
            detail["version"] = json!(1);
        }
        self.put("aws.ecs", "ECS Service Action", service.arn.clone(), detail);
    }

    /// `SERVICE_DEPLOYMENT_IN_PROGRESS`, `_COMPLETED`, `_FAILED` ("service deployment state change
    /// events", developer guide).
    pub(super) fn put_deployment_event(
        &mut self,
        service: &Service,
        kind: &'static str,
        name: &'static str,
        deployment: &str,
        reason: &str,
    ) {
        let detail = json!({
            "eventType": kind,
            "eventName": name,
            "deploymentId": deployment,
            "updatedAt": self.now,
            "reason": reason,
        });
        self.put("aws.ecs", "ECS Deployment State Change", service.arn.clone(), detail);
    }
    /// `HOOK_AWAITING_ACTION` and its kin ("service deployment hook state change events", developer
    /// guide). Only INFO is shown there as their type.
    pub(super) fn put_hook_event(&mut self, service: &Service, hook: &Hook) {
        let Some(arn) = service.service_deployments.first().map(|d| d.arn.clone()) else {
            return;
        };
        let detail = json!({
            "eventType": "INFO",
            "eventName": hook.status.event_name(),
            "hookId": hook.id,
            "hookType": hook.target,
            "expiresAt": hook.expires_at,
            "lifecycleStage": hook.point,
            "clusterArn": self.arns.cluster(&service.key.cluster),
            "serviceArn": service.arn,
            "serviceDeploymentArn": arn,
            "updatedAt": self.now,
        });
        self.put("aws.ecs", "ECS Hook State Change", arn, detail);
    }
}
