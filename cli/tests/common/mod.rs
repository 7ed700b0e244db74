//! What the tests of commands share: the program, golden files, and an account to ask.

#![allow(dead_code, reason = "each test file uses a part")]

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Output};
use std::sync::mpsc;
use std::time::Duration;

use aws_sim::wire::Sim;
use aws_sim::{Speed, account};
use serde_json::{Value, json};

/// How long a terminal may be silent.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs the program with nothing of this machine's AWS settings.
pub(crate) fn spotkeeper(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    command(arguments, environment).output().unwrap()
}

/// The same, on a terminal of its own.
pub(crate) fn on_terminal(arguments: &[&str], environment: &[(&str, &str)]) -> Terminal {
    let (terminal, end) = pty_process::blocking::open().unwrap();
    terminal.resize(pty_process::Size::new(24, 80)).unwrap();
    let mut command = command(arguments, environment);
    command.env("TERM", "xterm").env("COLUMNS", "80");
    let child = pty_process::blocking::Command::from(command).spawn(end).unwrap();
    let keys = File::from(OwnedFd::from(terminal));
    let mut screen = keys.try_clone().unwrap();
    let (send, said) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        // Linux ends a terminal on which nobody is left with an error.
        while let Ok(number @ 1..) = screen.read(&mut bytes) {
            _ = send.send(bytes[..number].to_vec());
        }
    });
    Terminal { child, keys, said, text: String::new() }
}

/// A terminal, with the program on it.
pub(crate) struct Terminal {
    pub(crate) child: Child,
    keys: File,
    said: mpsc::Receiver<Vec<u8>>,
    text: String,
}

impl Terminal {
    pub(crate) fn press_ctrl_c(&mut self) {
        self.keys.write_all(&[3]).unwrap();
    }

    /// Waits until it says something.
    pub(crate) fn until(&mut self, words: &str) {
        while !self.text.contains(words) {
            assert!(self.hears(), "it has ended without {words:?}: {:?}", self.text);
        }
    }

    /// What it says until its end, and its exit status.
    pub(crate) fn ended(mut self) -> (String, i32) {
        while self.hears() {}
        let status = self.child.wait().unwrap();
        (self.text.clone(), status.code().unwrap_or_else(|| panic!("{status}: {:?}", self.text)))
    }

    /// Hears what it says next; `false` where nothing more will come.
    fn hears(&mut self) -> bool {
        match self.said.recv_timeout(PATIENCE) {
            Ok(bytes) => self.text.push_str(&String::from_utf8_lossy(&bytes)),
            Err(mpsc::RecvTimeoutError::Disconnected) => return false,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("it says nothing more: {:?}", self.text),
        }
        true
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // A test that failed leaves nothing running.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

fn command(arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spotkeeper"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AWS_")) {
        command.env_remove(name);
    }
    command
        .current_dir(root().join("tests/data"))
        .args(arguments)
        .env_remove("NO_COLOR")
        .env_remove("COLUMNS")
        .env("HOME", root().join("tests/data/nobody"))
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .envs(environment.iter().copied());
    command
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Holds an answer to a file; `UPDATE_GOLDEN=1` writes the file anew.
pub(crate) fn golden(name: &str, answer: &str) {
    let path = root().join("tests/golden").join(name);
    let update = std::env::var("UPDATE_GOLDEN").is_ok();
    if update {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, answer).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(answer, expected, "{name}: UPDATE_GOLDEN=1 writes it anew");
}

/// The widest line of a text.
pub(crate) fn widest(text: &str) -> usize {
    text.lines().map(|line| line.chars().count()).max().unwrap_or(0)
}

/// A simulated account on the wire, in this process, whose clock stands nearly still.
pub(crate) struct Account {
    pub(crate) sim: Sim,
    pub(crate) url: String,
    _runtime: tokio::runtime::Runtime,
}

impl Account {
    /// The account of `tests/data/account.yaml`, or of another file there.
    pub(crate) fn start(file: &str) -> Account {
        Account::at_speed(file, 0.001)
    }

    /// The same, at so many virtual seconds in a second.
    pub(crate) fn at_speed(file: &str, speed: f64) -> Account {
        let world = account::load(&root().join("tests/data").join(file), jiff::Timestamp::now()).unwrap();
        let sim = Sim::new(world, Speed::new(speed).unwrap());
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        runtime.spawn(sim.clone().serve(listener));
        Account { sim, url, _runtime: runtime }
    }

    /// What lets the program ask it.
    pub(crate) fn environment(&self) -> Vec<(&str, &str)> {
        vec![
            ("AWS_ENDPOINT_URL", self.url.as_str()),
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ACCESS_KEY_ID", "x"),
            ("AWS_SECRET_ACCESS_KEY", "y"),
        ]
    }

    /// Holds the answers to an action back, or lets them go.
    pub(crate) fn hold(&self, action: &str, before: bool, on: bool) {
        let fault = json!({ "fault": "hold", "action": action, "before": before, "on": on });
        ureq::post(format!("{}/_sim/faults", self.url)).send_json(&fault).unwrap();
    }

    /// Waits until an answer is held back.
    pub(crate) fn until_held(&self) {
        let held = || -> Value {
            ureq::get(format!("{}/_sim/held", self.url)).call().unwrap().body_mut().read_json().unwrap()
        };
        while !held().to_string().contains("\"action\"") {
            std::thread::yield_now();
        }
    }

    /// Runs the program against it.
    pub(crate) fn run(&self, arguments: &[&str], more: &[(&str, &str)]) -> Output {
        let environment: Vec<(&str, &str)> = self.environment().into_iter().chain(more.iter().copied()).collect();
        spotkeeper(arguments, &environment)
    }
}

/// The commands of a page of the docs, `$ spotkeeper ...`, each with the exit status that it says.
pub(crate) fn commands(page: &str) -> Vec<(Vec<String>, i32)> {
    let page = std::fs::read_to_string(root().join("../docs").join(page)).unwrap();
    let lines = page.lines().filter_map(|line| line.strip_prefix("$ spotkeeper "));
    lines
        .map(|line| {
            let (command, status) = line.split_once("  # exit ").unwrap_or((line, "0"));
            (words(command), status.trim().parse().unwrap())
        })
        .collect()
}

/// The words of a command line; what is between double quotes is one.
fn words(line: &str) -> Vec<String> {
    let parts = line.split('"').enumerate();
    parts
        .flat_map(|(number, part)| match number % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect(),
            _ => vec![part.to_owned()],
        })
        .collect()
}
