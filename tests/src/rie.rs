//! A function's real binary under AWS's runtime interface emulator.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use serde_json::Value;

use crate::daemon::{Daemon, environment, free_port};
use crate::paths;
use crate::sim::FLEET_SERVICES;

/// How long the emulator may take to listen.
const PATIENCE: Duration = Duration::from_secs(30);

/// One function under the emulator. It takes one call at a time: a second one at once kills it.
#[derive(Debug)]
pub struct Emulator {
    daemon: Daemon,
    url: String,
}

impl Emulator {
    /// Starts the emulator with a built function; it begins the function's process with the first
    /// call.
    ///
    /// # Errors
    /// When it does not listen.
    pub fn start(function: &str, timeout_seconds: u32, endpoints: &Endpoints) -> anyhow::Result<Emulator> {
        Emulator::start_binary(&paths::function(function)?, function, timeout_seconds, endpoints)
    }

    /// Starts the emulator with any function's binary.
    ///
    /// # Errors
    /// When it does not listen.
    pub fn start_binary(
        binary: &Path,
        function: &str,
        timeout_seconds: u32,
        endpoints: &Endpoints,
    ) -> anyhow::Result<Emulator> {
        let scratch = paths::scratch("rie")?;
        let (port, runtime_port) = (free_port()?, free_port()?);
        let timeout = timeout_seconds.to_string();
        let mut environment = environment(&[
            ("AWS_LAMBDA_FUNCTION_NAME", function),
            ("AWS_LAMBDA_FUNCTION_TIMEOUT", &timeout),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
        ]);
        environment.extend(endpoints.environment());
        let arguments = [
            "--runtime-interface-emulator-address",
            &format!("127.0.0.1:{port}"),
            "--runtime-api-address",
            &format!("127.0.0.1:{runtime_port}"),
            "--log-level",
            "info",
            &binary.display().to_string(),
        ]
        .map(str::to_owned);
        let log = scratch.join("rie.log");
        let mut daemon = Daemon::start("the runtime emulator", &paths::rie()?, &arguments, &environment, &log)?;
        daemon.until(PATIENCE, || std::net::TcpStream::connect(("127.0.0.1", port)).ok())?;
        Ok(Emulator { daemon, url: format!("http://127.0.0.1:{port}/2015-03-31/functions/function/invocations") })
    }

    /// Calls the function. An error of the function's is an answer too: `errorType` and
    /// `errorMessage`.
    ///
    /// # Errors
    /// When the emulator does not answer with JSON.
    pub fn invoke(&mut self, event: &str) -> anyhow::Result<Value> {
        let mut response = ureq::post(&self.url)
            .config()
            .http_status_as_error(false)
            .build()
            .header("content-type", "application/json")
            .send(event)
            .context("the runtime emulator does not answer")?;
        let text = response.body_mut().read_to_string().context("half an answer")?;
        serde_json::from_str(&text).with_context(|| format!("not JSON: {text}"))
    }

    /// Where what it prints is kept.
    #[must_use]
    pub fn log(&self) -> &Path {
        self.daemon.log()
    }
}

/// Where a function that MiniStack did not start finds its world.
#[derive(Debug, Clone)]
pub struct Endpoints {
    /// MiniStack's address.
    pub serverless: String,
    /// The simulator's address.
    pub fleet: String,
    /// Spotkeeper's table.
    pub table: String,
    /// The policy's parameter.
    pub policy_parameter: String,
    /// The state machine's ARN.
    pub state_machine: String,
}

impl Endpoints {
    /// As the environment of a function.
    #[must_use]
    pub fn environment(&self) -> Vec<(String, String)> {
        let own = [
            ("AWS_ENDPOINT_URL", &self.serverless),
            ("SPOTKEEPER_TABLE", &self.table),
            ("SPOTKEEPER_POLICY_PARAMETER", &self.policy_parameter),
            ("SPOTKEEPER_STATE_MACHINE", &self.state_machine),
        ];
        let own = own.into_iter().map(|(key, value)| (key.to_owned(), value.clone()));
        let fixed = [("SPOTKEEPER_CLUSTERS_IN_FLIGHT", "5"), ("SPOTKEEPER_STACK", "spotkeeper")];
        let fixed = fixed.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let fleet = FLEET_SERVICES.iter().map(|name| (format!("AWS_ENDPOINT_URL_{name}"), self.fleet.clone()));
        own.chain(fixed).chain(fleet).collect()
    }
}
