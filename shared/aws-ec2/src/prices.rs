//! What Spot capacity costs.

use aws_sdk_ec2::operation::describe_spot_price_history::DescribeSpotPriceHistoryError;
use aws_sdk_ec2::types::{Filter, InstanceType};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::DateTime;

use crate::Ec2;

/// ECS's instances run Linux; in accounts from before 2013 the product has the longer name.
const PRODUCTS: [&str; 2] = ["Linux/UNIX", "Linux/UNIX (Amazon VPC)"];
/// The most that a page may have. Source: `MaxResults` of `DescribeSpotPriceHistory`.
const PAGE: i32 = 1_000;

/// A page of [`Ec2::spot_prices`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PricePage {
    /// Instance type, zone, and the price of an hour in dollars as EC2 writes it, newest first.
    pub prices: Vec<(String, String, String)>,
    /// Where the next page begins.
    pub next: Option<String>,
}

impl Ec2 {
    /// Reads a page of the Spot prices of these types that hold at a time, in seconds since 1970
    /// (`DescribeSpotPriceHistory` answers the last change before its beginning, too).
    ///
    /// # Errors
    /// The SDK's.
    pub async fn spot_prices(
        &self,
        types: &[String],
        at: i64,
        from: Option<String>,
    ) -> Result<PricePage, SdkError<DescribeSpotPriceHistoryError, HttpResponse>> {
        let products = PRODUCTS.map(str::to_owned).to_vec();
        let of_product = Filter::builder().name("product-description").set_values(Some(products)).build();
        let types = types.iter().map(|name| InstanceType::from(name.as_str())).collect();
        let request = self
            .client
            .describe_spot_price_history()
            .set_instance_types(Some(types))
            .filters(of_product)
            .start_time(DateTime::from_secs(at))
            .end_time(DateTime::from_secs(at))
            .max_results(PAGE)
            .set_next_token(from);
        let answer = request.send().await?;
        let read = |one: &aws_sdk_ec2::types::SpotPrice| {
            let (kind, zone) = (one.instance_type()?.as_str().to_owned(), one.availability_zone()?.to_owned());
            Some((kind, zone, one.spot_price()?.to_owned()))
        };
        let prices = answer.spot_price_history().iter().filter_map(read).collect();
        Ok(PricePage { prices, next: answer.next_token().map(str::to_owned) })
    }
}
