//! The one write.

use aws_sdk_ecs::types::CapacityProviderStrategyItem;
use spotkeeper_core::ids::ServiceRef;
use spotkeeper_core::observe::PlacedBy;
use spotkeeper_core::ports::{Clock, WriteError};

use super::{AwsFleet, Cache};
use crate::client::Action;

impl<C: Cache, K: Clock> AwsFleet<C, K> {
    /// `UpdateService` with the service, its strategy and a forced deployment. ECS refuses a
    /// changed strategy without the force, and would take any further field as a wish: a count
    /// that fights the autoscaler, a task definition that ships code.
    pub(super) async fn update_service(&self, service: &ServiceRef, placed_by: &PlacedBy) -> Result<(), WriteError> {
        let subject = service.to_string();
        let request = self
            .api
            .clients
            .ecs
            .update_service()
            .cluster(service.cluster.as_str())
            .service(service.name.as_str())
            .set_capacity_provider_strategy(Some(items(placed_by).map_err(|message| WriteError::Refused {
                service: subject.clone(),
                code: "InvalidStrategy".to_owned(),
                message,
            })?))
            .force_new_deployment(true);
        match self.api.call(Action::UpdateService, || request.clone().send()).await {
            Ok(_) => Ok(()),
            Err(error) => Err(error.into_write(&subject)),
        }
    }
}

/// The strategy to send; an empty one goes back to the launch type that the service was created
/// with. `Err` is what is wrong with it.
fn items(placed_by: &PlacedBy) -> Result<Vec<CapacityProviderStrategyItem>, String> {
    let items = match placed_by {
        PlacedBy::LaunchType(_) => return Ok(Vec::new()),
        // Sent empty it would mean the launch type, which is not what a strategy says.
        PlacedBy::Strategy(strategy) if strategy.items.is_empty() => {
            return Err("the strategy is empty".to_owned());
        }
        PlacedBy::Strategy(strategy) => &strategy.items,
    };
    items
        .iter()
        .map(|item| {
            let number = |number: u32| i32::try_from(number).map_err(|error| error.to_string());
            CapacityProviderStrategyItem::builder()
                .capacity_provider(item.provider.as_str())
                .base(number(item.base)?)
                .weight(number(item.weight)?)
                .build()
                .map_err(|error| error.to_string())
        })
        .collect()
}
