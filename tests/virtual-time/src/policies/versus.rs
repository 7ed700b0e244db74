//! A rival's month: its wishes are carried out on the world at once, without an API in between.

use std::collections::BTreeMap;

use aws_sim::world::shapes::StrategyItem;
use aws_sim::world::update_service::UpdateService;
use aws_sim::world::{ServiceKey, World};
use jiff::{SignedDuration, Timestamp};

use super::account::{self, BESIDE};
use super::meter::Meter;
use super::month::{Month, Turn};
use super::plan::Lived;
use super::rivals::{Rival, Wish, dealt, standing_in};

/// How often what nobody needs is thrown away.
const TIDY: f64 = 3_600.0;

/// Lives through a month.
///
/// # Errors
/// What of the account could not be made, or was refused.
pub fn live(rival: Rival, month: &Month, services: u32) -> Result<Lived, String> {
    let beside = rival.wish(0).fallback;
    let mut world = account::world(&month.market, services, month.seed, beside)?;
    let start = world.now();
    let services = account::services(&world);
    let meter = Meter::new(start, &services);
    let mut ruled = Ruled { rival, meter, services, wish: None, score: 0, standing_in: BTreeMap::new() };
    let mut calendar = month.calendar().peekable();
    let mut interruptions = 0;
    let period = if rival.period() == 0 { TIDY } else { f64::from(rival.period()) };
    let mut look = 0.0;
    while look < month.seconds() {
        while let Some((at, turn)) = calendar.next_if(|(at, _)| *at <= look) {
            world.advance(moment(start, *at));
            interruptions += turn.happen(&mut world)?;
            if let Turn::Scores(zones) = turn {
                let count = u32::try_from(zones.len()).unwrap_or(1);
                ruled.score = zones.iter().sum::<u32>() * 100 / count;
            }
        }
        world.advance(moment(start, look));
        ruled.look(&mut world)?;
        drop(world.take_events());
        look += period;
    }
    for (at, turn) in calendar {
        world.advance(moment(start, *at));
        interruptions += turn.happen(&mut world)?;
    }
    world.advance(moment(start, month.seconds()));
    ruled.meter.take(&mut world);
    Ok(Lived::of(&world, &ruled.meter, month, interruptions))
}

fn moment(start: Timestamp, seconds: f64) -> Timestamp {
    start + SignedDuration::try_from_secs_f64(seconds).unwrap_or_default()
}

/// A world under a rival's rule.
struct Ruled {
    rival: Rival,
    meter: Meter,
    services: Vec<(ServiceKey, u32)>,
    wish: Option<Wish>,
    /// The mean of the zones, in hundredths.
    score: u32,
    /// On-Demand tasks beside each service.
    standing_in: BTreeMap<ServiceKey, u32>,
}

impl Ruled {
    fn look(&mut self, world: &mut World) -> Result<(), String> {
        let changed = self.meter.take(world);
        let wish = self.rival.wish(self.score);
        let before = self.wish.replace(wish).map_or(0, |wish| wish.spot_percent);
        if before != wish.spot_percent {
            self.place(world, wish.spot_percent)?;
        }
        if wish.fallback {
            for key in changed {
                self.stand_in(world, key)?;
            }
        }
        Ok(())
    }

    /// Every service whose deal is another is deployed anew: ECS has no other way.
    fn place(&mut self, world: &mut World, percent: u32) -> Result<(), String> {
        let desired: Vec<u32> = self.services.iter().map(|(_, desired)| *desired).collect();
        for ((key, desired), on_spot) in self.services.iter().zip(dealt(&desired, percent)) {
            let item = |name: String, weight| StrategyItem { capacity_provider: name, weight, base: 0 };
            let both =
                [item(account::on_demand(&key.cluster), desired - on_spot), item(account::spot(&key.cluster), on_spot)];
            let strategy: Vec<StrategyItem> = both.into_iter().filter(|item| item.weight > 0).collect();
            let stands = world.written_service(key).and_then(|service| service.current());
            if stands.is_some_and(|revision| names(&revision.strategy) == names(&strategy) && strategy.len() == 1) {
                continue;
            }
            update(
                world,
                key,
                UpdateService {
                    capacity_provider_strategy: Some(strategy),
                    force_new_deployment: true,
                    ..UpdateService::default()
                },
            )?;
        }
        Ok(())
    }

    fn stand_in(&mut self, world: &mut World, key: ServiceKey) -> Result<(), String> {
        let desired = self.services.iter().find(|(one, _)| *one == key).map_or(0, |(_, desired)| *desired);
        let wanted = standing_in(desired, self.meter.healthy(&key));
        if self.standing_in.get(&key).copied().unwrap_or(0) == wanted {
            return Ok(());
        }
        let twin = ServiceKey::new(key.cluster.clone(), format!("{}{BESIDE}", key.name));
        update(world, &twin, UpdateService { desired_count: Some(wanted), ..UpdateService::default() })?;
        self.standing_in.insert(key, wanted);
        Ok(())
    }
}

fn names(strategy: &[StrategyItem]) -> Vec<&str> {
    strategy.iter().map(|item| item.capacity_provider.as_str()).collect()
}

fn update(world: &mut World, key: &ServiceKey, call: UpdateService) -> Result<(), String> {
    let call = UpdateService { cluster: Some(key.cluster.clone()), service: key.name.clone(), ..call };
    world.update_service(&call).map(|_| ()).map_err(|refused| format!("{key}: {refused}"))
}
