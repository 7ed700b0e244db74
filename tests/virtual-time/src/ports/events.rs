//! What the interruption recorder needs beside the state: the account behind the names in events,
//! and the state machine.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use spotkeeper_core::ids::{ClusterName, InstanceId, RunId};
use spotkeeper_core::ports::{Inventory, Orchestrator, PortError};
use spotkeeper_core::signals::{Directory, SpotInstance};

use super::Ports;

impl Inventory for Ports {
    async fn instances(&self, ids: &BTreeSet<InstanceId>) -> Result<BTreeMap<InstanceId, SpotInstance>, PortError> {
        self.call("inventory.instances", |inner| Ok(aws_sim::fleet::instances(&inner.world, ids))).await
    }

    async fn directory(&self, _groups: &BTreeSet<String>) -> Result<Directory, PortError> {
        self.call("inventory.directory", |inner| Ok(aws_sim::fleet::directory(&inner.world))).await
    }
}

impl Orchestrator for Ports {
    async fn start_run(&self, name: &RunId, clusters: &[ClusterName]) -> Result<(), PortError> {
        self.call("orchestrator.start_run", |inner| {
            if inner.started.insert(name.clone()) {
                inner.starts.push((name.clone(), json!({ "clusters": clusters })));
            }
            Ok(())
        })
        .await
    }
}
