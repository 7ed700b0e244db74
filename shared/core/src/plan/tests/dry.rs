//! Over a pair that was dry nothing climbs for a while, and then one service tries first.

use super::*;

/// Services that are held, and why.
type Held<'a> = &'a [(&'a str, HeldWhy)];
use crate::control::Dry;

#[test]
fn after_a_drought_one_service_tries_first() {
    // name, the pause's end in seconds from now, what is held back and why
    let (dry, canary) = (HeldWhy::Dry, HeldWhy::Canary);
    let cases: [(&str, Option<i64>, Held<'_>); 4] = [
        ("never dry", None, &[]),
        ("in the pause", Some(1), &[("a", dry), ("b", dry)]),
        ("when it ends", Some(0), &[("b", canary)]),
        ("after it", Some(-1), &[("b", canary)]),
    ];
    for (name, until, held) in cases {
        let services = ["a", "b"].map(|name| fixtures::service(name, Family::Fargate));
        let mut ceiling = fixtures::ceiling(Family::Fargate, Percent::HUNDRED);
        ceiling.dry = until.map(|until| Dry { seen_at: fixtures::at(-7_200), until: fixtures::at(until), times: 1 });
        let mut memory = Memory::default();
        memory.signals.ceilings = vec![ceiling];
        let plan = plan_of(&open_policy(), &fixtures::snapshot(services.into()), &memory, &run(RunMode::Ordinary));
        let found: Vec<(&str, HeldWhy)> =
            plan.held_back.iter().map(|held| (held.service.name.as_str(), held.why)).collect();
        assert_eq!(found, held, "{name}");
        assert_eq!(plan.moves.len(), 2 - held.len(), "{name}");
    }
}
