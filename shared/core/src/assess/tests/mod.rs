//! Table tests: each row takes a world that every rule passes and varies one thing.

mod capacity;
mod operations;
mod properties;
mod safety;
mod sizes;
mod spread;

use super::*;
use crate::fixtures;
use crate::observe::{Reading, Snapshot};

/// All that `assess` takes. The service under test is the first.
#[derive(Clone)]
pub(super) struct World {
    pub(super) policy: Policy,
    pub(super) snapshot: Snapshot,
    pub(super) memory: Memory,
}

impl World {
    pub(super) fn good(family: Family) -> World {
        World {
            policy: fixtures::policy(),
            snapshot: fixtures::snapshot(vec![fixtures::service("web", family)]),
            memory: Memory::default(),
        }
    }

    pub(super) fn service(&mut self) -> &mut Service {
        &mut self.snapshot.services[0]
    }

    pub(super) fn definition(&mut self, change: impl FnOnce(&mut TaskDefinition)) {
        fixtures::edit_task_definition(self.service(), change);
    }

    pub(super) fn assess(&self) -> Assessment {
        assess(&self.policy, &self.snapshot, &self.memory, fixtures::now()).swap_remove(0)
    }
}

/// S3: whatever reading of a good service is missing, it is not permission.
#[test]
fn s3_every_missing_reading_blocks() {
    fn gap() -> Gap {
        fixtures::gap("it", "ecs:Describe")
    }
    let missing: [(&str, Vary); 8] = [
        ("the task definition", |w| w.service().task_definition = Reading::Missing(gap())),
        ("a target group", |w| {
            for group in w.service().target_groups.values_mut() {
                *group = Reading::Missing(gap());
            }
        }),
        ("the scaling range", |w| w.service().scaling = Reading::Missing(gap())),
        ("the tasks", |w| w.service().tasks = Reading::Missing(gap())),
        ("the providers", |w| {
            for provider in w.snapshot.providers.values_mut() {
                *provider = Reading::Missing(gap());
            }
        }),
        ("the providers, not even named", |w| w.snapshot.providers.clear()),
        ("the target group's reading", |w| w.service().target_groups.clear()),
        ("the quotas", |w| {
            w.snapshot.quotas.fargate_on_demand = Reading::Missing(gap());
            w.snapshot.quotas.ec2_on_demand_standard = Reading::Missing(gap());
        }),
    ];
    for family in fixtures::FAMILIES {
        for (name, take_away) in missing {
            let mut world = World::good(family);
            take_away(&mut world);
            assert!(world.assess().blocked(), "{family:?} without {name}");
        }
    }
}

/// What a row varies.
pub(super) type Vary = fn(&mut World);

/// A row: its name, the family, what it varies, and every reason that is not a pass, as
/// `block rule: finding`.
pub(super) type Row = (&'static str, Family, fn(&mut World), &'static [&'static str]);

/// Checks every row, and keeps the sentences as a golden file.
pub(super) fn check(golden: &str, rows: &[Row]) {
    let mut sentences = String::new();
    for (name, family, vary, expected) in rows {
        let mut world = World::good(*family);
        vary(&mut world);
        let assessment = world.assess();
        let mut found = reasons(&assessment);
        let mut expected: Vec<String> = expected.iter().map(|one| (*one).to_owned()).collect();
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{name}");
        assert_eq!(
            assessment.suitability.score == 0,
            assessment.blocked(),
            "{name}: the score is 0 exactly where something blocks"
        );
        sentences += &format!("{name}\n");
        for verdict in &assessment.verdicts {
            for reason in verdict.reasons.iter().filter(|reason| reason.level != Level::Pass) {
                sentences += &format!("    {:?} {}: {}\n", reason.level, verdict.rule, reason.finding);
            }
        }
    }
    insta::with_settings!({ omit_expression => true }, { insta::assert_snapshot!(golden, sentences) });
}

/// Every reason that is not a pass, as `block rule: finding`, once each.
pub(super) fn reasons(assessment: &Assessment) -> Vec<String> {
    let mut found: Vec<String> = assessment
        .verdicts
        .iter()
        .flat_map(|verdict| verdict.reasons.iter().map(move |reason| (verdict.rule, reason)))
        .filter(|(_, reason)| reason.level != Level::Pass)
        .map(|(rule, reason)| {
            let json = serde_json::to_value(reason).unwrap();
            let text = |key: &str| json[key].as_str().unwrap().to_owned();
            format!("{} {rule}: {}", text("level"), text("finding"))
        })
        .collect();
    found.sort();
    found.dedup();
    found
}

#[test]
fn a_good_service_passes_every_rule_on_every_family() {
    for family in fixtures::FAMILIES {
        let assessment = World::good(family).assess();
        assert_eq!(reasons(&assessment), Vec::<String>::new(), "{family}");
        assert_eq!(assessment.pair, Some(fixtures::pair(family)), "{family}");
        assert_eq!(assessment.verdicts.len(), Rule::ALL.len(), "{family}");
    }
}

#[test]
fn a_service_on_spot_passes_too() {
    for family in fixtures::FAMILIES {
        let mut world = World::good(family);
        *world.service() = fixtures::on_spot(fixtures::service("web", family), 1, 1, 1);
        assert_eq!(reasons(&world.assess()), Vec::<String>::new(), "{family}");
    }
}
