//! A simulator on a port of its own, asked with raw HTTP.

use aws_sim::wire::Sim;
use aws_sim::{Speed, account};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub(crate) const DEMO: &str = include_str!("../../accounts/demo.yaml");

/// A simulator on a port of its own.
pub(crate) struct Server {
    pub(crate) port: u16,
    pub(crate) sim: Sim,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

pub(crate) async fn start(account: &str, speed: f64) -> Server {
    let world = account::parse(account, "demo.yaml", jiff::Timestamp::now()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let sim = Sim::new(world, Speed::new(speed).unwrap());
    tokio::spawn(sim.clone().serve(listener));
    Server { port, sim }
}

impl Server {
    /// `None`: the connection was closed without an answer.
    pub(crate) async fn raw(&self, method: &str, path: &str, headers: &str, body: &str) -> Option<Answer> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: sim\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.ok()?;
        let (head, body) = text.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some(Answer { status, head: head.to_owned(), body: body.to_owned() })
    }

    pub(crate) async fn try_ecs(&self, action: &str, input: Value) -> Option<Answer> {
        let headers = format!(
            "X-Amz-Target: AmazonEC2ContainerServiceV20141113.{action}\r\nContent-Type: application/x-amz-json-1.1\r\n"
        );
        self.raw("POST", "/", &headers, &input.to_string()).await
    }

    pub(crate) async fn ecs(&self, action: &str, input: Value) -> Answer {
        self.try_ecs(action, input).await.unwrap()
    }

    pub(crate) async fn query(&self, body: &str) -> Answer {
        self.raw("POST", "/", "Content-Type: application/x-www-form-urlencoded\r\n", body).await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        self.raw("GET", path, "", "").await.unwrap().json()
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.raw("POST", path, "", &body.to_string()).await.unwrap()
    }

    pub(crate) async fn fault(&self, fault: Value) {
        let answer = self.post("/_sim/faults", fault).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}

pub(crate) fn to_spot() -> Value {
    json!({
        "cluster": "shop", "service": "web", "forceNewDeployment": true,
        "capacityProviderStrategy": [{"capacityProvider": "FARGATE", "base": 1, "weight": 1}, {"capacityProvider": "FARGATE_SPOT", "weight": 1}],
    })
}
