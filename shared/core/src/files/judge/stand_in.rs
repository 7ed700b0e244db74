//! Asking core's rules of what files hold: a stand-in takes the place of everything else, and no rule
//! that would ask of it is asked.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::links::gap;
use super::{DEFINITION_RULES, SERVICE_RULES, definition, either, service};
use crate::assess::{Finding, Level, Memory, Rule, assess};
use crate::ids::{ClusterName, ProviderName, ServiceArn, ServiceName, ServiceRef};
use crate::observe::{
    Cluster, Depth, Family, GroupProvider, LaunchType, LoadBalancerTarget, LoadBalancerUse, ManagedInstancesProvider,
    Market, PlacedBy, Provider, ProviderKind, Quotas, Reading, ScalingRange, Service, ServiceStatus, Snapshot,
    TargetGroup,
};
use crate::policy::Policy;
use crate::units::Seconds;

/// The desired count of a service that says none: no finding rests upon it.
const SOME_TASKS: u32 = 2;

/// What the rules said.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) found: Vec<(Rule, Level, Finding)>,
    pub(super) open: Vec<(Rule, String)>,
}

impl Said {
    pub(super) fn blocks(&self, rule: Rule) -> bool {
        self.found.iter().any(|(of, level, _)| *of == rule && *level == Level::Block)
    }
}

/// Names the target group that a load balancer sends to.
pub(super) fn name_target_group(used: &mut LoadBalancerUse, called: &str) {
    match &mut used.target {
        LoadBalancerTarget::TargetGroup(name) | LoadBalancerTarget::AlternateTargetGroup(name) => {
            called.clone_into(name);
        }
        LoadBalancerTarget::Classic(_) => {}
    }
}

/// Asks the rules of a task definition alone.
pub(super) fn of_definition(policy: &Policy, read: &definition::Read) -> Said {
    let Some(mut service) = nobody() else {
        return Said::default();
    };
    service.task_definition = Reading::Known(read.definition.clone());
    ask(policy, &service, &DEFINITION_RULES, &read.families, &read.open_images, true)
}

/// Asks the rules of a service.
pub(super) fn of_service(
    policy: &Policy,
    read: &service::Read<'_>,
    load_balancers: Vec<LoadBalancerUse>,
    target_groups: BTreeMap<String, Reading<TargetGroup>>,
    scaling: Reading<Option<ScalingRange>>,
    definition: Result<&definition::Read, String>,
) -> Said {
    let Some(nobody) = nobody() else {
        return Said::default();
    };
    let families =
        service::families(read.placed_by.as_ref(), definition.as_ref().ok().map(|read| read.families.as_slice()));
    let no_images = BTreeSet::new();
    let open_images = definition.as_ref().map_or(&no_images, |read| &read.open_images);
    let service = Service {
        desired: read.desired.unwrap_or(SOME_TASKS),
        placed_by: read.placed_by.clone().unwrap_or(nobody.placed_by),
        scheduling: read.scheduling,
        controller: read.controller,
        express: read.express,
        deployment: read.deployment.clone(),
        load_balancers,
        target_groups,
        discovery: read.discovery,
        volumes_at_launch: read.volumes_at_launch,
        tags: read.tags.iter().map(|(tag, (value, _))| (tag.clone(), value.clone())).collect(),
        scaling,
        task_definition: match &definition {
            Ok(read) => Reading::Known(read.definition.clone()),
            Err(why) => Reading::Missing(gap(why.clone())),
        },
        ..nobody
    };
    let mut said = ask(policy, &service, &SERVICE_RULES, &families, open_images, read.placed_by.is_none());
    if read.desired.is_none() {
        let by_count = |finding: &Finding| matches!(finding, Finding::NoRollingHeadroom { .. });
        if said.found.iter().any(|(_, _, finding)| by_count(finding)) {
            said.found.retain(|(_, _, finding)| !by_count(finding));
            said.open.push((Rule::Replaceable, "the service says no desiredCount".to_owned()));
        }
    }
    said
}

/// Asks some rules of a service, on each of the families that it may run on: what is found on one alone
/// depends on something that the files do not say.
fn ask(
    policy: &Policy,
    service: &Service,
    rules: &[Rule],
    families: &[Family],
    open_images: &BTreeSet<String>,
    anywhere: bool,
) -> Said {
    let mut asked: Vec<Said> = Vec::new();
    for family in families {
        let mut service = service.clone();
        if anywhere {
            service.placed_by = PlacedBy::LaunchType(match family {
                Family::Fargate => LaunchType::Fargate,
                Family::AutoScalingGroup => LaunchType::Ec2,
                Family::ManagedInstances => LaunchType::ManagedInstances,
            });
        }
        let snapshot = snapshot(service, *family);
        let Some(snapshot) = snapshot else { continue };
        let mut said = Said::default();
        for assessment in assess(policy, &snapshot, &Memory::default(), Timestamp::UNIX_EPOCH) {
            for verdict in assessment.verdicts.into_iter().filter(|verdict| rules.contains(&verdict.rule)) {
                for reason in verdict.reasons {
                    said.add(verdict.rule, reason.level, reason.finding, open_images);
                }
            }
        }
        asked.push(said);
    }
    let Some(mut first) = asked.pop() else {
        return Said::default();
    };
    for other in asked {
        let why = format!("it depends on where it runs, and that is not in these files: {}", either(families));
        let differs = |one: &Said, other: &Said| -> Vec<Rule> {
            one.found.iter().filter(|found| !other.found.contains(found)).map(|(rule, ..)| *rule).collect()
        };
        let open: BTreeSet<Rule> = differs(&first, &other).into_iter().chain(differs(&other, &first)).collect();
        first.found.retain(|found| other.found.contains(found));
        first.open.extend(other.open);
        first.open.extend(open.into_iter().map(|rule| (rule, why.clone())));
    }
    first.open.sort();
    first.open.dedup();
    first
}

