//! What holds whatever the service.

use proptest::prelude::*;

use super::*;
use crate::observe::{Family, Reading};
use crate::units::Seconds;

#[test]
fn a_score_is_the_product_of_its_parts() {
    let assessment = World::good(Family::Fargate).assess();
    let Suitability { score, drain_slack, redundancy, rolling_headroom, pool_diversity, placement_score } =
        assessment.suitability;
    // (120 - 30 - 30) / 120, 3 of 4, 8 and 2 of 4, 3 of 4.
    assert_eq!((drain_slack, redundancy, rolling_headroom, pool_diversity), (50, 75, 100, 75));
    assert_eq!(placement_score, None);
    assert_eq!(score, 28);
    let mut world = World::good(Family::Fargate);
    world.service().deployment.minimum_healthy_percent = 75;
    world.service().deployment.maximum_percent = 125;
    assert_eq!(world.assess().suitability.rolling_headroom, 50, "one to start and one to stop, of four");
}

proptest! {
    /// More time to stop, fewer tasks or less room never makes a service more suitable.
    #[test]
    fn what_makes_a_service_worse_never_raises_its_score(
        desired in 2_u32..60, stop in 0_u32..130, delay in 0_u32..130, worse in 1_u32..60,
    ) {
        let score = |desired: u32, stop: u32, delay: u32| {
            let mut world = World::good(Family::Fargate);
            world.service().desired = desired;
            fixtures::settle(world.service(), 0);
            world.definition(|definition| definition.containers[0].stop_timeout = Some(Seconds(stop)));
            for read in world.service().target_groups.values_mut() {
                if let Reading::Known(target_group) = read {
                    target_group.deregistration_delay = Seconds(delay);
                }
            }
            world.assess().suitability.score
        };
        let good = score(desired, stop, delay);
        prop_assert!(score(desired, stop.saturating_add(worse), delay) <= good);
        prop_assert!(score(desired, stop, delay.saturating_add(worse)) <= good);
    }

    /// Chains of any shape end: no cycle hangs, and the sum is never below the longest single one.
    #[test]
    fn any_dependencies_come_to_an_end(edges in proptest::collection::vec((0_usize..12, 0_usize..12), 0..40)) {
        let mut world = World::good(Family::Fargate);
        world.definition(|definition| {
            definition.containers = (0..12).map(|number| fixtures::container(&format!("c{number}"))).collect();
            for (from, to) in &edges {
                definition.containers[*from].depends_on.push(format!("c{to}"));
            }
        });
        let assessment = world.assess();
        prop_assert_eq!(assessment.verdicts.len(), Rule::ALL.len());
    }

    /// A suitability is 0 exactly where something blocks, whatever numbers a service has.
    #[test]
    fn numbers_of_any_size_are_judged(
        desired in any::<u32>(), minimum in any::<u32>(), maximum in any::<u32>(), delay in any::<u32>(), stop in any::<u32>(),
    ) {
        let mut world = World::good(Family::Fargate);
        // Not the tasks: four billion would not fit in memory.
        world.service().desired = desired;
        world.service().deployment.minimum_healthy_percent = minimum;
        world.service().deployment.maximum_percent = maximum;
        world.definition(|definition| definition.containers[0].stop_timeout = Some(Seconds(stop)));
        for read in world.service().target_groups.values_mut() {
            if let Reading::Known(target_group) = read {
                target_group.deregistration_delay = Seconds(delay);
            }
        }
        let assessment = world.assess();
        prop_assert_eq!(assessment.suitability.score == 0, assessment.blocked());
        prop_assert!(assessment.suitability.score <= 100);
    }
}
