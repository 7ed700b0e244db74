//! Wires the function to AWS.

use recorder::BeginConfig;
use spotkeeper_aws::wire::{Aws, Beside};
use spotkeeper_core::interface::RecorderInput;
use spotkeeper_core::ports::{Clock as _, Fleet as _};
use spotkeeper_lambda::{Config, SystemClock, init_logs, log_calls, parse_tagged, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    init_logs();
    let config = Config::read(|name| std::env::var(name).ok())?;
    let aws = Aws::load(&config.stack, &config.table, &config.policy_parameter).await;
    let begin = BeginConfig { clusters_in_flight: config.clusters_in_flight, capacity_lever: config.capacity_lever };
    serve(async |input, _ends_at| {
        let input: RecorderInput = parse_tagged(&input)?;
        let fleet = aws.fleet(None, Beside::Clusters, SystemClock).await?;
        let answer = recorder::handle(&fleet, &aws.state, &aws.telemetry, &SystemClock, &begin, input).await;
        log_calls(fleet.counts().each());
        aws.telemetry.called("recorder", fleet.api_counts(), SystemClock.now()).await;
        answer
    })
    .await
}
