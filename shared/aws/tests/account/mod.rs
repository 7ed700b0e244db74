//! A simulated account over HTTP.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_ecs::config::{Credentials, SharedCredentialsProvider};
use aws_sim::Speed;
use aws_sim::wire::Sim;
use aws_sim::world::World;
use spotkeeper_aws::client::Clients;

/// Serves a world, and makes clients that know no other endpoint.
pub(crate) async fn serve(world: World, speed: Speed) -> (Sim, Clients) {
    let sim = Sim::new(world, speed);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(sim.clone().serve(listener));
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::for_tests()))
        .endpoint_url(endpoint)
        .build();
    (sim, Clients::load(&config))
}