impl Said {
    fn add(&mut self, rule: Rule, level: Level, finding: Finding, open_images: &BTreeSet<String>) {
        match finding {
            // What links and definitions leave open has its sentence in the detail.
            Finding::Gap { gap } => self.open.push((rule, gap.detail)),
            Finding::NotJudged { needs } => self.open.push((rule, format!("{needs} must be known first"))),
            // Whether it is enrolled is not the file's to say; a tag that means nothing is.
            ref finding if rule == Rule::Enrolment && !matches!(finding, Finding::TagMistake { .. }) => {}
            Finding::MutableTag { ref container, .. } if open_images.contains(container) => {}
            finding => self.found.push((rule, level, finding)),
        }
    }
}

/// A cluster of one service, whose providers are of one family.
fn snapshot(service: Service, family: Family) -> Option<Snapshot> {
    let missing = || gap("it is not in the files".to_owned());
    let providers = service.strategy().into_iter().flat_map(|strategy| &strategy.items).map(|item| &item.provider);
    let kind = match family {
        Family::Fargate => ProviderKind::Fargate,
        Family::AutoScalingGroup => ProviderKind::AutoScalingGroup(GroupProvider {
            managed_scaling: true,
            managed_draining: true,
            managed_termination_protection: false,
            warmup: Seconds(0),
            group: Reading::Missing(missing()),
        }),
        Family::ManagedInstances => ProviderKind::ManagedInstances(ManagedInstancesProvider {
            market: Market::OnDemand,
            subnets: Vec::new(),
            requirements_digest: String::new(),
        }),
    };
    let provider = |name: &ProviderName| {
        let provider = Provider { name: name.clone(), arn: String::new(), active: true, kind: kind.clone() };
        (name.clone(), Reading::Known(provider))
    };
    Some(Snapshot {
        taken_at: Timestamp::UNIX_EPOCH,
        depth: Depth::Full,
        cluster: Cluster {
            name: service.id.cluster.clone(),
            arn: String::new(),
            active: true,
            capacity_providers: Vec::new(),
        },
        providers: providers.map(provider).collect(),
        services: vec![service],
        quotas: Quotas {
            fargate_on_demand: Reading::Missing(missing()),
            ec2_on_demand_standard: Reading::Missing(missing()),
        },
        gaps: Vec::new(),
    })
}

/// A service of which nothing is known.
fn nobody() -> Option<Service> {
    use crate::observe::{DeploymentConfiguration, DeploymentController, DeploymentStrategy, Discovery, Scheduling};
    let missing = || gap("it is not in the files".to_owned());
    Some(Service {
        id: ServiceRef {
            cluster: ClusterName::parse("files").ok()?,
            name: ServiceName::parse("service").ok()?,
            arn: ServiceArn::parse("arn:aws:ecs:us-east-1:000000000000:service/files/service").ok()?,
        },
        status: ServiceStatus::Active,
        desired: SOME_TASKS,
        running: SOME_TASKS,
        pending: 0,
        placed_by: PlacedBy::LaunchType(LaunchType::Fargate),
        platform_version: None,
        scheduling: Scheduling::Replica,
        controller: DeploymentController::Ecs,
        express: false,
        deployment: DeploymentConfiguration {
            strategy: DeploymentStrategy::Rolling,
            minimum_healthy_percent: 100,
            maximum_percent: 200,
            circuit_breaker: false,
            rollback: false,
            bake: Seconds(0),
            hooks: 0,
            hook_time: Seconds(0),
        },
        deployments: Vec::new(),
        current_service_deployment: None,
        current_deployment_status: Reading::Missing(missing()),
        load_balancers: Vec::new(),
        target_groups: BTreeMap::new(),
        discovery: Discovery::default(),
        volumes_at_launch: false,
        placement_constraints: Vec::new(),
        subnets: Vec::new(),
        network_digest: String::new(),
        health_check_grace: Seconds(0),
        tags: BTreeMap::new(),
        task_definition_arn: String::new(),
        task_definition: Reading::Missing(missing()),
        scaling: Reading::Missing(missing()),
        tasks: Reading::Missing(missing()),
        events: Vec::new(),
    })
}
