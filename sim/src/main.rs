//! `aws-sim`: serves a simulated AWS account on one local port.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use aws_sim::{Speed, account, serve};
use clap::Parser;
use tokio::net::TcpListener;

/// What a newcomer needs to go on from here.
const TEACH: &str = "\
To look around, in another shell:
  export AWS_ENDPOINT_URL=http://127.0.0.1:4580 AWS_REGION=eu-west-1 AWS_DEFAULT_REGION=eu-west-1
  export AWS_ACCESS_KEY_ID=x AWS_SECRET_ACCESS_KEY=y
  aws ecs describe-services --cluster shop --services web

To meddle:
  curl -s $AWS_ENDPOINT_URL/_sim/clock/advance -d '{\"seconds\": 600}'
  curl -s $AWS_ENDPOINT_URL/_sim/faults -d '{\"fault\": \"spot_unavailable\", \"provider\": \"all\"}'
  curl -s $AWS_ENDPOINT_URL/_sim/counters

sim/accounts/ has accounts to begin with; sim/README.md says what a file may hold, which calls are
answered, and what is not modelled.";

/// Serves a simulated AWS account on one local port: ECS with its real capacity-provider rules, and
/// what stands around it. It takes no account of yours, and no credentials.
#[derive(Parser)]
#[command(version, after_help = TEACH)]
struct Args {
    /// What is in the account: a YAML or JSON file, such as sim/accounts/fargate.yaml.
    #[arg(long, value_name = "FILE")]
    account: PathBuf,
    /// Virtual seconds that pass in a second: above 0, up to 100000.
    #[arg(long, default_value = "1", value_name = "N")]
    speed: Speed,
    /// The port on 127.0.0.1; 0 takes a free one, and the first line tells which.
    #[arg(long, default_value_t = 4580, value_name = "P")]
    port: u16,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let Args { account, speed, port } = Args::parse();
    let world = account::load(&account, jiff::Timestamp::now())?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await.with_context(|| match port {
        0 => "no free port on 127.0.0.1".to_owned(),
        _ => {
            format!("port {port} on 127.0.0.1 cannot be used (is another aws-sim running?); --port 0 takes a free one")
        }
    })?;
    let address = listener.local_addr().context("the listener has no address")?;
    // Tests read this line to learn the port; it must be out before the first connection.
    let mut stdout = std::io::stdout();
    writeln!(stdout, "listening on http://{address}")?;
    stdout.flush()?;
    serve(world, speed, listener).await?;
    Ok(())
}
