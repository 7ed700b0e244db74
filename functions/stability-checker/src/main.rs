//! Wires the function to AWS.

use spotkeeper_aws::wire::{Aws, Beside};
use spotkeeper_core::interface::CheckInput;
use spotkeeper_core::ports::{Clock as _, Fleet as _};
use spotkeeper_lambda::{Config, SystemClock, init_logs, log_calls, parse, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    init_logs();
    let config = Config::read(|name| std::env::var(name).ok())?;
    let aws = Aws::load(&config.stack, &config.table, &config.policy_parameter).await;
    serve(async |input, _ends_at| {
        let input: CheckInput = parse(&input)?;
        let fleet = aws.fleet(Some(&input.run_id), Beside::Moves(input.watched), SystemClock).await?;
        let answer = stability_checker::handle(&fleet, &aws.state, &SystemClock, input).await;
        log_calls(fleet.counts().each());
        aws.telemetry.called("stability-checker", fleet.api_counts(), SystemClock.now()).await;
        answer
    })
    .await
}
