//! Processes that end with whoever started them.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::paths;

/// How long to wait between two looks at a process that starts.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A process with all that it starts. It ends when this value is dropped, and also when the
/// program that holds it ends in any other way: see `supervise.py`.
#[derive(Debug)]
pub struct Daemon {
    name: String,
    supervisor: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts a program with these arguments in exactly this environment; what it prints goes to
    /// `log`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(
        name: &str,
        program: &Path,
        arguments: &[String],
        environment: &[(String, String)],
        log: &Path,
    ) -> anyhow::Result<Daemon> {
        let output = File::create(log).with_context(|| format!("{} cannot be written", log.display()))?;
        let supervisor = Command::new(paths::tool("python")?)
            .args(["-I", "-c", include_str!("supervise.py")])
            .arg(program)
            .args(arguments)
            .env_clear()
            .envs(environment.iter().map(|(key, value)| (key, value)))
            .stdin(Stdio::piped())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("{name} cannot be started"))?;
        Ok(Daemon { name: name.to_owned(), supervisor, log: log.to_owned() })
    }

    /// Waits until `ready` answers something.
    ///
    /// # Errors
    /// When the process ends before, or takes longer than `patience`: with what it has printed.
    pub fn until<T>(&mut self, patience: Duration, mut ready: impl FnMut() -> Option<T>) -> anyhow::Result<T> {
        let started = Instant::now();
        loop {
            if let Some(answer) = ready() {
                return Ok(answer);
            }
            if let Some(status) = self.supervisor.try_wait()? {
                bail!("{} has ended ({status}):\n{}", self.name, self.printed());
            }
            if started.elapsed() > patience {
                bail!("{} is not ready after {} s:\n{}", self.name, patience.as_secs(), self.printed());
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// The last of what it has printed.
    #[must_use]
    pub fn printed(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(60)..].join("\n")
    }

    /// Where what it prints is kept.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Closing the pipe is the sign to end.
        drop(self.supervisor.stdin.take());
        // Best effort: nobody is left to tell.
        _ = self.supervisor.wait();
    }
}

/// A port that nobody listens on now.
///
/// # Errors
/// When there is none.
pub fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("no free port on 127.0.0.1")?;
    Ok(listener.local_addr().context("the listener has no address")?.port())
}

/// This program's environment without anything of AWS's, so that no test reaches an account, plus
/// `more`.
#[must_use]
pub fn environment(more: &[(&str, &str)]) -> Vec<(String, String)> {
    let fixed = [
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_REGION", REGION),
        ("AWS_DEFAULT_REGION", REGION),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_CONFIG_FILE", "/dev/null"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
        ("AWS_PAGER", ""),
        // MiniStack listens on one host: `sync-` before its name would not resolve.
        ("AWS_DISABLE_HOST_PREFIX_INJECTION", "true"),
        ("SAM_CLI_TELEMETRY", "0"),
    ];
    std::env::vars()
        .filter(|(key, _)| !key.starts_with("AWS_") && !key.starts_with("SAM_") && !key.starts_with("DOCKER_"))
        .chain(fixed.iter().chain(more).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())))
        .collect()
}

/// The Region that everything runs in.
pub const REGION: &str = "us-east-1";
