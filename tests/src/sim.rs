//! `aws-sim`: the fleet.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use serde_json::Value;

use crate::api::Api;
use crate::daemon::{Daemon, environment};
use crate::paths;

/// How long the simulator may take to start: with thousands of services it takes its time.
const PATIENCE: Duration = Duration::from_secs(120);

/// The services that the simulator stands for, as they end the names of `AWS_ENDPOINT_URL_*`.
pub const FLEET_SERVICES: [&str; 7] = [
    "ECS",
    "EC2",
    "ELASTIC_LOAD_BALANCING_V2",
    "AUTO_SCALING",
    "APPLICATION_AUTO_SCALING",
    "SERVICE_QUOTAS",
    "PRICING",
];

/// A simulator that ends with this value.
#[derive(Debug)]
pub struct Simulator {
    daemon: Daemon,
    url: String,
}

impl Simulator {
    /// Starts it with an account, at so many virtual seconds in a second.
    ///
    /// # Errors
    /// When it does not become ready.
    pub fn start(account: &Path, speed: u32) -> anyhow::Result<Simulator> {
        Simulator::start_as(&paths::program("aws-sim")?, account, speed)
    }

    /// The same with the program of another build.
    ///
    /// # Errors
    /// When it does not become ready.
    pub fn start_as(program: &Path, account: &Path, speed: u32) -> anyhow::Result<Simulator> {
        let scratch = paths::scratch("aws-sim")?;
        let log = scratch.join("aws-sim.log");
        let arguments = ["--account", &account.display().to_string(), "--speed", &speed.to_string(), "--port", "0"]
            .map(str::to_owned);
        let mut daemon = Daemon::start("aws-sim", program, &arguments, &environment(&[]), &log)?;
        let url = daemon.until(PATIENCE, || address(&log))?;
        Ok(Simulator { daemon, url })
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where what it prints is kept.
    #[must_use]
    pub fn log(&self) -> &Path {
        self.daemon.log()
    }

    /// A client.
    #[must_use]
    pub fn api(&self) -> Api {
        Api::new(&self.url)
    }

    /// Asks the simulator itself, not the AWS that it plays.
    ///
    /// # Errors
    /// When it does not answer, or not with JSON.
    pub fn ask(&self, path: &str) -> anyhow::Result<Value> {
        let mut response = ureq::get(format!("{}{path}", self.url)).call().with_context(|| format!("GET {path}"))?;
        Ok(response.body_mut().read_json()?)
    }

    /// Tells the simulator itself.
    ///
    /// # Errors
    /// When it refuses.
    pub fn tell(&self, path: &str, body: &Value) -> anyhow::Result<()> {
        ureq::post(format!("{}{path}", self.url)).send_json(body).with_context(|| format!("POST {path}"))?;
        Ok(())
    }
}

/// The address in the first line that it prints, once that line is whole.
fn address(log: &Path) -> Option<String> {
    let text = std::fs::read_to_string(log).ok()?;
    let (line, _) = text.split_once('\n')?;
    line.split_whitespace().find(|word| word.starts_with("http://")).map(str::to_owned)
}
