//! `aws-sim`: serves a simulated AWS account on one local port.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use aws_sim::{Speed, account, serve};
use clap::Parser;
use tokio::net::TcpListener;

/// Serves a simulated AWS account on one local port.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// What is in the account: a YAML or JSON file (see sim/README.md).
    #[arg(long)]
    account: PathBuf,
    /// Virtual seconds that pass in a second.
    #[arg(long, default_value = "1")]
    speed: Speed,
    /// The port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 4580)]
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
