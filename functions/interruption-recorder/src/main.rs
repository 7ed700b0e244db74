//! Wires the function to AWS.

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse};
use interruption_recorder::{handle, messages};
use spotkeeper_aws::wire::{Aws, Beside};
use spotkeeper_core::ports::{Clock as _, Fleet as _};
use spotkeeper_lambda::{Config, Failure, SystemClock, init_logs, log_calls, serve, state_machine};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    init_logs();
    let variable = |name: &str| std::env::var(name).ok();
    let config = Config::read(variable)?;
    let machine = state_machine(variable)?;
    let aws = Aws::load(&config.stack, &config.table, &config.policy_parameter).await;
    let orchestrator = aws.orchestrator(&machine);
    serve(async |input, _ends_at| {
        let messages = messages(input).map_err(Failure::invalid)?;
        let fleet = aws.fleet(None, Beside::Clusters, SystemClock).await?;
        let recorded = handle(&fleet, &aws.state, &aws.telemetry, &orchestrator, &SystemClock, &messages).await;
        log_calls(fleet.counts().each());
        aws.telemetry.called("interruption-recorder", fleet.api_counts(), SystemClock.now()).await;
        let mut answer = SqsBatchResponse::default();
        answer.batch_item_failures = recorded.failed.into_iter().map(failure).collect();
        Ok(answer)
    })
    .await
}

fn failure(message_id: String) -> BatchItemFailure {
    let mut failure = BatchItemFailure::default();
    failure.item_identifier = message_id;
    failure
}
