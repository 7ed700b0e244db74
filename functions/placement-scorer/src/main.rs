//! Wires the function to AWS.

use placement_scorer::ScorerConfig;
use spotkeeper_aws::wire::{Aws, Beside};
use spotkeeper_core::interface::ScoreInput;
use spotkeeper_core::ports::{Clock as _, Fleet as _};
use spotkeeper_lambda::{Config, SystemClock, init_logs, log_calls, parse, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    init_logs();
    let config = Config::read(|name| std::env::var(name).ok())?;
    let aws = Aws::load(&config.stack, &config.table, &config.policy_parameter).await;
    let scorer = ScorerConfig { queries_per_day: config.score_queries_per_day };
    serve(async |input, _ends_at| {
        let input: ScoreInput = parse(&input)?;
        let fleet = aws.fleet(None, Beside::Clusters, SystemClock).await?;
        let answer = placement_scorer::handle(&fleet, &aws.state, &aws.telemetry, &SystemClock, &scorer, input).await;
        log_calls(fleet.counts().each());
        aws.telemetry.called("placement-scorer", fleet.api_counts(), SystemClock.now()).await;
        answer
    })
    .await
}
