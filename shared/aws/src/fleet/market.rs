//! What EC2 says of Spot capacity, and who buys it.

use std::collections::{BTreeMap, BTreeSet};

use spotkeeper_aws_ec2::ScoreRequest;
use spotkeeper_core::ids::ProviderName;
use spotkeeper_core::observe::{Cluster, Depth, Gap, Market, Provider, ProviderKind, Reading};
use spotkeeper_core::ports::{Clock, SpotMarket};
use spotkeeper_core::signals::{Launches, PlacementScore, ScoreQuery, ScoreRefusal, SpotProvider};

use super::capacity::{PROVIDERS_PER_CALL, RawGroups, Read, assemble, group_of, template_of};
use super::{AwsFleet, Cache, all, pages, translate};
use crate::client::{Action, ApiCause, ApiError};

impl<C: Cache, K: Clock> SpotMarket for AwsFleet<C, K> {
    async fn spot_providers(&self, cluster: &Cluster) -> Vec<SpotProvider> {
        let names: BTreeSet<ProviderName> = cluster.capacity_providers.iter().cloned().collect();
        let names: Vec<ProviderName> = names.into_iter().collect();
        let batches = names.chunks(PROVIDERS_PER_CALL);
        let read = all(batches.map(|names| self.described_providers(Some(&cluster.name), names))).await;
        let providers: Read<ProviderName, Provider> = read.into_iter().flatten().collect();
        let groups = providers.values().flatten().filter_map(group_of).map(str::to_owned).collect();
        // With their instances: of groups that ask by requirements these show the architecture.
        let groups = self.raw_groups(groups, Depth::Full).await;
        for gap in groups.types.values().filter_map(|one| one.as_ref().err()) {
            tracing::warn!(cluster = %cluster.name, %gap, "gap");
        }
        let launches = |(name, provider): (ProviderName, Result<Provider, Gap>)| {
            let launches = match provider.and_then(|provider| launches(&provider, &groups)) {
                Ok(launches) => Reading::Known(launches?),
                Err(gap) => Reading::Missing(gap),
            };
            Some(SpotProvider { name, launches })
        };
        providers.into_iter().filter_map(launches).collect()
    }

    async fn zone_names(&self) -> Result<BTreeMap<String, String>, ScoreRefusal> {
        let ec2 = &self.api.clients.ec2;
        self.api.call(Action::DescribeAvailabilityZones, || ec2.zone_names()).await.map_err(refusal)
    }

    async fn placement_scores(&self, query: &ScoreQuery) -> Result<Vec<PlacementScore>, ScoreRefusal> {
        let request = ScoreRequest::of(query).map_err(|detail| ScoreRefusal::Failed { detail })?;
        let (request, ec2) = (&request, &self.api.clients.ec2);
        let ask = |token: Option<String>| {
            self.api.call(Action::GetSpotPlacementScores, move || ec2.placement_scores(request, token.clone()))
        };
        pages(ask).await.map_err(refusal)
    }
}

/// What a provider launches; `None` where that is not Spot.
fn launches(provider: &Provider, groups: &RawGroups) -> Result<Option<Launches>, Gap> {
    match &provider.kind {
        ProviderKind::Fargate => Ok(None),
        ProviderKind::FargateSpot => Ok(Some(Launches::fargate_spot())),
        ProviderKind::ManagedInstances(managed) => {
            Ok((managed.market == Market::Spot).then(Launches::managed_instances))
        }
        ProviderKind::AutoScalingGroup(_) => of_group(group_of(provider).unwrap_or_default(), groups),
    }
}

fn of_group(name: &str, RawGroups { groups, templates, types }: &RawGroups) -> Result<Option<Launches>, Gap> {
    let given = match groups.get(name) {
        Some(Ok(given)) => given,
        Some(Err(gap)) => return Err(gap.clone()),
        None => return Err(translate::not_read(name, Action::DescribeAutoScalingGroups)),
    };
    let group = assemble(name, given, templates, types, Depth::Full)?;
    if group.market != Market::Spot {
        return Ok(None);
    }
    translate::market::launches(given, template_of(given, templates)?, &group).map(Some)
}

/// Why there is no answer.
fn refusal(error: ApiError) -> ScoreRefusal {
    match error.cause {
        _ if error.code == "MaxConfigLimitExceeded" => ScoreRefusal::MaxConfigLimitExceeded,
        ApiCause::Denied => ScoreRefusal::Denied { action: error.denied_action().to_owned() },
        ApiCause::Throttled => ScoreRefusal::Throttled,
        ApiCause::Absent | ApiCause::Refused | ApiCause::Unanswered => ScoreRefusal::Failed { detail: error.detail },
    }
}
