//! Spot placement scores, and the zones that they are of.

use std::collections::BTreeMap;

use aws_sdk_ec2::operation::describe_availability_zones::DescribeAvailabilityZonesError;
use aws_sdk_ec2::operation::get_spot_placement_scores::GetSpotPlacementScoresError;
use aws_sdk_ec2::types::{ArchitectureType, InstanceRequirementsWithMetadataRequest, VirtualizationType};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use spotkeeper_core::observe::Architecture;
use spotkeeper_core::signals::{PlacementScore, ScoreQuery, Scored, Wanted};

use crate::{Ec2, requirements};

/// The most scores of one page. Source: `MaxResults` of `GetSpotPlacementScores`.
const PAGE: i32 = 1_000;

/// A query in EC2's words.
#[derive(Debug, Clone)]
pub struct ScoreRequest {
    region: String,
    capacity: i32,
    by_zone: bool,
    types: Vec<String>,
    requirements: Option<InstanceRequirementsWithMetadataRequest>,
}

impl ScoreRequest {
    /// Puts a query into EC2's words.
    ///
    /// # Errors
    /// Where a requirement cannot be passed on, with its name.
    pub fn of(query: &ScoreQuery) -> Result<ScoreRequest, String> {
        let ScoreQuery { region, wanted, capacity, of } = query;
        let (types, requirements) = match wanted {
            Wanted::Types(types) => (types.iter().cloned().collect(), None),
            Wanted::Requirements { architectures, requirements } => {
                let architecture = |one: &Architecture| match one {
                    Architecture::X8664 => ArchitectureType::X8664,
                    Architecture::Arm64 => ArchitectureType::Arm64,
                };
                let request = InstanceRequirementsWithMetadataRequest::builder()
                    .set_architecture_types(Some(architectures.iter().map(architecture).collect()))
                    // All that the images of ECS are made for.
                    .virtualization_types(VirtualizationType::Hvm)
                    .instance_requirements(requirements::request(requirements)?)
                    .build();
                (Vec::new(), Some(request))
            }
        };
        let capacity = i32::try_from(*capacity).map_err(|_| format!("a capacity of {capacity}"))?;
        Ok(ScoreRequest { region: region.clone(), capacity, by_zone: *of == Scored::Zones, types, requirements })
    }
}

impl Ec2 {
    /// Asks for a page of scores (`GetSpotPlacementScores`); the answer is the page and the token
    /// of the next. An entry without a score is left out.
    ///
    /// # Errors
    /// The SDK's.
    pub async fn placement_scores(
        &self,
        request: &ScoreRequest,
        token: Option<String>,
    ) -> Result<(Vec<PlacementScore>, Option<String>), SdkError<GetSpotPlacementScoresError, HttpResponse>> {
        let ScoreRequest { region, capacity, by_zone, types, requirements } = request.clone();
        let answer = self
            .client
            .get_spot_placement_scores()
            .region_names(region)
            .target_capacity(capacity)
            .single_availability_zone(by_zone)
            .set_instance_types((!types.is_empty()).then_some(types))
            .set_instance_requirements_with_metadata(requirements)
            .max_results(PAGE)
            .set_next_token(token)
            .send()
            .await?;
        let scores = answer.spot_placement_scores().iter().filter_map(|one| {
            let zone_id = one.availability_zone_id().filter(|id| !id.is_empty()).map(str::to_owned);
            Some(PlacementScore { zone_id, score: one.score()? })
        });
        Ok((scores.collect(), answer.next_token().map(str::to_owned)))
    }

    /// The names of the zones that are open to the account, by their ids
    /// (`DescribeAvailabilityZones`).
    ///
    /// # Errors
    /// The SDK's.
    pub async fn zone_names(
        &self,
    ) -> Result<BTreeMap<String, String>, SdkError<DescribeAvailabilityZonesError, HttpResponse>> {
        let answer = self.client.describe_availability_zones().send().await?;
        let zones = answer.availability_zones().iter();
        Ok(zones.filter_map(|zone| Some((zone.zone_id()?.to_owned(), zone.zone_name()?.to_owned()))).collect())
    }
}
