//! The world's rules, each on a small account.

mod autoscaling;
mod by_hand;
mod capacity;
mod deployments;
mod distribution;
mod faults;
mod hooks;
mod interruptions;
mod invariants;
mod meters;
mod placement;
mod pools;
mod rules;
mod settings;
mod traffic;
mod update_service;

use super::deployments::{RolloutState, ServiceDeploymentStatus};
use super::faults::Fault;
use super::services::Service;
use super::settings::{FargateDrought, Rounding, ScaleIn};
use super::shapes::StrategyItem;
use super::tasks::{Phase, TargetState};
use super::update_service::UpdateService;
use super::{Refusal, World};

const ACCOUNT: &str = r#"
accountId: "123456789012"
seed: 3
settings: { jitterPercent: 0 }
launchTemplates: [{ name: small, instanceType: m5.large }]
autoScalingGroups:
  - { name: od, cluster: c, launchTemplate: small, maxSize: 6, desiredCapacity: 1 }
  - { name: spot, cluster: c, launchTemplate: small, instanceTypes: [m5.large], instancesDistribution: { onDemandPercentageAboveBaseCapacity: 0 }, maxSize: 6 }
capacityProviders:
  - { name: od, autoScalingGroupProvider: { autoScalingGroup: od, managedScaling: { status: ENABLED } } }
  - { name: spot, autoScalingGroupProvider: { autoScalingGroup: spot, managedScaling: { status: ENABLED } } }
  - { name: elsewhere, autoScalingGroupProvider: { autoScalingGroup: od } }
  - { name: leaving, status: DEPROVISIONING, autoScalingGroupProvider: { autoScalingGroup: od } }
clusters:
  - { clusterName: c, capacityProviders: [FARGATE, FARGATE_SPOT, od, spot, leaving] }
taskDefinitions:
  - { family: f, cpu: 256, memory: 512, networkMode: awsvpc, requiresCompatibilities: [FARGATE], containerDefinitions: [{ name: a, image: "i:latest", stopTimeout: 30 }] }
  - { family: both, cpu: 256, memory: 512, networkMode: awsvpc, requiresCompatibilities: [FARGATE, EC2], containerDefinitions: [{ name: a, image: "i:1" }] }
  - { family: e, cpu: 512, memory: 1024, networkMode: awsvpc, requiresCompatibilities: [EC2], containerDefinitions: [{ name: a, image: "i:1" }] }
  - { family: win, cpu: 512, memory: 1024, networkMode: awsvpc, requiresCompatibilities: [FARGATE], runtimePlatform: { operatingSystemFamily: WINDOWS_SERVER_2022_CORE }, containerDefinitions: [{ name: a, image: "i:1" }] }
targetGroups: [{ name: tg, attributes: { deregistration_delay.timeout_seconds: "40" } }]
services:
  - { cluster: c, serviceName: web, taskDefinition: f, desiredCount: 4, launchType: FARGATE, loadBalancers: [{ targetGroupArn: tg, containerName: a, containerPort: 80 }] }
  - { cluster: c, serviceName: strat, taskDefinition: f, desiredCount: 2, capacityProviderStrategy: [{ capacityProvider: FARGATE, weight: 1 }] }
  - { cluster: c, serviceName: breaker, taskDefinition: f, desiredCount: 4, capacityProviderStrategy: [{ capacityProvider: FARGATE, weight: 1 }], deploymentConfiguration: { minimumHealthyPercent: 50, deploymentCircuitBreaker: { enable: true, rollback: true } } }
  - { cluster: c, serviceName: half, taskDefinition: f, desiredCount: 4, launchType: FARGATE, deploymentConfiguration: { minimumHealthyPercent: 50, maximumPercent: 100 } }
  - { cluster: c, serviceName: both, taskDefinition: both, desiredCount: 2, launchType: FARGATE }
  - { cluster: c, serviceName: ec2, taskDefinition: e, desiredCount: 4, capacityProviderStrategy: [{ capacityProvider: od, weight: 1 }] }
  - { cluster: c, serviceName: win, taskDefinition: win, desiredCount: 1, launchType: FARGATE }
  - { cluster: c, serviceName: deploy, taskDefinition: f, desiredCount: 1, launchType: FARGATE, deploymentController: { type: CODE_DEPLOY } }
  - { cluster: c, serviceName: external, taskDefinition: f, desiredCount: 1, launchType: FARGATE, deploymentController: { type: EXTERNAL } }
  - { cluster: c, serviceName: daemon, taskDefinition: e, launchType: EC2, schedulingStrategy: DAEMON }
"#;

fn world_with(change: impl Fn(&str) -> String) -> World {
    crate::account::parse(&change(ACCOUNT), "test.yaml", jiff::Timestamp::UNIX_EPOCH).unwrap()
}

fn world() -> World {
    world_with(str::to_owned)
}

fn item(name: &str, base: u32, weight: u32) -> StrategyItem {
    StrategyItem { capacity_provider: name.to_owned(), weight, base }
}

fn forced(service: &str, strategy: Option<Vec<StrategyItem>>) -> UpdateService {
    UpdateService {
        cluster: Some("c".to_owned()),
        service: service.to_owned(),
        capacity_provider_strategy: strategy,
        force_new_deployment: true,
        ..UpdateService::default()
    }
}

fn half_spot() -> Vec<StrategyItem> {
    vec![item("FARGATE", 1, 1), item("FARGATE_SPOT", 0, 1)]
}

fn get<'a>(world: &'a World, name: &str) -> &'a Service {
    world.service("c", name).unwrap()
}

fn on(world: &World, name: &str, provider: &str) -> u32 {
    world.tally(get(world, name), |t| t.provider.as_deref() == Some(provider)).running
}

fn newest(service: &Service) -> ServiceDeploymentStatus {
    service.service_deployments[0].status
}

fn fault(world: &mut World, json: serde_json::Value, on: bool) -> Result<(), String> {
    let fault: Fault = serde_json::from_value(json).unwrap();
    world.set_fault(fault, on, &["ecs:UpdateService"])
}

/// Advances until the newest service deployment has ended, at most so long.
fn run_out(world: &mut World, name: &str, seconds: u32) {
    for _ in 0..seconds {
        if newest(get(world, name)).is_final() {
            return;
        }
        world.advance_by(1.0);
    }
}
