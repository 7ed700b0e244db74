//! Against MiniStack: what only a table that really compares and swaps can show.
//!
//! `SPOTKEEPER_MINISTACK=http://127.0.0.1:PORT cargo test -p spotkeeper-aws state::tests::live`

mod leases;
mod records;
mod signals;
mod switches;

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use jiff::{SignedDuration, Timestamp};
use spotkeeper_core::fixtures;
use spotkeeper_core::ids::{ClusterName, ServiceArn, ServiceRef};
use spotkeeper_core::observe::{Cluster, Family};
use spotkeeper_core::ports::{LeaseAnswer, State};
use spotkeeper_core::record::{Lease, Ledger, MoveRecord, Outcome};
use spotkeeper_core::switch::Scope;

use super::{entry, ledger, move_id, time};
use crate::fleet::{Cache, CacheEntry};
use crate::state::DynamoState;

/// A state over a table of its own, on MiniStack.
struct Live {
    state: DynamoState,
    dynamodb: aws_sdk_dynamodb::Client,
    ssm: aws_sdk_ssm::Client,
    table: String,
}

/// `None`, told, where MiniStack is not running.
async fn live(test: &str) -> Option<Live> {
    let Ok(endpoint) = std::env::var("SPOTKEEPER_MINISTACK") else {
        println!("SKIP state::tests::live::{test}: SPOTKEEPER_MINISTACK is not set");
        return None;
    };
    let region = Region::new("us-east-1");
    let dynamodb = aws_sdk_dynamodb::Client::from_conf(
        aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .credentials_provider(Credentials::for_tests())
            .region(region.clone())
            .endpoint_url(&endpoint)
            .build(),
    );
    let ssm = aws_sdk_ssm::Client::from_conf(
        aws_sdk_ssm::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .credentials_provider(Credentials::for_tests())
            .region(region)
            .endpoint_url(&endpoint)
            .build(),
    );
    let table = format!("{test}-{:08x}", fastrand::u32(..));
    let mut create = dynamodb.create_table().table_name(&table).billing_mode(BillingMode::PayPerRequest);
    for (name, key) in [("pk", KeyType::Hash), ("sk", KeyType::Range)] {
        let text = AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S);
        create = create
            .attribute_definitions(text.build().unwrap())
            .key_schema(KeySchemaElement::builder().attribute_name(name).key_type(key).build().unwrap());
    }
    create.send().await.unwrap();
    let state = DynamoState::with_clients(dynamodb.clone(), ssm.clone(), &table, &format!("/{table}/policy"));
    Some(Live { state, dynamodb, ssm, table })
}

impl Live {
    /// Puts an item as a person would.
    async fn put_by_hand(&self, attributes: &[(&str, AttributeValue)]) {
        let item: HashMap<_, _> = attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        self.dynamodb.put_item().table_name(&self.table).set_item(Some(item)).send().await.unwrap();
    }

    async fn item(&self, pk: &str, sk: &str) -> Option<HashMap<String, AttributeValue>> {
        let get = self.dynamodb.get_item().table_name(&self.table);
        get.key("pk", text(pk)).key("sk", text(sk)).consistent_read(true).send().await.unwrap().item
    }

    async fn lease(&self, holder: &str, epoch: u64, now: Timestamp) -> LeaseAnswer {
        let until = now + SignedDuration::from_secs(60);
        self.state.take_lease(&fixtures::service_ref("web"), holder, epoch, now, until).await.unwrap()
    }
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

#[track_caller]
fn taken(answer: LeaseAnswer) -> Lease {
    match answer {
        LeaseAnswer::Taken(lease) => lease,
        other => panic!("not taken: {other:?}"),
    }
}
