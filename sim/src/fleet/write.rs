//! The one write.

use spotkeeper_core::ids::ServiceRef;
use spotkeeper_core::observe::PlacedBy;
use spotkeeper_core::ports::WriteError;

use crate::world::World;
use crate::world::shapes::StrategyItem;
use crate::world::update_service::UpdateService;

/// `UpdateService` with the service, its strategy and a forced deployment. An empty strategy goes
/// back to the launch type that the service was created with.
///
/// # Errors
/// [`WriteError::Refused`] with ECS's code and message.
pub fn write(world: &mut World, service: &ServiceRef, placed_by: &PlacedBy) -> Result<(), WriteError> {
    let items = match placed_by {
        PlacedBy::LaunchType(_) => Vec::new(),
        // Sent empty it would mean the launch type, which is not what a strategy says.
        PlacedBy::Strategy(strategy) if strategy.items.is_empty() => {
            return Err(WriteError::Refused {
                service: service.to_string(),
                code: "InvalidStrategy".to_owned(),
                message: "the strategy is empty".to_owned(),
            });
        }
        PlacedBy::Strategy(strategy) => strategy
            .items
            .iter()
            .map(|item| StrategyItem {
                capacity_provider: item.provider.as_str().to_owned(),
                weight: item.weight,
                base: item.base,
            })
            .collect(),
    };
    let call = UpdateService {
        cluster: Some(service.cluster.as_str().to_owned()),
        service: service.name.as_str().to_owned(),
        capacity_provider_strategy: Some(items),
        force_new_deployment: true,
        ..UpdateService::default()
    };
    world.update_service(&call).map(|_| ()).map_err(|refusal| WriteError::Refused {
        service: service.to_string(),
        code: refusal.code.to_owned(),
        message: refusal.message,
    })
}
