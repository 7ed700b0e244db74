//! A function that does nothing: what `cargo xtask bench functions` measures the others beside.

use spotkeeper_lambda::{Failure, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    serve(async |_, _| Ok::<(), Failure>(())).await
}
