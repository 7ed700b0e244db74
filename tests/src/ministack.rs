//! MiniStack: Lambda, Step Functions, DynamoDB, SSM, CloudWatch, EventBridge, CloudFormation and
//! IAM on one port.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Context;

use crate::api::Api;
use crate::daemon::{Daemon, environment, free_port};
use crate::paths;
use crate::sim::FLEET_SERVICES;

/// How long MiniStack may take to start: about a second on an idle machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A MiniStack that ends with this value.
#[derive(Debug)]
pub struct MiniStack {
    daemon: Daemon,
    url: String,
    scratch: PathBuf,
    // Dropped after the daemon, which has ended by then.
    _temporary: Temporary,
}

/// A directory that goes with this value: MiniStack unpacks every function into it.
#[derive(Debug)]
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // What cannot be removed now goes with the next `cargo xtask test`.
        _ = std::fs::remove_dir_all(&self.0);
    }
}

/// How to start MiniStack.
#[derive(Debug, Default, Clone)]
pub struct Options {
    /// Where the functions find ECS, EC2, load balancers and scaling; nowhere where absent.
    pub fleet: Option<String>,
    /// Whether IAM roles are enforced.
    pub authorises: bool,
    /// More of its environment, which the functions inherit.
    pub environment: Vec<(String, String)>,
}

impl MiniStack {
    /// Starts it and waits until it is ready.
    ///
    /// # Errors
    /// When it does not become ready.
    pub fn start(options: &Options) -> anyhow::Result<MiniStack> {
        let scratch = paths::scratch("ministack")?;
        let port = free_port()?;
        let url = format!("http://127.0.0.1:{port}");
        let fleet = options.fleet.clone().unwrap_or_else(|| "http://127.0.0.1:1".to_owned());
        let port = port.to_string();
        let temporary = Temporary(scratch.join("tmp"));
        std::fs::create_dir_all(&temporary.0).with_context(|| format!("{} cannot be made", temporary.0.display()))?;
        let tmpdir = temporary.0.display().to_string();
        let mut environment = environment(&[
            ("GATEWAY_PORT", &port),
            ("BIND_HOST", "127.0.0.1"),
            // Functions are local processes; a container engine, where there is one, stays out of it.
            ("DOCKER_HOST", "tcp://127.0.0.1:1"),
            // Its MQTT listener takes a fixed port.
            ("IOT_MTLS_ENABLED", "0"),
            ("PERSIST_STATE", "0"),
            // Functions get it only where MiniStack has it.
            ("AWS_ENDPOINT_URL", &url),
            ("TMPDIR", &tmpdir),
        ]);
        environment.extend(FLEET_SERVICES.iter().map(|name| (format!("AWS_ENDPOINT_URL_{name}"), fleet.clone())));
        if options.authorises {
            environment.push(("AUTH".to_owned(), "true".to_owned()));
        }
        environment.extend(options.environment.iter().cloned());
        let log = scratch.join("ministack.log");
        let mut daemon = Daemon::start("MiniStack", &paths::ministack()?, &[], &environment, &log)?;
        let health = format!("{url}/_ministack/health");
        daemon.until(PATIENCE, || ureq::get(&health).call().ok())?;
        Ok(MiniStack { daemon, url, scratch, _temporary: temporary })
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

    /// Where it keeps its files.
    #[must_use]
    pub fn scratch(&self) -> &Path {
        &self.scratch
    }

    /// A file of its own, with this text.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn file(&self, name: &str, text: &str) -> anyhow::Result<PathBuf> {
        let path = self.scratch.join(name);
        std::fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))?;
        Ok(path)
    }
}

/// Kills a function of the MiniStack with these files, as a crash would.
///
/// # Errors
/// When the processes cannot be listed.
pub fn kill_function(scratch: &Path, name: &str) -> anyhow::Result<()> {
    for (process, _) in functions(scratch)?.into_iter().filter(|(_, function)| function == name) {
        let id = process.file_name().unwrap_or_default();
        Command::new("kill").arg("-9").arg(id).status().context("kill cannot be started")?;
    }
    Ok(())
}

/// The processes of functions that the MiniStack with these files runs, as directories of `/proc`,
/// each with the function's name: the `bootstrap`s below it, by their `AWS_SDK_UA_APP_ID`. Linux
/// only.
///
/// # Errors
/// When the processes cannot be listed.
pub fn functions(scratch: &Path) -> anyhow::Result<Vec<(PathBuf, String)>> {
    let processes = std::fs::read_dir("/proc").context("/proc cannot be read")?;
    Ok(processes.flatten().filter_map(|entry| Some((entry.path(), function(scratch, &entry.path())?))).collect())
}

/// The function that a process is. One that ends meanwhile is none.
fn function(scratch: &Path, process: &Path) -> Option<String> {
    let words =
        |name: &str| std::fs::read(process.join(name)).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let command = words("cmdline").ok()?;
    let program = Path::new(command.split('\0').next()?);
    if !program.starts_with(scratch) || !program.ends_with("bootstrap") {
        return None;
    }
    let environment = words("environ").ok()?;
    environment.split('\0').find_map(|each| each.strip_prefix("AWS_SDK_UA_APP_ID=spotkeeper-")).map(str::to_owned)
}
