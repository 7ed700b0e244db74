//! Containers cannot reach what listens on this machine's own address only; this passes their
//! connections on.

use std::io;
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

use anyhow::Context;

/// Listens on a free port of `address` and passes every connection on to `to`, until the program
/// ends. Answers with where it listens.
///
/// # Errors
/// When nothing can listen on the address.
pub fn relay(address: IpAddr, to: SocketAddr) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind((address, 0)).with_context(|| format!("nothing can listen on {address}"))?;
    let place = listener.local_addr().context("the listener has no address")?;
    thread::spawn(move || {
        for from in listener.incoming().flatten() {
            // A connection that cannot be passed on is closed: the client sees that.
            thread::spawn(move || _ = pass(&from, to));
        }
    });
    Ok(place)
}

fn pass(from: &TcpStream, to: SocketAddr) -> io::Result<()> {
    let onward = TcpStream::connect(to)?;
    let (mut read, mut write) = (from.try_clone()?, onward.try_clone()?);
    let back = thread::spawn({
        let (mut read, mut write) = (onward.try_clone()?, from.try_clone()?);
        move || {
            _ = io::copy(&mut read, &mut write);
            _ = write.shutdown(Shutdown::Write);
        }
    });
    io::copy(&mut read, &mut write)?;
    onward.shutdown(Shutdown::Write)?;
    _ = back.join();
    Ok(())
}
