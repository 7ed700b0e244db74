//! How many requests a second the simulator answers on one machine, client and server together:
//! `cargo run --release -p aws-sim --example wire_rate`. A figure to look at, not a test.

#![allow(clippy::print_stdout, reason = "an example prints")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use anyhow::Context;
use aws_sim::{Speed, account, serve};

const CLIENTS: usize = 4;
const CALLS: usize = 2_000;
const TARGET: &str = "AmazonEC2ContainerServiceV20141113";

fn main() -> anyhow::Result<()> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/accounts/fleet.yaml");
    let runtime = tokio::runtime::Runtime::new()?;
    for (action, body) in [
        ("ListServices", r#"{"cluster": "c1", "maxResults": 100}"#),
        ("DescribeServices", r#"{"cluster": "c1", "services": ["svc-1"]}"#),
        ("ListTasks", r#"{"cluster": "c1"}"#),
    ] {
        // A world for each, so that one does not wear the next.
        let mut world = account::load(std::path::Path::new(file), jiff::Timestamp::now())?;
        world.settings.throttling = aws_sim::world::settings::Throttling::Off;
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?;
        runtime.spawn(serve(world, Speed::REAL, listener));
        let start = Instant::now();
        let clients: Vec<_> =
            (0..CLIENTS).map(|_| std::thread::spawn(move || call_often(address, action, body))).collect();
        for client in clients {
            client.join().map_err(|_| anyhow::anyhow!("a client ended early"))??;
        }
        let seconds = start.elapsed().as_secs_f64();
        #[allow(clippy::cast_precision_loss, reason = "a few thousand")]
        let rate = (CLIENTS * CALLS) as f64 / seconds;
        println!("{action}: {rate:.0} requests a second, {CLIENTS} connections, 500 services in the account");
    }
    Ok(())
}

/// Sends the same request over and over on one connection.
fn call_often(address: SocketAddr, action: &str, body: &str) -> anyhow::Result<()> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream;
    let request = format!(
        "POST / HTTP/1.1\r\nHost: sim\r\nX-Amz-Target: {TARGET}.{action}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    for _ in 0..CALLS {
        writer.write_all(request.as_bytes())?;
        answer(&mut reader)?;
    }
    Ok(())
}

fn answer(reader: &mut impl BufRead) -> anyhow::Result<()> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    anyhow::ensure!(line.starts_with("HTTP/1.1 200"), "{line:?}");
    let mut length = 0_u64;
    while line != "\r\n" {
        line.clear();
        reader.read_line(&mut line)?;
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().context("the length is no number")?;
        }
    }
    std::io::copy(&mut reader.take(length), &mut std::io::sink())?;
    Ok(())
}
