//! What was asked of this account, by whom nobody knows: AWS bills and throttles by the call.

use std::collections::BTreeMap;

use serde::Serialize;

/// Every API call that was made, by `service:Action` as IAM names it.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counters {
    /// Every call, whatever the answer was.
    pub calls: BTreeMap<String, u64>,
    /// The calls that were throttled, by a token bucket or by a fault.
    pub throttled: BTreeMap<String, u64>,
    /// The calls that were refused for another reason, as `service:Action ErrorCode`.
    pub refused: BTreeMap<String, u64>,
    /// UpdateService by `cluster/service`: accepted calls.
    pub update_service: BTreeMap<String, u64>,
    /// UpdateService by `cluster/service`: refused calls.
    pub update_service_refused: BTreeMap<String, u64>,
}

/// Adds one to an entry.
pub fn count(map: &mut BTreeMap<String, u64>, key: &str) {
    match map.get_mut(key) {
        Some(n) => *n += 1,
        None => {
            map.insert(key.to_owned(), 1);
        }
    }
}
