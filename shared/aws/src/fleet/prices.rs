//! Spot prices, for people who want to know what is at stake. No run asks for them.

use std::collections::BTreeSet;

use spotkeeper_core::observe::Gap;
use spotkeeper_core::outlook::{Money, SpotPrices};
use spotkeeper_core::ports::Clock;

use super::{AwsFleet, Cache, all, pages};
use crate::client::Action;

/// How many types one call names: EC2 states no most, and a page holds this many in ten zones.
const TYPES_PER_CALL: usize = 100;

impl<C: Cache, K: Clock> AwsFleet<C, K> {
    /// The Spot prices of these instance types in every zone, now: one call for a hundred types and a thousand
    /// prices. A type that EC2 does not sell as Spot has none.
    ///
    /// # Errors
    /// The gap where they would have stood.
    pub async fn spot_prices(&self, types: &BTreeSet<String>) -> Result<SpotPrices, Gap> {
        const ACTION: Action = Action::DescribeSpotPriceHistory;
        let (now, ec2) = (self.clock.now().as_second(), &self.api.clients.ec2);
        let types: Vec<String> = types.iter().cloned().collect();
        let read = all(types.chunks(TYPES_PER_CALL).map(|types| {
            pages(move |token: Option<String>| async move {
                let page = self.api.call(ACTION, || ec2.spot_prices(types, now, token.clone())).await?;
                Ok((page.prices, page.next))
            })
        }))
        .await;
        let mut prices = SpotPrices::new();
        for batch in read {
            for (kind, zone, price) in batch.map_err(|error| error.gap("the Spot price history"))? {
                // Newest first: an older one, or one of the product's other name, does not replace it.
                if let Some(price) = Money::parse(&price) {
                    prices.entry(kind).or_default().entry(zone).or_insert(price);
                }
            }
        }
        Ok(prices)
    }
}
